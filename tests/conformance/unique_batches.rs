//! Unique jobs, many of them scheduled in one call.

use std::time::Duration;

use jobs::JobOptions;
use jobs::prelude::*;
use jobs_tests::{Database, cases};

use crate::support::common::{total, work};
use crate::support::definitions::Add;
use crate::support::unique::{Save, Solo, Strict, existing};

cases![
    a_batch_may_name_one_job_twice,
    a_batch_may_mix_jobs_with_and_without_keys,
    the_last_of_those_that_replace_each_other_counts,
    a_conflict_in_a_batch_leaves_nothing_behind,
    a_batch_leaves_out_what_is_there,
    each_of_a_batch_has_its_own_options,
];

async fn a_batch_may_name_one_job_twice(t: Database) {
    let before = Solo::new("b").schedule(t.db()).await.unwrap();
    let handles = jobs::schedule_all(t.db(), ["a", "b", "a", "c", "b"].map(Solo::new)).await.unwrap();
    let existed: Vec<_> = handles.iter().map(JobHandle::existed).collect();
    assert_eq!(existed, [false, true, true, false, true]);
    assert_eq!((handles[2], handles[1], handles[4]), (handles[0], before, before));
    assert!(handles[0].id() < handles[3].id(), "{handles:?}");
    assert_eq!(total(&t).await, 3);
}

async fn a_batch_may_mix_jobs_with_and_without_keys(t: Database) {
    let keyed = |number: i64| number % 3 == 0;
    let job = |number: i64| {
        let options = JobOptions::new();
        Add::new(number).with_options(if keyed(number) { options.unique_key(number.to_string()) } else { options })
    };
    let before = jobs::schedule_all(t.db(), (0..100).map(job)).await.unwrap();
    let handles = jobs::schedule_all(t.db(), (0..1_000).map(job)).await.unwrap();
    work(&t).await;
    for (number, handle) in (0..).zip(&handles) {
        assert_eq!(handle.output(t.db()).await.unwrap(), number + 1);
        let is_one_of_those_before = number < 100 && keyed(number);
        assert_eq!((handle.existed(), before.contains(handle)), (is_one_of_those_before, is_one_of_those_before));
    }
    assert_eq!(total(&t).await, 100 + 1_000 - 34);
}

async fn the_last_of_those_that_replace_each_other_counts(t: Database) {
    let batch = [("a", 1), ("b", 1), ("a", 2), ("a", 3)].map(|(document, version)| Save::new(document, version));
    let handles = jobs::schedule_all(t.db(), batch).await.unwrap();
    work(&t).await;
    assert_eq!((handles[0], handles[2].existed(), total(&t).await), (handles[3], true, 2));
    assert_eq!(handles[0].output(t.db()).await.unwrap(), 3);
    assert!(handles[0].id() < handles[1].id(), "it has the place of the first");
}

async fn a_conflict_in_a_batch_leaves_nothing_behind(t: Database) {
    let first = Strict::new("b").schedule(t.db()).await.unwrap();
    assert_eq!(existing(jobs::schedule_all(t.db(), ["a", "b"].map(Strict::new)).await), first.id());
    existing(jobs::schedule_all(t.db(), ["c", "c"].map(Strict::new)).await);
    assert_eq!(total(&t).await, 1);
    let handles = jobs::schedule_all(t.db(), ["a", "c"].map(Strict::new)).await.unwrap();
    assert!(handles.iter().all(|handle| !handle.existed()));
}

async fn a_batch_leaves_out_what_is_there(t: Database) {
    // More than one statement takes, with some existing in each part, at its beginning and at its end.
    let is_there = |number: &i64| number % 13 == 0 || [4_999, 5_000, 5_199].contains(number);
    let job = |number: i64| Add::new(number).with_options(JobOptions::new().unique_key(number.to_string()));
    let before = jobs::schedule_all(t.db(), (0..5_200).filter(is_there).map(job)).await.unwrap();
    let handles = jobs::schedule_all(t.db(), (0..5_200).map(job)).await.unwrap();
    let (there, new): (Vec<_>, Vec<_>) = handles.iter().partition(|handle| handle.existed());
    assert_eq!((there.len(), new.len(), total(&t).await), (403, 4_797, 5_200));
    assert!(there.into_iter().eq(&before));
    assert!(new.is_sorted_by_key(|handle: &&JobHandle<Add>| handle.id()), "in the order in which they were given");
    let joined = "SELECT COUNT(*) FROM jobs_unique JOIN jobs_job ON id = job_id AND jobs_job.unique_key = jobs_unique.unique_key";
    assert_eq!(t.number(joined).await, 5_200);
    work(&t).await;
    for (number, handle) in (0..).zip(&handles) {
        assert_eq!(handle.output(t.db()).await.unwrap(), number + 1);
    }
}

async fn each_of_a_batch_has_its_own_options(t: Database) {
    let options = JobOptions::new;
    let jobs = [
        options().unique_key("a"),
        options().unique_key("b").priority(7).queue("other"),
        options().unique_key("c").unique_within(Duration::from_hours(1)),
        options().unique_key("d").delay(Duration::from_hours(2)).user("ada"),
    ];
    let batch = || jobs.iter().zip(0..).map(|(options, number)| Add::new(number).with_options(options.clone()));
    let handles = jobs::schedule_all(t.db(), batch()).await.unwrap();
    assert!(handles.is_sorted_by_key(JobHandle::id));
    let other = handles[1].record(t.db()).await.unwrap();
    assert_eq!((other.priority, other.queue.as_str()), (7, "other"));
    let later = handles[3].record(t.db()).await.unwrap();
    assert_eq!(later.user.as_deref(), Some("ada"));
    assert!(later.scheduled_at - later.created_at >= chrono::TimeDelta::hours(2));
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_unique WHERE expires_at IS NOT NULL").await, 1);
    for handle in &handles {
        handle.cancel(t.db()).await.unwrap();
    }
    let again = jobs::schedule_all(t.db(), batch()).await.unwrap();
    let existed: Vec<_> = again.iter().map(JobHandle::existed).collect();
    assert_eq!(existed, [false, false, true, false], "the third has its key for an hour");
    assert_eq!(again[2], handles[2]);
}
