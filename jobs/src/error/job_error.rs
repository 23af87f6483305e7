//! The error of a job's `execute`.

use std::fmt;
use std::time::Duration;

use super::chain;

/// A boxed error of any kind, as `?` in `execute` creates it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result of `execute`: its output, or how the attempt ended instead.
pub type JobResult<T = ()> = Result<T, JobError>;

/// The error of `execute`: how an attempt ended without success.
///
/// Any error becomes one with `?`: the attempt is recorded, and the job is retried with backoff while it has attempts left.
/// The constructors change that:
///
/// ```
/// # use std::time::Duration;
/// # use jobs::{JobError, JobResult};
/// fn check(status: u16) -> JobResult {
///     match status {
///         200 => Ok(()),
///         404 => Err(JobError::fail("the page is gone")),                 // no retry
///         429 => Err(JobError::snooze(Duration::from_secs(60))),          // later; does not count as an attempt
///         503 => Err(JobError::retry_in(Duration::from_secs(5)).because("busy")), // a retry after this delay
///         _ => Err(format!("unexpected status {status}"))?,               // a retry with backoff
///     }
/// }
/// ```
pub struct JobError {
    pub(crate) kind: JobErrorKind,
    pub(crate) source: Option<BoxError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobErrorKind {
    Retry,
    RetryIn(Duration),
    Snooze(Duration),
    Fail,
    Cancel,
}

impl JobError {
    /// Ends the job `FAILED` now, however many attempts it has left.
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self { kind: JobErrorKind::Fail, source: Some(error.into()) }
    }

    /// Ends the job `CANCELED`: it has found that it is no longer needed.
    ///
    /// Not for a job that was asked to stop ([`JobContext::stop_requested`](crate::JobContext::stop_requested)): its worker may only be
    /// shutting down, and another attempt would do the work. Return a plain error instead.
    pub fn cancel(reason: impl Into<BoxError>) -> Self {
        Self { kind: JobErrorKind::Cancel, source: Some(reason.into()) }
    }

    /// Fails the attempt; the next one, if any is left, starts after `delay` instead of the definition's backoff.
    #[must_use]
    pub fn retry_in(delay: Duration) -> Self {
        Self { kind: JobErrorKind::RetryIn(delay), source: None }
    }

    /// Puts off a job that is not ready: it runs again after `delay`, and this attempt does not count against `max_attempts`.
    #[must_use]
    pub fn snooze(delay: Duration) -> Self {
        Self { kind: JobErrorKind::Snooze(delay), source: None }
    }

    /// Adds the reason to `retry_in` or `snooze`.
    #[must_use]
    pub fn because(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }

    /// Returns the error and its sources on one line, each once.
    pub(crate) fn reason(&self) -> String {
        self.source.as_deref().map_or_else(|| self.to_string(), |error| chain(error))
    }
}

impl<E: Into<BoxError>> From<E> for JobError {
    fn from(error: E) -> Self {
        Self { kind: JobErrorKind::Retry, source: Some(error.into()) }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.kind) {
            (Some(source), _) => source.fmt(f),
            (None, JobErrorKind::RetryIn(delay)) => write!(f, "asked to be retried in {delay:?}"),
            (None, JobErrorKind::Snooze(delay)) => write!(f, "asked to run again in {delay:?}"),
            (None, kind) => write!(f, "{kind:?}"),
        }
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}
