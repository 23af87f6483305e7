//! Acting on the jobs that a filter of the language selects, also by their errors and parameters.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Bulk, BulkSummary, JobFilter};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::common::{assert_read_back, once, refused, total, work};
use crate::support::definitions::{Add, Send, Talk};

cases![
    a_filter_of_the_language_selects_exactly_its_jobs,
    an_error_selects_the_jobs_to_retry,
    jobs_whose_parameters_change_meanwhile_are_changed_if_they_still_match,
    secrets_select_no_job,
    durations_count_from_the_moment_of_the_count,
    a_filter_that_no_job_can_match_is_refused,
];

async fn of(t: &Database, filter: &str) -> Bulk {
    let filter = filter.parse().unwrap_or_else(|error| panic!("{error}"));
    jobs::bulk(t.db(), filter).await.unwrap()
}

/// Whether so many jobs were changed, and no others read.
fn summary(done: u64) -> impl Fn(BulkSummary) -> bool {
    move |summary| summary.done == done && summary.total() == done
}

async fn a_filter_of_the_language_selects_exactly_its_jobs(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..2_700).map(Add::new)).await.unwrap();
    let number = |range: std::ops::Range<usize>| handles[range].iter().map(JobHandle::id).collect::<Vec<_>>();
    // What is alike lies apart, so that some of what is read at once matches nothing.
    let cancel = async |filter: &str, expected: u64| {
        let counted = of(&t, filter).await;
        assert_eq!(counted.counts().scheduled, expected, "{filter}");
        let canceled = counted.cancel(t.db()).await.unwrap();
        assert!(summary(expected)(canceled), "{filter}: {canceled:?}");
    };
    cancel(&format!("{} {} {}", handles[0], handles[1], handles[2_699]), 3).await;
    cancel(&format!("-{} name:Add a:<2", handles[1]), 0).await;
    cancel("status:scheduled a:<=4", 3).await;
    cancel("a:>2600 a:<2605 is:due", 4).await;
    cancel("-a:<1200 until:2001-01-01", 0).await;
    cancel("-a:<1400 since:1h", 1_295).await;
    let listed = jobs::counts(t.db(), JobFilter::new()).await.unwrap();
    assert_eq!((listed.scheduled, listed.canceled), (1_395, 1_305));
    for id in [number(5..6), number(1_399..1_400)].concat() {
        assert_eq!(jobs::status(t.db(), id).await.unwrap(), JobStatus::Scheduled);
    }
    let closed = of(&t, "-status:scheduled a:>=2699").await;
    assert!(summary(1)(closed.delete(t.db()).await.unwrap()));
    assert_eq!(total(&t).await, 2_699);
}

async fn an_error_selects_the_jobs_to_retry(t: Database) {
    let ends = ["fail", "well", "fail", "cancel"];
    let handles = jobs::schedule_all(t.db(), ends.map(Talk::new)).await.unwrap();
    work(&t).await;
    let counted = of(&t, "error:\"CAN'T BE\" name:Talk").await;
    assert_read_back(&counted);
    assert_eq!((counted.counts().failed, counted.counts().total()), (2, 2));
    t.execute(&format!("UPDATE jobs_job SET last_error = 'another' WHERE id = {}", handles[2])).await;
    let retried = counted.retry(t.db()).await.unwrap();
    assert_eq!((retried.done, retried.changed, retried.total()), (1, 1, 2));
    assert_eq!(handles[0].status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(handles[2].status(t.db()).await.unwrap(), JobStatus::Failed);
}

async fn jobs_whose_parameters_change_meanwhile_are_changed_if_they_still_match(t: Database) {
    // Rows are read by 500 and 1,000 are canceled at once: with one that does not match, the last 499 are read before that.
    let handles = jobs::schedule_all(t.db(), (0..1_500).map(Add::new)).await.unwrap();
    let counted = of(&t, "-a:600 a:>=0").await;
    let change = async || {
        handles[1_400].set_parameter(t.db(), "b", 5).await.unwrap();
        handles[1_401].set_parameter(t.db(), "a", 600).await.unwrap();
    };
    let canceled = counted.cancel(t.db()).on_progress(once(change)).await.unwrap();
    assert_eq!((canceled.done, canceled.changed, canceled.total()), (1_498, 1, 1_499), "{canceled:?}");
    assert_eq!(handles[1_400].status(t.db()).await.unwrap(), JobStatus::Canceled);
    assert_eq!(handles[1_401].status(t.db()).await.unwrap(), JobStatus::Scheduled);
}

async fn secrets_select_no_job(t: Database) {
    Send::new("ada").with_pin(7).schedule(t.db()).await.unwrap();
    for filter in ["pin:7", "-pin:7", "-pin:8"] {
        let counted = of(&t, filter).await;
        assert_eq!(counted.counts().total(), 0, "{filter}");
        assert!(summary(0)(counted.cancel(t.db()).await.unwrap()), "{filter}");
    }
}

async fn durations_count_from_the_moment_of_the_count(t: Database) {
    let (earlier, later) = (Add::new(1).schedule(t.db()).await.unwrap(), Add::new(2).schedule(t.db()).await.unwrap());
    for (job, hours) in [(later, 2), (earlier, 4)] {
        let age = format!("created_at = {}", t.seconds_from_now(-3_600 * hours));
        t.execute(&format!("UPDATE jobs_job SET {age} WHERE id = {job}")).await;
    }
    // As counted two hours ago: one hour before that, only the earlier job was there.
    let mut counted = serde_json::to_value(of(&t, "until:1h").await).unwrap();
    let time: chrono::DateTime<chrono::Utc> = counted["mark"]["time"].as_str().unwrap().parse().unwrap();
    counted["mark"]["time"] = json!(time - Duration::from_hours(2));
    let counted: Bulk = serde_json::from_value(counted).unwrap();
    assert_eq!(counted.cancel(t.db()).await.unwrap().done, 1);
    assert_eq!(later.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(earlier.status(t.db()).await.unwrap(), JobStatus::Canceled);
}

async fn a_filter_that_no_job_can_match_is_refused(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    for filter in ["status:failed is:due", "-status:scheduled is:due", "is:long is:due"] {
        let counted = of(&t, filter).await;
        assert_eq!(refused(counted.cancel(t.db()).await), "status", "{filter}");
    }
    assert_eq!(refused(of(&t, "-status:failed").await.retry(t.db()).await), "status");
    assert_eq!(refused(jobs::bulk(t.db(), JobFilter::new().key("k")).await), "key");
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
}
