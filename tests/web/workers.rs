//! The workers, and what they run.

use axum::http::request::Parts;
use jobs::web::Access;
use jobs::{JobId, NamedJob, Principal, Role, schedule_all};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::sent::Sent;

cases![
    a_worker_shows_what_it_has_been_running_longest,
    a_worker_shows_no_job_that_does_not_run_there,
    what_all_workers_run_is_read_by_one_statement,
];

/// Adds a worker of this number, which lives for an hour and runs nothing.
async fn add_worker(t: &Database, id: i64) {
    let (now, later) = (t.seconds_from_now(0), t.seconds_from_now(3_600));
    let values = format!("{id}, 'worker {id}', 'here', 7, {now}, {now}, {later}");
    t.execute(&format!(
        "INSERT INTO jobs_worker (id, name, host, pid, started_at, last_seen_at, expires_at, serves) VALUES ({values}, '{{}}')"
    ))
    .await;
}

/// Schedules so many jobs.
async fn add_jobs(t: &Database, count: usize) -> Vec<JobId> {
    let jobs = (0..count).map(|number| NamedJob::new(format!("<b>{number}"), json!({})));
    schedule_all(t.db(), jobs).await.unwrap().iter().map(jobs::JobHandle::id).collect()
}

/// Lets a job run there since so many minutes.
async fn run(t: &Database, job: JobId, worker: i64, minutes: i64) {
    let since = t.seconds_from_now(-60 * minutes);
    let change = format!("status = 1, attempt = 1, worker_id = {worker}, started_at = {since}");
    t.execute(&format!("UPDATE jobs_job SET {change} WHERE id = {job}")).await;
}

/// The row of a worker.
fn row(page: &str, worker: i64) -> &str {
    let (_, row) = page.split_once(&format!("<tr data-key=\"{worker}\">")).unwrap_or_else(|| panic!("{page}"));
    row.split_once("</tr>").unwrap().0
}

/// The jobs in a row, in order.
fn shown(row: &str) -> Vec<JobId> {
    let links = row.split("<a href=\"job?id=").skip(1);
    links.map(|rest| rest.split_once('"').unwrap().0.parse().unwrap()).collect()
}

async fn a_worker_shows_what_it_has_been_running_longest(t: Database) {
    add_worker(&t, 1).await;
    add_worker(&t, 2).await;
    let jobs = add_jobs(&t, 13).await;
    // The later a job was scheduled, the longer it has been running.
    let mut longest = Vec::new();
    for (minutes, job) in (1..).zip(&jobs[..12]) {
        run(&t, *job, 1, minutes).await;
        longest.insert(0, *job);
    }
    // These two were claimed together.
    let (first, second, since) = (jobs[6], jobs[7], t.seconds_from_now(-450));
    t.execute(&format!("UPDATE jobs_job SET started_at = {since} WHERE id IN ({first}, {second})")).await;
    longest.swap(4, 5);
    run(&t, jobs[12], 2, 90).await;
    let page = Browser::of(&t, Role::Viewer).get("/workers").await.page();
    assert_eq!(shown(row(&page, 1)), longest[..10], "{page}");
    for text in ["<td data-label=\"Running\">12<", ">&#60;b&#62;11</a>", ">12m", "and 2 others"] {
        assert!(row(&page, 1).contains(text), "it does not say {text}: {page}");
    }
    assert_eq!(shown(row(&page, 2)), jobs[12..], "{page}");
    assert!(row(&page, 2).contains(">1h30m") && !row(&page, 2).contains("other"), "{page}");
}

async fn a_worker_shows_no_job_that_does_not_run_there(t: Database) {
    add_worker(&t, 1).await;
    let jobs = add_jobs(&t, 4).await;
    run(&t, jobs[0], 1, 1).await;
    // Ended, given back, and of a worker that is gone.
    for (job, status, worker) in [(jobs[1], 4, 1), (jobs[2], 0, 1), (jobs[3], 1, 9)] {
        t.execute(&format!("UPDATE jobs_job SET status = {status}, worker_id = {worker} WHERE id = {job}")).await;
    }
    let page = Browser::of(&t, Role::Viewer).get("/workers").await.page();
    assert_eq!(shown(&page), jobs[..1], "{page}");
    assert!(row(&page, 1).contains("<td data-label=\"Running\">1<"), "{page}");
}

async fn what_all_workers_run_is_read_by_one_statement(t: Database) {
    let (db, sent) = Sent::by_a_connection(&t).await;
    let jobs = add_jobs(&t, 6).await;
    for (worker, job) in (1..).zip(&jobs) {
        add_worker(&t, worker).await;
        run(&t, *job, worker, worker).await;
    }
    let everyone = |_: &Parts| Ok(Principal::new("ada", Role::Viewer));
    let browser = Browser::with(db, Access::by(everyone));
    let before = sent.count();
    let page = browser.get("/workers").await.page();
    // The workers themselves are read by the other one.
    assert_eq!((shown(&page), sent.count() - before), (jobs, 2), "{page}");
}
