//! Why a job waits, in words.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AttemptEnd, JobId, JobStatus};

/// Why a job is not running: the answer of [`why`](crate::why).
///
/// `Display` writes plain sentences, and so does that of each [`WaitReason`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Why {
    /// The job.
    pub id: JobId,
    /// Its status: only a `SCHEDULED` job waits.
    pub status: JobStatus,
    /// When it was asked, by the database's clock, as all times in the answer.
    pub asked_at: DateTime<Utc>,
    /// The reasons why it waits: all that hold at once, the decisive first, in the order of [`WaitReason`]. Empty if it does not
    /// wait, and only then.
    pub reasons: Vec<WaitReason>,
}

/// A reason why a job waits. As JSON: an object whose `reason` is the name in snake case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitReason {
    /// It is due later.
    #[non_exhaustive]
    DueLater {
        /// When it is due.
        at: DateTime<Utc>,
    },
    /// An attempt did not end well, and the next one is due later.
    #[non_exhaustive]
    RetryLater {
        /// When the next attempt is due.
        at: DateTime<Utc>,
        /// The number of the attempt that did not end well.
        attempt: u32,
        /// The most attempts that may be started.
        max_attempts: u32,
        /// How that attempt ended.
        how: AttemptEnd,
        /// The error, with its sources.
        error: String,
    },
    /// Its queue is paused.
    #[non_exhaustive]
    QueuePaused {
        /// The queue.
        queue: String,
        /// When the queue was paused.
        since: DateTime<Utc>,
        /// When the pause ends by itself. `None` if it lasts until the queue is resumed.
        until: Option<DateTime<Utc>>,
        /// Who paused it, if that was done in a [`Session`](crate::Session).
        by: Option<String>,
        /// Why it was paused, if that was said.
        pause_reason: Option<String>,
    },
    /// No live worker serves its queue.
    #[non_exhaustive]
    NoWorker {
        /// The queue.
        queue: String,
        /// When a worker that served the queue was last seen. `None` if that is not known: when a worker stops in an
        /// orderly way, its row is deleted.
        last_seen_at: Option<DateTime<Utc>>,
    },
    /// Live workers serve its queue, but none of them has a definition of its name.
    #[non_exhaustive]
    UnknownName {
        /// The queue.
        queue: String,
        /// The name.
        name: String,
        /// The number of live workers that serve the queue.
        workers: u64,
    },
    /// As many jobs are running as its definition's limit allows.
    #[non_exhaustive]
    LimitReached {
        /// The name of the definition.
        definition: String,
        /// The parameters by which its jobs are counted, and their values, as in `account="acme"`. `None` if it is the limit of all its
        /// jobs.
        counted_by: Option<String>,
        /// How many may run at once.
        most: u64,
        /// Up to ten of those that run, by their identifiers.
        holders: Vec<JobId>,
    },
    /// Other jobs are before it in its queue: due, and of a lower priority number or due earlier.
    #[non_exhaustive]
    Behind {
        /// The queue.
        queue: String,
        /// The number of jobs that are before it, counted up to 10,000.
        jobs: u64,
        /// Whether there may be more than were counted. If none were counted, it is not known whether any job is before it: the
        /// waiting jobs are of too many names and priorities.
        or_more: bool,
    },
    /// Jobs of its queue are running, perhaps as many as its workers run at once. Only told if a live worker could execute it.
    #[non_exhaustive]
    WorkersBusy {
        /// The queue.
        queue: String,
        /// The number of running jobs of the queue, counted up to 10,000.
        running: u64,
    },
    /// It is due, and nothing known holds it. A worker is about to start it, or another transaction has locked its row.
    #[non_exhaustive]
    NothingKnown {},
}

impl Why {
    /// Writes this text in place of errors, and of parameters by whose values jobs are counted.
    pub(crate) fn replace_payload(&mut self, text: &str) {
        for reason in &mut self.reasons {
            match reason {
                WaitReason::RetryLater { error: payload, .. }
                | WaitReason::LimitReached { counted_by: Some(payload), .. } => text.clone_into(payload),
                _ => {}
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, status, reasons, .. } = self;
        if *status != JobStatus::Scheduled {
            return write!(f, "Job {id} does not wait: it is {status}.");
        }
        write!(f, "Job {id} waits.")?;
        reasons.iter().try_for_each(|reason| write!(f, " {reason}"))
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DueLater { at } => write!(f, "It is due at {}.", time(*at)),
            Self::RetryLater { at, attempt, max_attempts, how, error } => {
                let how = how.as_str().replace('_', " ");
                let error = sentence(error.lines().next().unwrap_or_default());
                write!(f, "Attempt {attempt} of {max_attempts} ended ({how}): {error} The next is due at {}.", time(*at))
            }
            Self::QueuePaused { queue, since, until, by, pause_reason } => {
                write!(f, "Queue `{queue}` has been paused since {}", time(*since))?;
                by.iter().try_for_each(|by| write!(f, " by {by}"))?;
                until.iter().try_for_each(|until| write!(f, ", until {}", time(*until)))?;
                match pause_reason {
                    Some(reason) => write!(f, ": {}", sentence(reason)),
                    None => f.write_str("."),
                }
            }
            Self::NoWorker { queue, last_seen_at: Some(at) } => {
                write!(f, "No live worker serves queue `{queue}`; the last was seen at {}.", time(*at))
            }
            Self::NoWorker { queue, last_seen_at: None } => write!(f, "No live worker serves queue `{queue}`."),
            Self::UnknownName { queue, name, workers: 1 } => {
                write!(f, "The only live worker that serves queue `{queue}` has no definition of `{name}`.")
            }
            Self::UnknownName { queue, name, workers } => {
                write!(f, "None of the {workers} live workers that serve queue `{queue}` has a definition of `{name}`.")
            }
            Self::LimitReached { definition, counted_by, most, holders } => {
                let which = counted_by.as_ref().map_or_else(String::new, |values| format!(" with {values}"));
                let holders: Vec<_> = holders.iter().map(ToString::to_string).collect();
                let at_once = with_commas(*most);
                write!(f, "No more than {at_once} of the jobs of `{definition}`{which} run at once; now run: {}.", holders.join(", "))
            }
            Self::Behind { queue, jobs: 0, or_more: true } => write!(
                f,
                "Other jobs may be before it in queue `{queue}`: those that wait are of too many names and priorities to be counted."
            ),
            Self::Behind { queue, jobs, or_more } => {
                let at_least = if *or_more { "At least " } else { "" };
                let (jobs, are) = (with_commas(*jobs), if *jobs == 1 { "job is" } else { "jobs are" });
                write!(f, "{at_least}{jobs} {are} before it in queue `{queue}`.")
            }
            Self::WorkersBusy { queue, running } => {
                let (jobs, are) = (with_commas(*running), if *running == 1 { "job is" } else { "jobs are" });
                write!(f, "{jobs} {are} running in queue `{queue}`: its workers may have no free slot.")
            }
            Self::NothingKnown {} => f.write_str(
                "It is due, and nothing known holds it: a worker should start it at once, unless another transaction has locked its row.",
            ),
        }
    }
}

/// A time to the second.
fn time(time: DateTime<Utc>) -> impl fmt::Display {
    time.format("%Y-%m-%d %H:%M:%SZ")
}

/// The text with a period at its end.
fn sentence(text: &str) -> String {
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{text}{stop}")
}

/// The number, with a comma before each three digits.
fn with_commas(number: u64) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", with_commas(thousands)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_says(reason: &WaitReason, sentence: &str) {
        assert_eq!(reason.to_string(), sentence);
        let json = serde_json::to_string(reason).expect("JSON");
        assert_eq!(serde_json::from_str::<WaitReason>(&json).expect("what was written"), *reason, "{json}");
    }

    #[test]
    fn every_reason_is_a_sentence_and_is_read_as_it_is_written() {
        let at = DateTime::from_timestamp(1_700_000_000, 5_000_000).expect("a time");
        let (queue, name) = (|| "mail".to_owned(), || "SendMail".to_owned());
        assert_says(&WaitReason::DueLater { at }, "It is due at 2023-11-14 22:13:20Z.");
        let retry =
            |how, error: &str| WaitReason::RetryLater { at, attempt: 1, max_attempts: 3, how, error: error.into() };
        assert_says(
            &retry(AttemptEnd::Error, "no paper: no trees\nat line 7"),
            "Attempt 1 of 3 ended (error): no paper: no trees. The next is due at 2023-11-14 22:13:20Z.",
        );
        assert_says(
            &retry(AttemptEnd::DidNotStop, "It hangs."),
            "Attempt 1 of 3 ended (did not stop): It hangs. The next is due at 2023-11-14 22:13:20Z.",
        );
        assert_says(
            &WaitReason::QueuePaused { queue: queue(), since: at, until: None, by: None, pause_reason: None },
            "Queue `mail` has been paused since 2023-11-14 22:13:20Z.",
        );
        let (by, pause_reason) = (Some("ada".to_owned()), Some("no paper".to_owned()));
        assert_says(
            &WaitReason::QueuePaused { queue: queue(), since: at, until: Some(at), by, pause_reason },
            "Queue `mail` has been paused since 2023-11-14 22:13:20Z by ada, until 2023-11-14 22:13:20Z: no paper.",
        );
        assert_says(
            &WaitReason::NoWorker { queue: queue(), last_seen_at: Some(at) },
            "No live worker serves queue `mail`; the last was seen at 2023-11-14 22:13:20Z.",
        );
        assert_says(
            &WaitReason::NoWorker { queue: queue(), last_seen_at: None },
            "No live worker serves queue `mail`.",
        );
        assert_says(
            &WaitReason::UnknownName { queue: queue(), name: name(), workers: 1 },
            "The only live worker that serves queue `mail` has no definition of `SendMail`.",
        );
        assert_says(
            &WaitReason::UnknownName { queue: queue(), name: name(), workers: 2 },
            "None of the 2 live workers that serve queue `mail` has a definition of `SendMail`.",
        );
        let limit = |counted_by: Option<&str>| WaitReason::LimitReached {
            definition: name(),
            counted_by: counted_by.map(str::to_owned),
            most: 2_000,
            holders: vec![JobId(7), JobId(9)],
        };
        assert_says(&limit(None), "No more than 2,000 of the jobs of `SendMail` run at once; now run: 7, 9.");
        assert_says(
            &limit(Some("account=\"acme\"")),
            "No more than 2,000 of the jobs of `SendMail` with account=\"acme\" run at once; now run: 7, 9.",
        );
        let behind = |jobs, or_more| WaitReason::Behind { queue: queue(), jobs, or_more };
        assert_says(&behind(1, false), "1 job is before it in queue `mail`.");
        assert_says(&behind(4_007, false), "4,007 jobs are before it in queue `mail`.");
        assert_says(
            &behind(0, true),
            "Other jobs may be before it in queue `mail`: those that wait are of too many names and priorities to be counted.",
        );
        assert_says(&behind(10_000, true), "At least 10,000 jobs are before it in queue `mail`.");
        assert_says(
            &WaitReason::WorkersBusy { queue: queue(), running: 1 },
            "1 job is running in queue `mail`: its workers may have no free slot.",
        );
    }

    #[test]
    fn the_reasons_follow_one_another() {
        let reasons = vec![
            WaitReason::NoWorker { queue: "mail".into(), last_seen_at: None },
            WaitReason::Behind { queue: "mail".into(), jobs: 2, or_more: false },
        ];
        let why = Why { id: JobId(7), status: JobStatus::Scheduled, asked_at: DateTime::UNIX_EPOCH, reasons };
        let expected = "Job 7 waits. No live worker serves queue `mail`. 2 jobs are before it in queue `mail`.";
        assert_eq!(why.to_string(), expected);
        let running = Why { status: JobStatus::Running, reasons: vec![], ..why };
        assert_eq!(running.to_string(), "Job 7 does not wait: it is RUNNING.");
    }
}
