//! Scheduling many jobs at once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, cases, soon};

use crate::support::common::{total, work};
use crate::support::definitions::{Add, Configured, Note};

cases![
    a_batch_keeps_its_order,
    an_empty_batch_is_nothing,
    borrowed_jobs_are_scheduled_from_a_future_that_can_be_sent,
    big_batches_give_their_handles_in_order,
    batches_of_several_tasks_keep_their_orders,
    a_batch_may_be_larger_than_the_database_takes_at_once,
    jobs_of_a_batch_have_options_of_their_own,
];

async fn a_batch_keeps_its_order(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..250).map(Add::new)).await.unwrap();
    work(&t).await;
    for (a, handle) in (0..).zip(handles) {
        assert_eq!(handle.output(t.db()).await.unwrap(), a + 1);
    }
}

async fn borrowed_jobs_are_scheduled_from_a_future_that_can_be_sent(t: Database) {
    let db = t.db().clone();
    let texts = tokio::spawn(async move {
        let texts = ["one", "two"];
        jobs::schedule_all(&db, texts.iter().copied().map(Note::new)).await
    });
    assert_eq!(texts.await.unwrap().unwrap().len(), 2);
}

async fn an_empty_batch_is_nothing(t: Database) {
    let handles = jobs::schedule_all(t.db(), Vec::<Add>::new()).await.unwrap();
    assert_eq!((handles.len(), total(&t).await), (0, 0));
}

async fn big_batches_give_their_handles_in_order(t: Database) {
    // Not a round number: the database may take it in chunks of several sizes.
    for jobs in [1, 9, 11, 101, 2_537, 5_001] {
        let handles = jobs::schedule_all(t.db(), (0..jobs).map(Add::new)).await.unwrap();
        assert_numbered(&t, 0, &handles).await;
    }
}

async fn batches_of_several_tasks_keep_their_orders(t: Database) {
    let task = |task: i64| {
        let db = t.db().clone();
        tokio::spawn(async move {
            let mut handles = Vec::new();
            for batch in 0..5 {
                let first = task * 10_000 + batch * 300;
                handles.extend(jobs::schedule_all(&db, (first..first + 300).map(Add::new)).await.unwrap());
            }
            handles
        })
    };
    let tasks = [0, 1, 2, 3].map(task);
    let mut ids = HashSet::new();
    for (number, task) in (0..).zip(tasks) {
        let handles = soon(task).await.unwrap();
        assert_numbered(&t, number * 10_000, &handles).await;
        ids.extend(handles.iter().map(JobHandle::id));
    }
    assert_eq!(ids.len(), 4 * 1_500);
}

/// The parameter `a` of these jobs counts from `first`.
async fn assert_numbered(t: &Database, first: i64, handles: &[JobHandle<Add>]) {
    let mut page = jobs::JobFilter::new().limit(1_000);
    let mut numbers = HashMap::new();
    loop {
        let records = jobs::list(t.db(), page.clone()).await.unwrap().jobs;
        let Some(last) = records.last() else { break };
        page = page.after(last.id);
        for record in records {
            let again = numbers.insert(record.id, record.parameter::<i64>("a").unwrap());
            assert_eq!(again, None, "{record:?} is in two pages");
        }
    }
    for (number, handle) in (first..).zip(handles) {
        assert_eq!(numbers.get(&handle.id()), Some(&number), "{handle}");
    }
}

async fn a_batch_may_be_larger_than_the_database_takes_at_once(t: Database) {
    // 18 MB: more than a packet of MariaDB's default size.
    let text = "x".repeat(900_000);
    let handles = jobs::schedule_all(t.db(), (0..20).map(|_| Note::new(text.as_str()))).await.unwrap();
    assert_eq!((handles.len(), total(&t).await), (20, 20));
    let record = handles[19].record(t.db()).await.unwrap();
    assert!(record.parameter::<String>("text").unwrap() == text);
}

async fn jobs_of_a_batch_have_options_of_their_own(t: Database) {
    let delayed = JobOptions::new().delay(Duration::from_hours(2)).priority(7).user("ada");
    let moved = JobOptions::new().queue("elsewhere").max_attempts(1).timeout(Duration::from_secs(9)).event("e");
    let plain = JobOptions::new();
    let batch = [delayed, plain, moved].map(|options| Configured::new().with_options(options));
    let handles = jobs::schedule_all(t.db(), batch).await.unwrap();
    let mut said = Vec::new();
    for handle in handles {
        let record = handle.record(t.db()).await.unwrap();
        let delay = (record.scheduled_at - record.created_at).num_hours();
        let timeout = record.timeout.map(|timeout| timeout.as_secs());
        let who = record.user.or(record.event);
        said.push((delay, record.queue, record.priority, record.max_attempts, timeout, who));
    }
    let row = |delay, queue: &str, priority, attempts, timeout, who: Option<&str>| {
        (delay, queue.to_owned(), priority, attempts, Some(timeout), who.map(ToOwned::to_owned))
    };
    assert_eq!(
        said,
        [
            row(2, "images", 7, 3, 300, Some("ada")),
            row(0, "images", -5, 3, 300, None),
            row(0, "elsewhere", -5, 1, 9, Some("e")),
        ]
    );
}
