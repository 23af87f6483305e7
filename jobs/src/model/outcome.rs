//! The outcome of an attempt, and how it changes the job. Pure: no clock, no database.

use std::fmt;
use std::time::Duration;

use super::texts::texts;
use super::{JobStatus, RetryPolicy};

/// How an unsuccessful attempt ended; kept in the job's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptEnd {
    /// `execute` returned an error, or asked to fail.
    Error,
    /// `execute` panicked.
    Panic,
    /// The timeout expired.
    Timeout,
    /// The parameters do not decode.
    Undecodable,
    /// The job was canceled while it ran.
    Canceled,
    /// The attempt's worker died, hung or lost the database.
    Lost,
    /// The attempt's worker was stopped.
    Shutdown,
    /// The attempt kept running after its timeout, cancellation or shutdown.
    DidNotStop,
    /// The database refused what the attempt wanted to store.
    Refused,
    /// Written by a later release, in a way that this one does not know.
    Unknown,
}

texts!(AttemptEnd, "an end of an attempt", {
    Error = "error",
    Panic = "panic",
    Timeout = "timeout",
    Undecodable = "undecodable",
    Canceled = "canceled",
    Lost = "lost",
    Shutdown = "shutdown",
    DidNotStop = "did_not_stop",
    Refused = "refused",
    Unknown = "unknown",
});

impl AttemptEnd {
    /// The end that the history has; [`Unknown`](Self::Unknown) if this release does not know it.
    pub(crate) fn stored(text: &str) -> Self {
        text.parse().unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// `execute` returned its output.
    Succeeded,
    /// It failed, and another attempt may succeed: after `delay` if the job chose one, else by the policy.
    Errored { how: AttemptEnd, reason: String, delay: Option<Duration> },
    /// It failed, and no other attempt can succeed.
    Failed { how: AttemptEnd, reason: String },
    /// The job gave up, or stopped because it was asked to.
    Canceled { reason: String },
    /// It asked to run again later, without counting this attempt.
    Snoozed { delay: Duration },
    /// Its worker is shutting down and ended it.
    Stopped,
    /// It was claimed and never started.
    NeverStarted,
}

/// The attempts of a job: how many were started, how many may be, how many were granted at first, and the pause between them.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the names are those of the columns")]
pub(crate) struct Attempts {
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) budget: i32,
    pub(crate) retry: RetryPolicy,
}

/// The change of a job's row that the outcome of an attempt makes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Transition {
    pub(crate) status: JobStatus,
    /// Until the next attempt. `None`: the due time stays as it is.
    pub(crate) delay: Option<Duration>,
    /// −1 if the attempt never started, else 0.
    pub(crate) attempt_change: i32,
    /// 1 if the attempt does not count, so that an attempt's number always identifies one execution.
    pub(crate) max_attempts_change: i32,
    /// How the attempt ended, for the history; `None` if it gets no row there.
    pub(crate) how: Option<AttemptEnd>,
    pub(crate) error: Option<String>,
}

impl Transition {
    /// The job is closed.
    pub(crate) fn closed(status: JobStatus, how: Option<AttemptEnd>, error: Option<String>) -> Self {
        debug_assert!(status.is_closed());
        Self { status, delay: None, attempt_change: 0, max_attempts_change: 0, how, error }
    }

    /// The job waits for another attempt.
    fn again(delay: Option<Duration>, how: Option<AttemptEnd>, error: Option<String>) -> Self {
        Self { status: JobStatus::Scheduled, delay, attempt_change: 0, max_attempts_change: 0, how, error }
    }

    fn uncounted(mut self) -> Self {
        self.max_attempts_change = 1;
        self
    }
}

impl Outcome {
    /// Whether another attempt may follow.
    pub(crate) const fn may_run_again(&self) -> bool {
        match self {
            Self::Errored { .. } | Self::Snoozed { .. } | Self::Stopped | Self::NeverStarted => true,
            Self::Succeeded | Self::Failed { .. } | Self::Canceled { .. } => false,
        }
    }

    /// How the outcome changes the job. `random` (0.0..=1.0) is the retry policy's jitter.
    pub(crate) fn transition(self, attempts: Attempts, random: f64) -> Transition {
        let Attempts { attempt, max_attempts, budget, retry } = attempts;
        match self {
            Self::Succeeded => Transition::closed(JobStatus::Terminated, None, None),
            Self::Canceled { reason } => {
                Transition::closed(JobStatus::Canceled, Some(AttemptEnd::Canceled), Some(reason))
            }
            Self::Failed { how, reason } => Transition::closed(JobStatus::Failed, Some(how), Some(reason)),
            Self::Errored { how, reason, .. } if attempt >= max_attempts => {
                Transition::closed(JobStatus::Failed, Some(how), Some(reason))
            }
            Self::Errored { how, reason, delay } => {
                // Attempts that did not count, or came before an operator's retry, don't lengthen the pause.
                let counted = attempt - (max_attempts - budget);
                let delay = delay.unwrap_or_else(|| retry.delay(counted, random));
                Transition::again(Some(delay), Some(how), Some(reason))
            }
            Self::Snoozed { delay } => Transition::again(Some(delay), None, None).uncounted(),
            // With a single attempt, `execute` is never entered twice.
            Self::Stopped if budget == 1 => Transition::closed(
                JobStatus::Failed,
                Some(AttemptEnd::Shutdown),
                Some("stopped by shutdown, and max_attempts is 1".into()),
            ),
            Self::Stopped => {
                Transition::again(None, Some(AttemptEnd::Shutdown), Some("stopped by shutdown".into())).uncounted()
            }
            Self::NeverStarted => Transition { attempt_change: -1, ..Transition::again(None, None, None) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(attempt: i32, max_attempts: i32) -> Attempts {
        Attempts { attempt, max_attempts, budget: max_attempts, retry: RetryPolicy::fixed(Duration::from_secs(7)) }
    }

    fn error() -> Outcome {
        Outcome::Errored { how: AttemptEnd::Error, reason: "no".into(), delay: None }
    }

    #[test]
    fn an_error_is_retried_while_attempts_are_left() {
        let transition = error().transition(attempts(1, 2), 0.5);
        assert_eq!(transition.status, JobStatus::Scheduled);
        assert_eq!(transition.delay, Some(Duration::from_secs(7)));
        assert_eq!(error().transition(attempts(2, 2), 0.5).status, JobStatus::Failed);
    }

    #[test]
    fn a_snooze_does_not_count() {
        let transition = Outcome::Snoozed { delay: Duration::ZERO }.transition(attempts(1, 1), 0.5);
        assert_eq!(
            (transition.status, transition.max_attempts_change, transition.how),
            (JobStatus::Scheduled, 1, None)
        );
    }

    #[test]
    fn a_stopped_job_is_given_back_unless_it_may_run_only_once() {
        let given_back = Outcome::Stopped.transition(attempts(3, 3), 0.5);
        assert_eq!((given_back.status, given_back.max_attempts_change), (JobStatus::Scheduled, 1));
        assert_eq!(Outcome::Stopped.transition(attempts(1, 1), 0.5).status, JobStatus::Failed);
    }

    #[test]
    fn a_job_that_never_started_goes_back_untouched() {
        let transition = Outcome::NeverStarted.transition(attempts(1, 1), 0.5);
        assert_eq!((transition.attempt_change, transition.max_attempts_change, transition.delay), (-1, 0, None));
        assert_eq!(transition.how, None);
    }

    #[test]
    fn every_end_is_read_as_it_is_written() {
        for end in AttemptEnd::ALL {
            assert_eq!(AttemptEnd::stored(end.as_str()), *end);
            assert_eq!(end.to_string().parse(), Ok(*end));
            assert_eq!(serde_json::to_value(end).unwrap(), end.as_str());
        }
    }

    #[test]
    fn an_end_that_is_not_known_is_not_taken_for_an_error() {
        assert_eq!(AttemptEnd::stored("evaporated"), AttemptEnd::Unknown);
        assert!("evaporated".parse::<AttemptEnd>().is_err());
    }
}
