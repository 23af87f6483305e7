//! Acting on many jobs: on those that were counted, while others change them.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Bulk, BulkAction, BulkSummary, Error, JobFilter};
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::support::common::{assert_read_back, once, refused, total, work, worker_at};
use crate::support::definitions::{Add, Gated, Talk};

cases![
    of_jobs_with_one_key_the_oldest_is_retried,
    a_job_whose_key_another_one_holds_is_counted_and_left,
    more_jobs_than_a_batch_are_acted_on_and_each_batch_is_reported,
    jobs_scheduled_after_the_count_are_left,
    jobs_that_end_after_the_count_are_left,
    jobs_that_start_after_the_count_are_left_unless_waiting_ones_were_counted,
    jobs_that_have_changed_since_the_count_are_counted,
    jobs_that_change_while_others_are_canceled_are_canceled_if_they_still_match,
    jobs_that_change_while_others_are_made_due_are_made_due_if_they_still_match,
    retry_means_failed_jobs_unless_statuses_are_named,
    statuses_that_an_action_can_not_change_are_refused,
    unserved_jobs_are_only_canceled,
    keys_of_deleted_jobs_are_locked_in_their_order if Kind::locks_rows,
    a_locked_job_holds_up_no_other_and_is_counted if Kind::locks_rows,
    a_job_that_is_locked_for_a_moment_is_acted_on_in_the_end if Kind::locks_rows,
    what_is_dropped_halfway_is_continued_by_the_same_call,
    jobs_are_scheduled_and_executed_meanwhile if Kind::locks_rows,
    a_running_job_is_asked_to_stop,
    whoever_waits_for_a_canceled_job_is_told,
    a_count_is_read_as_it_is_written,
];

async fn of(t: &Database, filter: JobFilter) -> Bulk {
    jobs::bulk(t.db(), filter).await.unwrap()
}

fn summary(done: u64) -> impl Fn(BulkSummary) -> bool {
    move |summary| summary.done == done && summary.total() == done
}

/// Jobs with these keys, all failed.
async fn failed_with_keys(t: &Database, keys: &[&str]) -> Vec<JobId> {
    let mut ids = Vec::new();
    for key in keys {
        ids.push(Add::new(1).schedule(t.db()).unique_key(*key).await.unwrap().id());
        t.execute("UPDATE jobs_job SET status = 3").await;
    }
    ids
}

async fn of_jobs_with_one_key_the_oldest_is_retried(t: Database) {
    let ids = failed_with_keys(&t, &["a", "a", "b", "a", "b"]).await;
    let summary = of(&t, JobFilter::new()).await.retry(t.db()).await.unwrap();
    assert_eq!((summary.done, summary.duplicates, summary.total()), (2, 3, 5));
    let waiting = jobs::list(t.db(), JobFilter::new().status(JobStatus::Scheduled)).await.unwrap().jobs;
    assert_eq!(waiting.iter().map(|job| job.id).collect::<Vec<_>>(), [ids[2], ids[0]]);
    let again = Add::new(1).schedule(t.db()).unique_key("a").await.unwrap();
    assert_eq!((again.existed(), again.id()), (true, ids[0]));
}

async fn a_job_whose_key_another_one_holds_is_counted_and_left(t: Database) {
    let ids = failed_with_keys(&t, &["a", "b"]).await;
    let holder = Add::new(1).schedule(t.db()).unique_key("a").await.unwrap();
    let before = jobs::record(t.db(), ids[0]).await.unwrap();
    let failed = of(&t, JobFilter::new()).await;
    let summary = failed.retry(t.db()).await.unwrap();
    assert_eq!((summary.done, summary.duplicates, summary.total()), (1, 1, 2));
    assert_eq!(jobs::record(t.db(), ids[0]).await.unwrap(), before);
    assert_eq!(jobs::status(t.db(), ids[1]).await.unwrap(), JobStatus::Scheduled);
    holder.cancel(t.db()).await.unwrap();
    assert_eq!(failed.retry(t.db()).await.unwrap().done, 1);
}

async fn more_jobs_than_a_batch_are_acted_on_and_each_batch_is_reported(t: Database) {
    jobs::schedule_all(t.db(), (0..2_100).map(Add::new)).await.unwrap();
    let waiting = of(&t, JobFilter::new().name("Add").limit(1).after(5)).await;
    let mut reports = Vec::new();
    let cancel = waiting.cancel(t.db());
    assert_eq!(cancel.jobs(), 2_100);
    let canceled = cancel.on_progress(|so_far| reports.push(so_far.done)).await.unwrap();
    assert!(summary(2_100)(canceled), "{canceled:?}");
    assert_eq!(reports, [1_000, 2_000, 2_100]);
    let closed = of(&t, JobFilter::new()).await;
    assert_eq!(closed.retry(t.db()).jobs(), 0, "none has failed");
    let canceled = of(&t, JobFilter::new().status(JobStatus::Canceled)).await;
    assert!(summary(2_100)(canceled.retry(t.db()).await.unwrap()));
    t.execute("UPDATE jobs_job SET status = 4").await;
    assert!(summary(2_100)(of(&t, JobFilter::new()).await.delete(t.db()).await.unwrap()));
    assert_eq!(total(&t).await, 0);
}

async fn jobs_scheduled_after_the_count_are_left(t: Database) {
    let early = Add::new(1).schedule(t.db()).await.unwrap();
    let counted = of(&t, JobFilter::new()).await;
    let late = Add::new(2).schedule(t.db()).await.unwrap();
    assert_eq!(counted.counts().total(), 1);
    assert!(summary(1)(counted.cancel(t.db()).await.unwrap()));
    assert_eq!(late.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(early.status(t.db()).await.unwrap(), JobStatus::Canceled);
}

async fn jobs_that_end_after_the_count_are_left(t: Database) {
    let early = Talk::new("fail").schedule(t.db()).await.unwrap();
    work(&t).await;
    let late = Talk::new("fail").schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    let counted = of(&t, JobFilter::new()).await;
    t.make_due().await;
    work(&t).await;
    assert_eq!(late.status(t.db()).await.unwrap(), JobStatus::Failed);
    assert!(summary(1)(counted.retry(t.db()).await.unwrap()));
    assert_eq!(late.status(t.db()).await.unwrap(), JobStatus::Failed);
    assert_eq!(early.status(t.db()).await.unwrap(), JobStatus::Scheduled);
}

async fn jobs_that_start_after_the_count_are_left_unless_waiting_ones_were_counted(t: Database) {
    let handle = Gated::new().schedule(t.db()).await.unwrap();
    let running = of(&t, JobFilter::new().status(JobStatus::Running)).await;
    let open = of(&t, JobFilter::new()).await;
    let gate = Gate::default();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    assert!(summary(0)(running.cancel(t.db()).await.unwrap()));
    assert_eq!(handle.record(t.db()).await.unwrap().cancel_requested_at, None);
    let summary = open.cancel(t.db()).await.unwrap();
    assert_eq!((summary.done, summary.requested, summary.total()), (0, 1, 1));
    soon(worker.stop()).await;
}

async fn jobs_that_have_changed_since_the_count_are_counted(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..4).map(Add::new)).await.unwrap();
    let counted = of(&t, JobFilter::new()).await;
    handles[0].cancel(t.db()).await.unwrap();
    handles[1].cancel(t.db()).await.unwrap();
    handles[1].delete(t.db()).await.unwrap();
    let canceled = counted.cancel(t.db()).await.unwrap();
    assert_eq!((canceled.done, canceled.changed, canceled.total()), (2, 2, 4));
    let again = counted.cancel(t.db()).await.unwrap();
    assert_eq!((again.done, again.changed, again.total()), (0, 4, 4));
}

/// Schedules a thousand jobs, which are a batch, and these, acts on all, and does something between the two batches: the second has been
/// read by then, and holds no lock yet.
async fn act_while(
    t: &Database,
    late: Vec<jobs::WithOptions<Add>>,
    act: impl for<'b> Fn(&'b Bulk, &'b Database) -> BulkAction<'b>,
    meanwhile: impl AsyncFnOnce(&[JobHandle<Add>]) + Send,
) -> BulkSummary {
    let later = || JobOptions::new().queue("early").delay(Duration::from_hours(1));
    jobs::schedule_all(t.db(), (0..1_000).map(|number| Add::new(number).with_options(later()))).await.unwrap();
    let late = jobs::schedule_all(t.db(), late).await.unwrap();
    let counted = of(t, JobFilter::new()).await;
    let action = act(&counted, t).on_progress(once(async || meanwhile(&late).await));
    soon(action.into_future()).await.unwrap()
}

fn in_an_hour(number: i64) -> jobs::WithOptions<Add> {
    Add::new(number).with_options(JobOptions::new().queue("late").delay(Duration::from_hours(1)))
}

async fn jobs_that_change_while_others_are_canceled_are_canceled_if_they_still_match(t: Database) {
    let summary = act_while(
        &t,
        (0..4).map(in_an_hour).collect(),
        |jobs, t| jobs.cancel(t.db()),
        async |late| {
            late[0].set_parameter(t.db(), "b", 5).await.unwrap();
            // As a worker claims it.
            let claim = "UPDATE jobs_job SET status = 1, version = version + 1, attempt = 1 WHERE id =";
            t.execute(&format!("{claim} {}", late[1])).await;
            late[2].cancel(t.db()).await.unwrap();
        },
    )
    .await;
    assert_eq!((summary.done, summary.requested, summary.changed), (1_002, 1, 1), "{summary:?}");
    assert_eq!(summary.total(), 1_004, "{summary:?}");
    let running = jobs::list(t.db(), JobFilter::new().status(JobStatus::Running)).await.unwrap().jobs;
    assert!(running.len() == 1 && running[0].cancel_requested_at.is_some(), "{running:?}");
}

async fn jobs_that_change_while_others_are_made_due_are_made_due_if_they_still_match(t: Database) {
    let summary = act_while(
        &t,
        (0..3).map(in_an_hour).collect(),
        |jobs, t| jobs.run_now(t.db()),
        async |late| {
            late[0].set_parameter(t.db(), "b", 5).await.unwrap();
            late[1].cancel(t.db()).await.unwrap();
        },
    )
    .await;
    assert_eq!((summary.done, summary.changed, summary.total()), (1_002, 1, 1_003), "{summary:?}");
    let waiting = jobs::list(t.db(), JobFilter::new().status(JobStatus::Scheduled).queue("late")).await.unwrap().jobs;
    assert_eq!(waiting.len(), 2);
    assert!(waiting.iter().all(|job| job.scheduled_at < job.created_at + Duration::from_mins(30)), "{waiting:?}");
}

async fn retry_means_failed_jobs_unless_statuses_are_named(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..3).map(Add::new)).await.unwrap();
    for (handle, status) in handles.iter().zip([2, 3, 4]) {
        t.execute(&format!("UPDATE jobs_job SET status = {status} WHERE id = {handle}")).await;
    }
    let all = of(&t, JobFilter::new()).await;
    assert_eq!((all.counts().total(), all.retry(t.db()).jobs(), all.delete(t.db()).jobs()), (3, 1, 3));
    assert!(summary(1)(all.retry(t.db()).await.unwrap()));
    assert_eq!(handles[1].status(t.db()).await.unwrap(), JobStatus::Scheduled);
    let succeeded = of(&t, JobFilter::new().status(JobStatus::Terminated).status(JobStatus::Scheduled)).await;
    assert!(summary(1)(succeeded.retry(t.db()).await.unwrap()));
    assert_eq!(handles[2].status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(handles[0].status(t.db()).await.unwrap(), JobStatus::Canceled);
}

async fn statuses_that_an_action_can_not_change_are_refused(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let waiting = of(&t, JobFilter::new().status(JobStatus::Scheduled)).await;
    assert_eq!(refused(waiting.delete(t.db()).await), "status");
    assert_eq!(refused(waiting.retry(t.db()).await), "status");
    let failed = of(&t, JobFilter::new().status(JobStatus::Failed)).await;
    assert_eq!(refused(failed.cancel(t.db()).await), "status");
    assert_eq!(refused(failed.run_now(t.db()).await), "status");
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
}

async fn unserved_jobs_are_only_canceled(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let unserved = of(&t, JobFilter::new().unserved()).await;
    assert_eq!(refused(unserved.run_now(t.db()).await), "unserved");
    assert_eq!(refused(unserved.retry(t.db()).await), "unserved");
    assert_eq!(refused(unserved.delete(t.db()).await), "unserved");
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert!(summary(1)(unserved.cancel(t.db()).await.unwrap()));
}

async fn keys_of_deleted_jobs_are_locked_in_their_order(t: Database) {
    let ids = failed_with_keys(&t, &["a", "b", "c", "d", "e", "f"]).await;
    let select = "SELECT unique_key, job_id FROM jobs_unique ORDER BY unique_key";
    let rows = t.db().query_all_raw(Statement::from_string(t.db().get_database_backend(), select)).await.unwrap();
    let keys: Vec<(String, i64)> =
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect();
    let of_first = keys.iter().position(|(_, job)| JobId::from(*job) == ids[0]).unwrap();
    assert_ne!(of_first, 0, "the order of the keys is that of the jobs");
    let transaction = jobs::begin(t.db()).await.unwrap();
    let lock = async |key: usize| {
        let update = format!("UPDATE jobs_unique SET expires_at = NULL WHERE unique_key = '{}'", keys[key].0);
        transaction.execute_unprepared(&update).await.unwrap();
    };
    let counted = of(&t, JobFilter::new()).await;
    lock(0).await;
    let mut delete = counted.delete(t.db()).into_future();
    // It waits for the first key. If it had locked the other one, both would wait for each other.
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut delete).await.is_err());
    soon(lock(of_first)).await;
    transaction.commit().await.unwrap();
    assert!(summary(6)(soon(delete).await.unwrap()));
}

async fn a_locked_job_holds_up_no_other_and_is_counted(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..3).map(Add::new)).await.unwrap();
    let counted = of(&t, JobFilter::new()).await;
    let transaction = jobs::begin(t.db()).await.unwrap();
    handles[1].set_parameter(&transaction, "b", 5).await.unwrap();
    let canceled = soon(counted.cancel(t.db()).into_future()).await.unwrap();
    assert_eq!((canceled.done, canceled.locked, canceled.total()), (2, 1, 3));
    transaction.commit().await.unwrap();
    let again = counted.cancel(t.db()).await.unwrap();
    assert_eq!((again.done, again.changed, again.total()), (1, 2, 3));
}

async fn a_job_that_is_locked_for_a_moment_is_acted_on_in_the_end(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..3).map(Add::new)).await.unwrap();
    let counted = of(&t, JobFilter::new()).await;
    let transaction = jobs::begin(t.db()).await.unwrap();
    let update = format!("UPDATE jobs_job SET priority = 1 WHERE id = {}", handles[1]);
    transaction.execute_unprepared(&update).await.unwrap();
    let mut transaction = Some(transaction);
    let canceled = counted.cancel(t.db()).on_progress(move |_| {
        if let Some(transaction) = transaction.take() {
            tokio::spawn(transaction.commit());
        }
    });
    let canceled = canceled.await.unwrap();
    assert!(summary(3)(canceled), "{canceled:?}");
}

async fn what_is_dropped_halfway_is_continued_by_the_same_call(t: Database) {
    jobs::schedule_all(t.db(), (0..2_500).map(Add::new)).await.unwrap();
    let counted = of(&t, JobFilter::new()).await;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let mut stop = Some(stop);
    let cancel = counted.cancel(t.db()).on_progress(|_| {
        if let Some(stop) = stop.take() {
            stop.send(()).unwrap();
        }
    });
    tokio::select! {
        biased;
        _ = stopped => {}
        summary = cancel.into_future() => panic!("not dropped: {summary:?}"),
    }
    // The commit of the batch in flight may still land: what is canceled by then is known only afterwards.
    let rest = counted.cancel(t.db()).await.unwrap();
    assert_eq!((rest.done + rest.changed, rest.total()), (2_500, 2_500));
    assert_eq!(rest.changed % 1_000, 0, "a batch is done or not");
    assert!((1_000..2_500).contains(&rest.changed), "{rest:?}");
    assert_eq!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().canceled, 2_500);
}

async fn jobs_are_scheduled_and_executed_meanwhile(t: Database) {
    let other = |number| Add::new(number).with_options(JobOptions::new().queue("other"));
    jobs::schedule_all(t.db(), (0..10_000).map(other)).await.unwrap();
    let counted = of(&t, JobFilter::new().queue("other")).await;
    let worker = Running::start(Worker::new(t.db().clone()).queue("q", 5));
    let run_one = async || {
        let handle = Add::new(1).schedule(t.db()).queue("q").await.unwrap();
        soon(handle.wait(t.db())).await.unwrap();
    };
    run_one().await;
    let (report, reported) = tokio::sync::watch::channel(0);
    let cancel = counted.cancel(t.db()).on_progress(move |so_far| {
        report.send_replace(so_far.done);
    });
    let meanwhile = async {
        run_one().await;
        *reported.borrow()
    };
    let (canceled, done) = tokio::join!(cancel.into_future(), meanwhile);
    assert!(summary(10_000)(canceled.as_ref().copied().unwrap()), "{canceled:?}");
    assert!(done < 10_000, "the job has waited for all of them");
    worker.stop().await;
}

async fn a_running_job_is_asked_to_stop(t: Database) {
    let gate = Gate::default();
    let running = Gated::new().schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    let summary = of(&t, JobFilter::new().queue("gated")).await.cancel(t.db()).await.unwrap();
    assert_eq!((summary.done, summary.requested, summary.total()), (0, 1, 1));
    assert!(matches!(soon(running.wait(t.db())).await, Err(Error::JobCanceled { .. })));
    worker.stop().await;
}

async fn whoever_waits_for_a_canceled_job_is_told(t: Database) {
    let handle = Add::new(1).schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    let waits = tokio::spawn({
        let db = t.connect().await;
        async move { handle.wait(&db).await }
    });
    of(&t, JobFilter::new()).await.cancel(t.db()).await.unwrap();
    assert!(matches!(soon(waits).await.unwrap(), Err(Error::JobCanceled { .. })));
}

async fn a_count_is_read_as_it_is_written(t: Database) {
    Talk::new("fail").schedule(t.db()).await.unwrap();
    work(&t).await;
    let counted = of(&t, JobFilter::new().name("Talk")).await;
    assert_read_back(&counted);
    let json = serde_json::to_string(&counted).unwrap();
    let confirmed: Bulk = serde_json::from_str(&json).unwrap();
    let retried = confirmed.retry(t.db()).await.unwrap();
    assert!(summary(1)(retried));
    assert_read_back(&retried);
}
