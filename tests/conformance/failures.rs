//! The jobs that have failed lately, in groups.

use jobs::prelude::*;
use jobs::{JobFilter, Principal, Role};
use jobs_tests::{Database, cases};

use crate::support::common::work;
use crate::support::definitions::{Ping, Talk};

cases![
    errors_that_differ_only_in_values_are_one_group,
    a_group_is_found_by_its_filter,
    who_may_not_see_errors_sees_names_and_counts,
    only_the_last_day_counts,
    a_search_among_many_failures_says_where_it_stopped,
];

/// A job that has failed this many seconds ago with this error.
async fn failed(t: &Database, name: &str, seconds_ago: i64, error: Option<&str>) -> JobId {
    let id = Ping::new().schedule(t.db()).await.unwrap().id();
    let error = error.map_or("NULL".to_owned(), |error| format!("'{}'", error.replace('\'', "''")));
    let at = t.seconds_from_now(-seconds_ago);
    t.execute(&format!(
        "UPDATE jobs_job SET status = 3, name = '{name}', finished_at = {at}, last_error = {error} WHERE id = {id}"
    ))
    .await;
    id
}

async fn errors_that_differ_only_in_values_are_one_group(t: Database) {
    failed(&t, "Ship", 4_000, Some("order 17 not found\nin line 1")).await;
    let last = failed(&t, "Ship", 1_000, Some("order 18 not found\nin line 2")).await;
    failed(&t, "Ship", 3_000, Some("the depot is closed")).await;
    failed(&t, "Mail", 2_000, Some("order 17 not found")).await;
    failed(&t, "Mail", 5_000, None).await;
    let failures = jobs::failures(t.db()).await.unwrap();
    let groups: Vec<_> =
        failures.groups.iter().map(|group| (group.name.as_str(), group.error.as_deref(), group.jobs)).collect();
    let not_found = Some("order # not found");
    assert_eq!(
        groups,
        [("Ship", not_found, 2), ("Mail", not_found, 1), ("Ship", Some("the depot is closed"), 1), ("Mail", None, 1)]
    );
    assert_eq!((failures.groups[0].last_job, failures.searched_back_to), (last, None));
    assert_eq!(failures.groups[0].last_at, jobs::record(t.db(), last).await.unwrap().finished_at.unwrap());
    let json = serde_json::to_value(&failures).unwrap();
    assert_eq!(serde_json::from_value::<jobs::FailureGroups>(json).unwrap(), failures);
}

async fn a_group_is_found_by_its_filter(t: Database) {
    let errors = [
        "order 17 not found",
        "order 18 not found",
        "user \"ada\" is unknown at 10.0.0.1: give it up",
        "C:\\temp\\17: \\\\no such file",
        "is:due status:failed -name:x",
        "42",
        "Größe 3 ist zu groß: 'zu groß'",
    ];
    for error in errors {
        failed(&t, "Ship", 1, Some(error)).await;
    }
    let groups = jobs::failures(t.db()).await.unwrap().groups;
    assert_eq!(groups.len(), errors.len() - 1);
    for group in groups {
        let filter: JobFilter = group.filter.to_string().parse().unwrap();
        assert_eq!(filter, group.filter);
        let found = jobs::list(t.db(), filter).await.unwrap().jobs;
        assert!(found.iter().any(|job| job.id == group.last_job), "{group:?}");
        assert!(found.len() as u64 == group.jobs || group.error.as_deref() == Some("#"), "{group:?}: {found:?}");
    }
}

async fn who_may_not_see_errors_sees_names_and_counts(t: Database) {
    for end in ["fail", "fail"] {
        Talk::new(end).schedule(t.db()).await.unwrap();
    }
    work(&t).await;
    failed(&t, "Talk", 0, Some("another error")).await;
    let of = async |role| jobs::acting_as(t.db(), Principal::new("ada", role)).failures().await.unwrap().groups;
    assert_eq!(of(Role::Operator).await.len(), 2);
    let [group] = &of(Role::Viewer).await[..] else { panic!("there is one name") };
    assert_eq!((group.name.as_str(), group.error.as_deref(), group.jobs), ("Talk", None, 3));
    assert_eq!(group.filter.to_string(), "status:failed name:Talk");
}

async fn only_the_last_day_counts(t: Database) {
    failed(&t, "Old", 24 * 3600 + 60, Some("error")).await;
    failed(&t, "Young", 24 * 3600 - 600, Some("error")).await;
    let canceled = Ping::new().schedule(t.db()).await.unwrap();
    canceled.cancel(t.db()).await.unwrap();
    let groups = jobs::failures(t.db()).await.unwrap().groups;
    assert_eq!(groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["Young"]);
}

async fn a_search_among_many_failures_says_where_it_stopped(t: Database) {
    failed(&t, "First", 3_600, Some("an earlier error")).await;
    jobs::schedule_all(t.db(), (0..5_000).map(|_| Ping::new())).await.unwrap();
    let now = t.seconds_from_now(-60);
    t.execute(&format!("UPDATE jobs_job SET status = 3, finished_at = {now}, last_error = 'no' WHERE status = 0"))
        .await;
    let failures = jobs::failures(t.db()).await.unwrap();
    let [group] = &failures.groups[..] else { panic!("{failures:?}") };
    assert_eq!((group.name.as_str(), group.jobs), ("Ping", 5_000));
    assert_eq!(failures.searched_back_to, Some(group.last_at));
}
