//! The metrics of jobs and workers, through the facade of the crate [`metrics`](https://docs.rs/metrics).
//!
//! A program that installs a recorder (of `metrics-exporter-prometheus`, for instance) receives all of these; without one,
//! measuring costs next to nothing. Each name is a constant of this module.
//!
//! | name | kind | labels | meaning |
//! | --- | --- | --- | --- |
//! | `jobs_scheduled_total` | counter | `queue`, `name` | jobs that this program has inserted, including those whose transaction is rolled back later |
//! | `jobs_started_total` | counter | `queue`, `name` | attempts that this program's workers have started |
//! | `jobs_finished_total` | counter | `queue`, `name`, `outcome`, `status` | attempts whose end is written; those of lost workers are counted by the worker that rescues them |
//! | `jobs_fenced_out_total` | counter | `queue`, `name` | attempts whose end was not written, because another worker had taken over the job |
//! | `jobs_wait_seconds` | histogram | `queue`, `name` | from the job's due time to the start of an attempt |
//! | `jobs_duration_seconds` | histogram | `queue`, `name` | from the start of an attempt to the end of its code, by the worker's clock |
//! | `jobs_claim_batch_size` | histogram | `queue` | the number of jobs returned by a claim; empty claims are not counted |
//! | `jobs_running` | gauge | `queue` | attempts that execute in this worker; updated twice a second |
//! | `jobs_queue_depth` | gauge | `queue`, `status` | jobs of all programs that are `scheduled` (due or not) or `running` |
//! | `jobs_oldest_age_seconds` | gauge | `queue` | how long the first waiting job has been due; 0 if none is |
//! | `jobs_workers` | gauge | | workers whose lease is valid, in all programs |
//! | `jobs_limit` | gauge | `definition` | how many jobs of a definition with a [limit](crate::guide::limits) may run at once; not for one that has only limits by parameters |
//! | `jobs_limit_running` | gauge | `definition` | how many jobs run that count for a definition's limits, in all programs |
//!
//! `name` is that of the job's definition, as it was scheduled.
//!
//! `outcome` is how the attempt ended: `success`, `snoozed`, or, as in the job's history, an [`AttemptEnd`](crate::AttemptEnd):
//! `error`, `panic`, `timeout`, `undecodable`, `canceled`, `lost`, `shutdown`, `did_not_stop`, `refused`. `status` is the
//! job's status after it: `terminated`, `failed`, `canceled`, or `scheduled` if it runs again. So a retry after an error is
//! `{outcome="error", status="scheduled"}`, and an error without further retries `{outcome="error", status="failed"}`.
//!
//! A cancellation that arrives while a retry is being written makes the job `canceled`, although it was counted as `scheduled`.
//!
//! The wait until the claim is measured by the database's clock at both ends; the wait for a free slot after it, by the
//! worker's.
//!
//! The last five gauges are read from the database, and cover all queues: only a worker with
//! [`Worker::sample_queues`](crate::Worker::sample_queues) sets them. One worker of many is enough. If several workers of one
//! program serve the same queue, `jobs_running` is the count of the last one to update it.

use std::collections::HashMap;

use ::metrics::{Label, Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// Jobs that this program has inserted, by queue and name.
pub const SCHEDULED_TOTAL: &str = "jobs_scheduled_total";

/// Attempts that were started, by queue and name.
pub const STARTED_TOTAL: &str = "jobs_started_total";

/// Attempts whose end is written, by queue, name, outcome, and the status of the job after it.
pub const FINISHED_TOTAL: &str = "jobs_finished_total";

/// Attempts whose end was not written, because another worker had taken over the job, by queue and name.
pub const FENCED_OUT_TOTAL: &str = "jobs_fenced_out_total";

/// Seconds from a job's due time to the start of an attempt, by queue and name.
pub const WAIT_SECONDS: &str = "jobs_wait_seconds";

/// Seconds from the start of an attempt to the end of its code, by queue and name.
pub const DURATION_SECONDS: &str = "jobs_duration_seconds";

/// The number of jobs returned by a claim, by queue.
pub const CLAIM_BATCH_SIZE: &str = "jobs_claim_batch_size";

/// Attempts that execute in this worker, by queue.
pub const RUNNING: &str = "jobs_running";

/// Jobs that wait or run, by queue and status.
pub const QUEUE_DEPTH: &str = "jobs_queue_depth";

/// Seconds for which the first waiting job has been due, by queue.
pub const OLDEST_AGE_SECONDS: &str = "jobs_oldest_age_seconds";

/// Workers whose lease is valid.
pub const WORKERS: &str = "jobs_workers";

/// How many jobs of a definition may run at once, by definition.
pub const LIMIT: &str = "jobs_limit";

/// Jobs that run and count for their definition's limits, by definition.
pub const LIMIT_RUNNING: &str = "jobs_limit_running";

/// Describes each metric to the program's recorder. A worker calls it when it starts, because a recorder may be installed at any time.
pub(crate) fn describe() {
    describe_counter!(SCHEDULED_TOTAL, "Jobs that this program has inserted");
    describe_counter!(STARTED_TOTAL, "Attempts that this program's workers have started");
    describe_counter!(FINISHED_TOTAL, "Attempts whose end is written, by how they ended and what that made of the job");
    describe_counter!(
        FENCED_OUT_TOTAL,
        "Attempts whose end was not written, because another worker had taken over the job"
    );
    describe_histogram!(WAIT_SECONDS, Unit::Seconds, "From a job's due time to the start of an attempt");
    describe_histogram!(DURATION_SECONDS, Unit::Seconds, "From the start of an attempt to the end of its code");
    describe_histogram!(CLAIM_BATCH_SIZE, "The number of jobs returned by a claim");
    describe_gauge!(RUNNING, "Attempts that execute in this worker");
    describe_gauge!(QUEUE_DEPTH, "Jobs of all programs that wait or run");
    describe_gauge!(OLDEST_AGE_SECONDS, Unit::Seconds, "How long the first waiting job has been due");
    describe_gauge!(WORKERS, "Workers whose lease is valid, in all programs");
    describe_gauge!(LIMIT, "How many jobs of the definition may run at once");
    describe_gauge!(LIMIT_RUNNING, "Jobs of all programs that run and count for the definition's limits");
}

/// Adds one for each of these label values. Equal ones are added together, because looking up a metric costs more than
/// counting.
pub(crate) fn count_each<'a, const N: usize>(
    name: &'static str,
    labels: [&'static str; N],
    each: impl Iterator<Item = [&'a str; N]>,
) {
    let mut counts: HashMap<_, u64> = HashMap::new();
    for values in each {
        *counts.entry(values).or_default() += 1;
    }
    for (values, count) in counts {
        let labels: Vec<_> =
            labels.into_iter().zip(values).map(|(label, value)| Label::new(label, value.to_owned())).collect();
        counter!(name, labels).increment(count);
    }
}
