//! Finding jobs by filter, page by page, and counting them.

use jobs::prelude::*;
use jobs::{Error, JobFilter};
use jobs_tests::{Database, Gate, Running, cases};
use serde_json::json;

use crate::support::common::{assert_read_back, refused, work};
use crate::support::definitions::{Add, Configured, Gated, Ping, Talk};

cases![
    without_a_condition_all_jobs_are_listed_newest_first,
    each_condition_lets_its_jobs_through,
    all_conditions_have_to_hold,
    a_value_is_compared_whole_and_by_case,
    the_time_of_scheduling_is_a_condition_with_its_first_moment,
    pages_cover_all_jobs_and_none_twice,
    jobs_that_come_while_paging_disturb_no_page,
    a_page_has_a_hundred_jobs_where_nothing_is_said,
    a_limit_out_of_range_is_refused,
    counts_are_by_status_and_know_no_pages,
    jobs_that_nobody_serves_are_told,
    jobs_that_nobody_serves_are_told_together_whatever_their_priority,
    a_thousand_names_that_nobody_serves_are_listed,
    a_queue_is_served_while_a_worker_lives,
    a_filter_is_read_as_it_is_written,
];

async fn ids(t: &Database, filter: JobFilter) -> Vec<JobId> {
    jobs::list(t.db(), filter).await.unwrap().jobs.into_iter().map(|record| record.id).collect()
}

async fn without_a_condition_all_jobs_are_listed_newest_first(t: Database) {
    assert_eq!(ids(&t, JobFilter::new()).await, []);
    let mut expected = Vec::new();
    for number in 0..5 {
        expected.insert(0, Add::new(number).schedule(t.db()).await.unwrap().id());
    }
    assert_eq!(ids(&t, JobFilter::new()).await, expected);
    let records = jobs::list(t.db(), JobFilter::new()).await.unwrap().jobs;
    assert_eq!(records[0], jobs::record(t.db(), expected[0]).await.unwrap());
}

async fn each_condition_lets_its_jobs_through(t: Database) {
    let ended = Talk::new("well").schedule(t.db()).await.unwrap().id();
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap().id();
    work(&t).await;
    let canceled = Ping::new().schedule(t.db()).await.unwrap();
    canceled.cancel(t.db()).await.unwrap();
    let canceled = canceled.id();
    let imaged = Configured::new().schedule(t.db()).user("ada").await.unwrap().id();
    let asked = Add::new(1).schedule(t.db()).session("s").await.unwrap().id();
    let caused = Add::new(1).schedule(t.db()).event("e").await.unwrap().id();
    let all = JobFilter::new;
    for (filter, expected) in [
        (all().status(JobStatus::Terminated), vec![ended]),
        (all().status(JobStatus::Failed), vec![failed]),
        (all().status(JobStatus::Canceled), vec![canceled]),
        (all().status(JobStatus::Running), vec![]),
        (all().status(JobStatus::Scheduled), vec![caused, asked, imaged]),
        (all().status(JobStatus::Failed).status(JobStatus::Terminated), vec![failed, ended]),
        (all().name("Talk"), vec![failed, ended]),
        (all().name("Tal"), vec![]),
        (all().queue("images"), vec![imaged]),
        (all().user("ada"), vec![imaged]),
        (all().session("s"), vec![asked]),
        (all().event("e"), vec![caused]),
        (all().user("s"), vec![]),
    ] {
        assert_eq!(ids(&t, filter.clone()).await, expected, "{filter:?}");
    }
}

async fn all_conditions_have_to_hold(t: Database) {
    let options = |user: &str, event: &str| JobOptions::new().user(user).event(event).session("s");
    let mut scheduled = Vec::new();
    for (user, event) in [("ada", "x"), ("ada", "y"), ("grace", "x")] {
        scheduled.push(Add::new(1).with_options(options(user, event)).schedule(t.db()).await.unwrap());
    }
    scheduled[1].cancel(t.db()).await.unwrap();
    let ada = JobFilter::new().user("ada").session("s").name("Add").queue("long-running");
    assert_eq!(ids(&t, ada.clone()).await, [scheduled[1].id(), scheduled[0].id()]);
    assert_eq!(ids(&t, ada.clone().event("x")).await, [scheduled[0].id()]);
    assert_eq!(ids(&t, ada.clone().status(JobStatus::Canceled)).await, [scheduled[1].id()]);
    assert_eq!(ids(&t, ada.clone().event("x").status(JobStatus::Canceled)).await, []);
    assert_eq!(jobs::counts(t.db(), ada.event("y")).await.unwrap().total(), 1);
}

async fn a_value_is_compared_whole_and_by_case(t: Database) {
    let plain = Ping::new().schedule(t.db()).user("ada").await.unwrap().id();
    let capital = Ping::new().schedule(t.db()).user("Ada").await.unwrap().id();
    let accented = Ping::new().schedule(t.db()).user("adä").await.unwrap().id();
    let quoted = Ping::new().schedule(t.db()).user("a' OR 1=1 --").await.unwrap().id();
    for (user, expected) in
        [("ada", vec![plain]), ("Ada", vec![capital]), ("adä", vec![accented]), ("a' OR 1=1 --", vec![quoted])]
    {
        assert_eq!(ids(&t, JobFilter::new().user(user)).await, expected, "{user}");
    }
    for user in ["a%", "ada ", " ada", "ad_", "", "ada\0"] {
        assert_eq!(ids(&t, JobFilter::new().user(user)).await, [], "{user:?}");
    }
}

async fn the_time_of_scheduling_is_a_condition_with_its_first_moment(t: Database) {
    let mut handles = Vec::new();
    for hours in [3, 2, 1] {
        let handle = Ping::new().schedule(t.db()).await.unwrap();
        let then = t.seconds_from_now(-3600 * hours);
        t.execute(&format!("UPDATE jobs_job SET created_at = {then} WHERE id = {handle}")).await;
        handles.push(handle.id());
    }
    let middle = jobs::record(t.db(), handles[1]).await.unwrap().created_at;
    let all = JobFilter::new;
    assert_eq!(ids(&t, all().created_from(middle)).await, [handles[2], handles[1]]);
    assert_eq!(ids(&t, all().created_until(middle)).await, [handles[0]]);
    let moment = chrono::TimeDelta::milliseconds(1);
    assert_eq!(ids(&t, all().created_from(middle).created_until(middle + moment)).await, [handles[1]]);
    assert_eq!(ids(&t, all().created_from(middle + moment)).await, [handles[2]]);
    assert_eq!(jobs::counts(t.db(), all().created_until(middle)).await.unwrap().scheduled, 1);
}

async fn pages_cover_all_jobs_and_none_twice(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..23).map(Add::new)).await.unwrap();
    jobs::schedule_all(t.db(), [Ping::new(), Ping::new()]).await.unwrap();
    let expected: Vec<_> = handles.iter().rev().map(JobHandle::id).collect();
    for limit in [1, 5, 23, 24, 1_000] {
        let mut page = JobFilter::new().name("Add").limit(limit);
        let mut found = Vec::new();
        loop {
            let records = jobs::list(t.db(), page.clone()).await.unwrap().jobs;
            assert!(records.len() as u64 <= limit, "{} in a page of {limit}", records.len());
            let Some(last) = records.last() else { break };
            page = page.after(last.id);
            found.extend(records.iter().map(|record| record.id));
            assert!(found.len() <= expected.len(), "more than there are, in pages of {limit}: {found:?}");
        }
        assert_eq!(found, expected, "{limit}");
    }
}

async fn jobs_that_come_while_paging_disturb_no_page(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..6).map(Add::new)).await.unwrap();
    let page = JobFilter::new().limit(3);
    let first = ids(&t, page.clone()).await;
    jobs::schedule_all(t.db(), (0..6).map(Add::new)).await.unwrap();
    handles[4].cancel(t.db()).await.unwrap();
    handles[4].delete(t.db()).await.unwrap();
    assert_eq!(first, [handles[5].id(), handles[4].id(), handles[3].id()]);
    let second = ids(&t, page.after(first[2])).await;
    assert_eq!(second, [handles[2].id(), handles[1].id(), handles[0].id()]);
}

async fn a_page_has_a_hundred_jobs_where_nothing_is_said(t: Database) {
    jobs::schedule_all(t.db(), (0..101).map(Add::new)).await.unwrap();
    assert_eq!(ids(&t, JobFilter::new()).await.len(), 100);
    assert_eq!(ids(&t, JobFilter::new().limit(101)).await.len(), 101);
}

async fn a_limit_out_of_range_is_refused(t: Database) {
    for limit in [0, 1_001, u64::MAX] {
        assert_eq!(refused(jobs::list(t.db(), JobFilter::new().limit(limit)).await), "limit");
    }
}

async fn counts_are_by_status_and_know_no_pages(t: Database) {
    assert_eq!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().total(), 0);
    let ends = ["well", "well", "well", "fail", "fail", "cancel", "error"];
    jobs::schedule_all(t.db(), ends.map(Talk::new)).await.unwrap();
    let gate = Gate::default();
    Gated::new().schedule(t.db()).await.unwrap();
    let worker = crate::support::common::worker_at(&t, &gate);
    gate.arrivals(1).await;
    jobs_tests::schedule_by_name(t.db(), "nobody knows", json!({})).await.unwrap();
    let errored = JobFilter::new().name("Talk").status(JobStatus::Scheduled).status(JobStatus::Running);
    jobs_tests::soon(async {
        // One waits for its second attempt then.
        while jobs::counts(t.db(), errored.clone()).await.unwrap().total() != 1
            || jobs::counts(t.db(), errored.clone()).await.unwrap().running != 0
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let counts = jobs::counts(t.db(), JobFilter::new()).await.unwrap();
    assert_eq!((counts.scheduled, counts.running), (2, 1));
    assert_eq!((counts.canceled, counts.failed, counts.terminated, counts.total()), (1, 2, 3, 9));
    let talks = JobFilter::new().name("Talk").limit(1).after(1);
    assert_eq!(jobs::counts(t.db(), talks).await.unwrap().total(), 7);
    assert_eq!(jobs::counts(t.db(), JobFilter::new().status(JobStatus::Failed)).await.unwrap().total(), 2);
    gate.open(1);
    worker.stop().await;
}

/// Queue, name and number of the jobs that no worker serves.
async fn unserved(t: &Database) -> Vec<(String, String, u64)> {
    let unserved = jobs::unserved(t.db()).await.unwrap();
    unserved.into_iter().map(|unserved| (unserved.queue, unserved.name, unserved.jobs)).collect()
}

fn row(queue: &str, name: &str, jobs: u64) -> (String, String, u64) {
    (queue.to_owned(), name.to_owned(), jobs)
}

async fn jobs_that_nobody_serves_are_told(t: Database) {
    let add = jobs::schedule_all(t.db(), (0..3).map(Add::new)).await.unwrap();
    let image = Configured::new().schedule(t.db()).await.unwrap();
    Ping::new().schedule(t.db()).delay(std::time::Duration::from_hours(1)).await.unwrap();
    let canceled = Ping::new().schedule(t.db()).await.unwrap();
    canceled.cancel(t.db()).await.unwrap();
    assert_eq!(unserved(&t).await, [row("images", "configured", 1), row("long-running", "Add", 3)]);
    let oldest = jobs::unserved(t.db()).await.unwrap()[1].oldest;
    assert_eq!(oldest, add[0].record(t.db()).await.unwrap().scheduled_at);
    let all = [image.id(), add[2].id(), add[1].id(), add[0].id()];
    assert_eq!(ids(&t, JobFilter::new().unserved()).await, all);
    assert_eq!(ids(&t, JobFilter::new().unserved().queue("images")).await, [image.id()]);
    assert_eq!(jobs::counts(t.db(), JobFilter::new().unserved()).await.unwrap().scheduled, 4);
}

async fn jobs_that_nobody_serves_are_told_together_whatever_their_priority(t: Database) {
    let ping = |priority: i16| Ping::new().with_options(JobOptions::new().priority(priority));
    ping(-9).schedule(t.db()).delay(std::time::Duration::from_hours(1)).await.unwrap();
    let mut due = Vec::new();
    for priority in [5, -5, 0, -5] {
        due.insert(0, ping(priority).schedule(t.db()).await.unwrap().id());
    }
    let add = Add::new(1).schedule(t.db()).priority(-1).await.unwrap();
    assert_eq!(unserved(&t).await, [row("long-running", "Add", 1), row("long-running", "Ping", 4)]);
    assert_eq!(ids(&t, JobFilter::new().unserved().name("Ping")).await, due);
    assert_eq!(ids(&t, JobFilter::new().unserved().limit(1)).await, [add.id()]);
}

async fn a_thousand_names_that_nobody_serves_are_listed(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..1_000).map(Add::new)).await.unwrap();
    t.execute("UPDATE jobs_job SET name = CAST(id AS CHAR(20))").await;
    let told = unserved(&t).await;
    assert!(told.len() == 1_000 && told.iter().all(|(_, _, jobs)| *jobs == 1), "{told:?}");
    let all: Vec<_> = handles.iter().rev().map(JobHandle::id).collect();
    assert_eq!(ids(&t, JobFilter::new().unserved().limit(1_000)).await, all);
    assert_eq!(jobs::counts(t.db(), JobFilter::new().unserved()).await.unwrap().scheduled, 1_000);
}

async fn a_queue_is_served_while_a_worker_lives(t: Database) {
    let gate = Gate::default();
    let elsewhere = Add::new(1).schedule(t.db()).queue("elsewhere").await.unwrap();
    let unknown = JobOptions::new().queue("gated");
    let unknown = jobs_tests::schedule_by_name_with(t.db(), "nobody knows", json!({}), unknown).await.unwrap();
    Gated::new().schedule(t.db()).await.unwrap();
    let nobody_s = [row("elsewhere", "Add", 1), row("gated", "nobody knows", 1)];
    assert_eq!(unserved(&t).await, [nobody_s[0].clone(), row("gated", "Gated", 1), nobody_s[1].clone()]);

    let worker = Worker::new(t.db().clone()).state(gate.clone()).queue("gated", 1);
    let worker = Running::start(worker);
    gate.arrivals(1).await;
    let waiting = Gated::new().schedule(t.db()).await.unwrap();
    assert_eq!(unserved(&t).await, nobody_s, "a job that waits for a slot is served");
    assert_eq!(ids(&t, JobFilter::new().unserved()).await, [unknown, elsewhere.id()]);

    worker.tell_to_stop();
    gate.open(1);
    let ended: Result<(), Error> = worker.ended().await;
    ended.unwrap();
    assert_eq!(waiting.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(unserved(&t).await, [nobody_s[0].clone(), row("gated", "Gated", 1), nobody_s[1].clone()]);
}

async fn a_filter_is_read_as_it_is_written(t: Database) {
    let now = chrono::Utc::now();
    let some = JobFilter::new().status(JobStatus::Failed).status(JobStatus::Canceled).name("Add").queue("q").limit(7);
    let others = JobFilter::new().user("u").session("s").event("e").created_from(now).created_until(now).after(3);
    for filter in [JobFilter::new(), some, others, JobFilter::new().unserved()] {
        assert_read_back(&filter);
    }
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap().id();
    work(&t).await;
    Ping::new().schedule(t.db()).await.unwrap();
    for status in [json!("failed"), json!("FAILED, running"), json!(["failed"])] {
        let filter = serde_json::from_value(json!({ "status": status })).unwrap();
        assert_eq!(ids(&t, filter).await, [failed]);
    }
    for wrong in [json!({"status": "done"}), json!({"statuses": "failed"}), json!({"after": "x"})] {
        assert!(serde_json::from_value::<JobFilter>(wrong.clone()).is_err(), "{wrong}");
    }
}
