//! What is written: the records of jobs, queues, workers and schedules, and what was done to them.

use serde_json::{Value, json};

use super::{LeftOut, Member, Schema, Schemas, Seconds, extended, object};
use crate::client::answers::{Diagnosis, JobDetails, JobDone, QueueDone, ScheduleDone, ScheduleRun, ScheduledJob};
use crate::client::health::Finding;
use crate::cron::{CronRecord, ListedSchedule};
use crate::{Attempt, JobOptions, JobRecord, JobState, Message, QueueRecord, WaitReason, Why, WorkerRecord};

object! { write JobRecord "Everything that is stored about a job. Times are the database's." {
    id: "The identifier.",
    name: "The name of its definition.",
    queue: "The queue.",
    priority: "The priority, −100 to 100; smaller runs first.",
    status: "The status.",
    version: "Incremented at every change of owner or status.",
    attempt: "The number of attempts started so far.",
    max_attempts: "The most attempts that may be started.",
    timeout as "timeout_seconds" Seconds: "How long an attempt may take, in seconds.",
    parameters: "The parameters, by name. Secret ones, and all that the role may not see, read `•••`.",
    secrets: "The names of the secret parameters.",
    results: "The results of the latest attempt, by name. What the job has returned is named `output`.",
    progress: "The progress of the latest attempt, 0 to 100.",
    created_at: "When the job was scheduled.",
    scheduled_at: "When the job is, or was, due.",
    started_at: "When the latest attempt was claimed.",
    finished_at: "When the job was closed.",
    worker_id: "The worker that runs the job, or ran it last.",
    cancel_requested_at: "When the job was asked to cancel.",
    last_error: "The error of the latest unsuccessful attempt.",
    user: "The user on whose behalf the job runs.",
    session: "The session that requested the job.",
    event: "The event that requested the job.",
    nominal_time: "The time of the schedule for which the job was scheduled.",
    payload_hidden as "payload_hidden" LeftOut<bool>: "Present, and true, if the role may not see parameters, results and errors.",
} }

object! { write Attempt "An unsuccessful attempt." {
    attempt: "The number of the attempt; the first is 1.",
    worker: "The name of the worker that ran it.",
    started_at: "When the attempt was claimed.",
    ended_at: "When the attempt ended.",
    how: "How the attempt ended.",
    error: "The error, with its sources.",
} }

object! { write Message "A line that a job has logged." {
    time: "When the message was logged.",
    attempt: "The number of the attempt that logged it.",
    level: "The severity.",
    text: "The text.",
} }

object! { write JobState "The state of a job that has not ended." {
    status: "The status.",
    attempt: "The number of the latest attempt; 0 if there was none.",
    progress: "The progress of the latest attempt, 0 to 100.",
    scheduled_at: "When the job is due; in the past if it is running.",
    cancel_requested_at: "When someone asked the running job to stop.",
    last_error: "The error of the attempt before, while the job waits for the next one.",
} }

object! { write Why "Why a job waits." {
    id: "The job.",
    status: "Its status.",
    asked_at: "When it was asked.",
    reasons: "The reasons: all that hold at once, the decisive first.",
} }

impl Schema for WaitReason {
    fn schema(named: &mut Schemas) -> Value {
        named.named("WaitReason", |named| {
            // A reason that is not told does not compile.
            let _ = |reason: &Self| match reason {
                Self::DueLater { .. }
                | Self::RetryLater { .. }
                | Self::QueuePaused { .. }
                | Self::NoWorker { .. }
                | Self::UnknownName { .. }
                | Self::LimitReached { .. }
                | Self::Behind { .. }
                | Self::WorkersBusy { .. }
                | Self::NothingKnown {} => (),
            };
            let time = || chrono::DateTime::<chrono::Utc>::schema(&mut Schemas::default());
            let (text, count) = (|| json!({ "type": "string" }), || json!({ "type": "integer", "minimum": 0 }));
            let reasons = [
                "due_later",
                "retry_later",
                "queue_paused",
                "no_worker",
                "unknown_name",
                "limit_reached",
                "behind",
                "workers_busy",
                "nothing_known",
            ];
            json!({
                "type": "object",
                "description": "A reason why a job waits. Which members there are depends on `reason`.",
                "properties": {
                    "reason": { "type": "string", "enum": reasons },
                    "at": time(),
                    "since": time(),
                    "until": { "anyOf": [time(), { "type": "null" }] },
                    "by": { "type": ["string", "null"] },
                    "pause_reason": { "type": ["string", "null"] },
                    "last_seen_at": { "anyOf": [time(), { "type": "null" }] },
                    "queue": text(),
                    "name": text(),
                    "error": text(),
                    "how": crate::AttemptEnd::schema(named),
                    "attempt": count(),
                    "max_attempts": count(),
                    "workers": count(),
                    "jobs": count(),
                    "running": count(),
                    "definition": text(),
                    "counted_by": { "type": ["string", "null"] },
                    "most": count(),
                    "holders": { "type": "array", "items": { "type": "integer" } },
                    "or_more": { "type": "boolean" },
                },
                "required": ["reason"],
            })
        })
    }
}

object! { write JobDetails "A job with its history." {
    job: "The job.",
    attempts: "The unsuccessful attempts, the latest 100, in order.",
    messages: "The messages, the latest 500, in order.",
    why: "Why it waits, if it does.",
} }

object! { write ScheduledJob "A job that was to be scheduled." {
    id: "The job.",
    existed: "Whether the job existed: it holds the unique key.",
} }

object! { write JobDone "What was done to a job." {
    id: "The job.",
    done: "What was done: `canceled`, `asked to stop`, `scheduled again`, `due now` or `deleted`.",
} }

object! { write QueueRecord "A queue." {
    name: "The name.",
    paused_at: "When it was paused; null if it is not paused.",
    paused_until: "When the pause ends by itself; null if it lasts until the queue is resumed.",
    paused_by: "Who paused it; null if that is not known.",
    pause_reason: "Why it was paused, if that was said.",
    scheduled: "The number of waiting jobs, due or not.",
    running: "The number of running jobs.",
    oldest_due as "oldest_due_seconds" Seconds: "How long the first waiting job has been due, in seconds; null if none is due.",
} }

object! { write QueueDone "What was done to a queue." {
    queue: "The queue.",
    done: "What was done: `paused` or `resumed`.",
} }

object! { write WorkerRecord "A worker." {
    id: "The identifier: new each time a worker starts.",
    name: "The name by which operators know it.",
    host: "The host on which it runs.",
    pid: "The process id on that host.",
    started_at: "When the worker joined.",
    last_seen_at: "When the worker last renewed its lease.",
    is_live: "Whether the worker's lease is valid.",
    queues: "The queues that it serves.",
    names: "The names of the jobs that it can execute.",
    running: "The number of its running jobs.",
} }

object! { write CronRecord "A schedule. Times are the database's." {
    name: "The name; for a definition's schedule, that of the job.",
    job: "The name of the job that it schedules.",
    expression: "The expression.",
    description: "The expression in English.",
    timezone: "The time zone of its times, such as `Europe/Paris`.",
    missed: "The policy for missed times: `skip`, `once`, or for example `all(10)`.",
    source: "The origin.",
    parameters: "The parameters of its jobs, by name. Secret ones, and all that the role may not see, read `•••`.",
    secrets: "The names of the secret parameters.",
    options: "The options of its jobs, as they are stored. Those that are not set come from their definition.",
    paused_at: "When it was paused; null if it is not paused.",
    next_at: "When it fires next; null if it is paused.",
    last_at: "The latest time for which it has fired, as far as its history goes back.",
    created_at: "When it was added.",
    payload_hidden as "payload_hidden" LeftOut<bool>: "Present, and true, if the role may not see parameters and unique keys.",
} }

impl Schema for JobOptions {
    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "object" })
    }
}

impl Schema for ListedSchedule {
    fn schema(named: &mut Schemas) -> Value {
        let record = CronRecord::schema(named);
        let members = vec![Member::of(named, "next_times", |listed: &Self| &listed.next_times, "Its next times.")];
        extended(named, "ListedSchedule", &record, "A schedule with its next times.", members)
    }
}

object! { write Finding "A finding of a check." {
    check: "The check.",
    level: "How much it matters; `info` if nothing is known to be wrong, but the check could not be performed completely.",
    found: "What was found. What the database says, and who uses it, read `•••` if the role may not see errors.",
    remedy: "What to do, with commands of the command line.",
} }

object! { write Diagnosis "What checks have found." {
    is_well: "Whether nothing is known to be wrong.",
    findings: "The findings, in the order of the checks.",
} }

object! { write ScheduleDone "What was done to a schedule." {
    schedule: "The schedule.",
    done: "What was done: `added`, `paused`, `resumed` or `removed`.",
} }

object! { write ScheduleRun "The job of a schedule that was run now." {
    id: "The job.",
} }
