//! The list of failed jobs: those that have failed last come first.

use jobs::{JobFilter, JobId, JobOptions, NamedJob, Role, schedule_all};
use jobs_tests::{Database, Kind, cases};
use serde_json::json;

use crate::jobs_page::listed;
use crate::support::api::Program;
use crate::support::browser::Browser;

cases![
    failed_jobs_are_listed_by_when_they_have_failed_page_by_page,
    a_page_goes_on_where_it_ended_whatever_has_become_of_that_job,
    other_lists_stay_in_the_order_of_scheduling,
    the_time_of_scheduling_is_a_condition_among_failed_jobs_too,
    a_search_among_many_failed_jobs_stops_at_its_bound_and_goes_on_from_there,
    a_place_that_no_database_knows_is_the_nearest_one,
];

/// So many seconds after the beginning of 2020, as a number in SQL says it.
fn time(t: &Database, seconds: &str) -> String {
    match t.kind() {
        Kind::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%fZ', '2020-01-01', ({seconds}) || ' seconds')"),
        Kind::Postgres => format!("timestamptz '2020-01-01Z' + ({seconds}) * interval '1 second'"),
        Kind::Mariadb | Kind::Mysql => format!("TIMESTAMP '2020-01-01 00:00:00' + INTERVAL ({seconds}) SECOND"),
    }
}

/// Lets these jobs have failed, so long after the beginning of 2020.
async fn fail(t: &Database, jobs: &[JobId], seconds: i64) {
    let (at, ids) = (time(t, &seconds.to_string()), jobs.iter().map(JobId::to_string).collect::<Vec<_>>().join(", "));
    let failed = format!("status = 3, last_error = 'it is odd', finished_at = {at}");
    t.execute(&format!("UPDATE jobs_job SET {failed} WHERE id IN ({ids})")).await;
}

async fn add(t: &Database, count: usize) -> Vec<JobId> {
    let options = || JobOptions::new().user("ada");
    let jobs = (0..count).map(|_| NamedJob::new("Odd", json!({ "size": 1 })).with_options(options()));
    schedule_all(t.db(), jobs).await.unwrap().iter().map(jobs::JobHandle::id).collect()
}

/// 120 jobs that have failed in another order than they were scheduled, three at a time; those that have failed last first.
async fn failed(t: &Database) -> Vec<JobId> {
    let jobs = add(t, 120).await;
    let mut latest = Vec::new();
    for second in 0..40 {
        let first = second * 7 % 40;
        let together = [jobs[first], jobs[first + 40], jobs[first + 80]];
        fail(t, &together, i64::try_from(second).unwrap()).await;
        latest.splice(0..0, together.into_iter().rev());
    }
    latest
}

/// The address of the next page, if there is one.
fn next(page: &str) -> Option<String> {
    let (before, _) = page.split_once(" older</a>").or_else(|| page.split_once(">Older</a>"))?;
    let (_, link) = before.rsplit_once("href=\"")?;
    Some(format!("/{}", link.split_once('"')?.0.replace("&amp;", "&")))
}

/// The time in a link: when that job has failed.
fn failed_in(link: &str) -> String {
    link.split_once("&failed=").unwrap().1.to_owned()
}

/// The jobs of all pages from this address on, and how many pages there are.
async fn all(browser: &Browser, address: &str) -> (Vec<i64>, usize) {
    let (mut found, mut address, mut pages) = (Vec::new(), Some(address.to_owned()), 0);
    while let Some(asked) = address {
        let page = browser.get(&asked).await.page();
        found.extend(listed(&page));
        (address, pages) = (next(&page), pages + 1);
        assert!(pages < 10, "there is no end: {found:?}");
    }
    (found, pages)
}

fn numbers(jobs: &[JobId]) -> Vec<i64> {
    jobs.iter().map(|job| job.get()).collect()
}

async fn failed_jobs_are_listed_by_when_they_have_failed_page_by_page(t: Database) {
    let expected = numbers(&failed(&t).await);
    let browser = Browser::of(&t, Role::Operator);
    for filter in ["", "+name%3AOdd", "+user%3Aada", "+error%3Aodd", "+size%3A1+user%3Aada", "+-status%3Arunning"] {
        let found = all(&browser, &format!("/jobs?filter=status%3Afailed{filter}")).await;
        assert_eq!(found, (expected.clone(), 3), "{filter}");
    }
    let some = format!("/jobs?filter=status%3Afailed+{}+{}", expected[90], expected[3]);
    assert_eq!(all(&browser, &some).await.0, [expected[3], expected[90]]);
}

async fn a_page_goes_on_where_it_ended_whatever_has_become_of_that_job(t: Database) {
    let expected = failed(&t).await;
    let browser = Browser::of(&t, Role::Viewer);
    for retried in [false, true] {
        let page = browser.get("/jobs?filter=status%3Afailed").await.page();
        let first = listed(&page);
        let last = *first.last().unwrap();
        if retried {
            jobs::retry(t.db(), last).await.unwrap();
        } else {
            jobs::delete(t.db(), last).await.unwrap();
        }
        let place = expected.iter().position(|job| job.get() == last).unwrap();
        assert_eq!(all(&browser, &next(&page).unwrap()).await.0, numbers(&expected[place + 1..]), "{retried}");
    }
}

async fn other_lists_stay_in_the_order_of_scheduling(t: Database) {
    let mut scheduled = numbers(&failed(&t).await);
    scheduled.sort_unstable();
    scheduled.reverse();
    let browser = Browser::of(&t, Role::Viewer);
    for filter in ["", "status%3Afailed%2Ccanceled", "name%3AOdd"] {
        assert_eq!(all(&browser, &format!("/jobs?filter={filter}")).await.0, scheduled, "{filter}");
    }
    // A link that names a job alone.
    let after = format!("/jobs?filter=status%3Afailed&after={}", scheduled[9]);
    assert_eq!(all(&browser, &after).await.0, scheduled[10..]);
    let filter = JobFilter::new().status(jobs::JobStatus::Failed).limit(1_000);
    let listed = jobs::list(t.db(), filter).await.unwrap().jobs;
    assert_eq!(listed.iter().map(|job| job.id.get()).collect::<Vec<_>>(), scheduled);
    let answer = Program::of(&t, Role::Viewer).await.get("/api/jobs?filter=status:failed&limit=100").await.done();
    let ids = answer["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), scheduled[..100]);
}

async fn the_time_of_scheduling_is_a_condition_among_failed_jobs_too(t: Database) {
    let jobs = add(&t, 3).await;
    let seconds = [0, 7_200, 7_230];
    for (job, seconds) in jobs.iter().zip(seconds) {
        fail(&t, &[*job], seconds).await;
        let at = time(&t, &(seconds - 60).to_string());
        t.execute(&format!("UPDATE jobs_job SET created_at = {at} WHERE id = {job}")).await;
    }
    let browser = Browser::of(&t, Role::Viewer);
    for (since, expected) in [("00%3A00", &[2, 1][..]), ("01%3A59", &[2, 1]), ("02%3A00", &[])] {
        let since = format!("/jobs?filter=status%3Afailed+since%3A2020-01-01T{since}%3A00Z");
        let found = all(&browser, &since).await.0;
        assert_eq!(found, expected.iter().map(|index: &usize| jobs[*index].get()).collect::<Vec<_>>(), "{since}");
    }
}

/// Lets 32,000 jobs have failed, in the order of their ids, and all of them after this one.
async fn many_after(t: &Database, one: JobId) {
    add(t, 1_000).await;
    let columns = "name, queue, max_attempts, budget, parameters, created_at, scheduled_at, user_id";
    for _ in 0..5 {
        let others = format!("SELECT {columns} FROM jobs_job WHERE id <> {one}");
        t.execute(&format!("INSERT INTO jobs_job ({columns}) {others}")).await;
    }
    let at = time(t, "id");
    t.execute(&format!("UPDATE jobs_job SET status = 3, last_error = 'it is odd', finished_at = {at}")).await;
}

async fn a_search_among_many_failed_jobs_stops_at_its_bound_and_goes_on_from_there(t: Database) {
    let rare = NamedJob::new("Rare", json!({})).schedule(t.db()).user("grace").await.unwrap().id();
    many_after(&t, rare).await;
    let browser = Browser::of(&t, Role::Operator);
    let first = browser.get("/jobs?filter=status%3Afailed+name%3ARare").await.page();
    let says = ["No job that has failed since <time ", "One that has failed before may", ">Search older</a>"];
    assert!(listed(&first).is_empty() && says.iter().all(|text| first.contains(text)), "{first}");
    assert_eq!(listed(&browser.get(&next(&first).unwrap()).await.page()), [rare.get()]);
    // Of those whose errors are read, fewer are examined at once.
    let by_error = all(&browser, "/jobs?filter=status%3Afailed+name%3ARare+error%3Aodd").await;
    assert_eq!(by_error, (vec![rare.get()], 2));
    let none = browser.get("/jobs?filter=status%3Afailed+error%3Ausual").await.page();
    let [searched, by_error] = [&first, &none].map(|page| failed_in(&next(page).unwrap()));
    assert!(listed(&none).is_empty() && by_error > searched, "{by_error} {searched}");
    // An index leads to it.
    assert_eq!(all(&browser, "/jobs?filter=status%3Afailed+user%3Agrace").await, (vec![rare.get()], 1));
    // What has failed before that time was scheduled before it, too.
    assert_eq!(all(&browser, "/jobs?filter=status%3Afailed+since%3A1d").await, (vec![], 1));
}

async fn a_place_that_no_database_knows_is_the_nearest_one(t: Database) {
    let expected = numbers(&failed(&t).await);
    let browser = Browser::of(&t, Role::Viewer);
    for (time, found) in [("+262142-12-31T23:59:59Z", &expected[..50]), ("-0001-01-01T00:00:00Z", &[])] {
        let time = time.replace('+', "%2B");
        let page = browser.get(&format!("/jobs?filter=status%3Afailed&after=0&failed={time}")).await.page();
        assert_eq!(listed(&page), found, "{time}");
    }
    let refused = browser.get("/jobs?filter=status%3Afailed&after=1&failed=yesterday").await;
    assert_eq!(refused.status, axum::http::StatusCode::BAD_REQUEST);
}
