//! Pausing queues, for a while or until they are resumed.

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use sea_orm::ConnectionTrait;

use crate::error::Error;
use crate::job::parameters::check_name;
use crate::store::connection::Connection;
use crate::store::queues::{self as store, NewPause};
use crate::store::{LONGEST, clock, notify, repeat_call, wake};

/// The longest reason.
const MAX_REASON_CHARS: usize = 500;

/// Why a queue is paused, and when the pause ends by itself. For [`pause_with`] and
/// [`Session::pause_with`](crate::Session::pause_with).
///
/// ```
/// # use std::time::Duration;
/// # async fn example(db: &jobs::sea_orm::DatabaseConnection) -> Result<(), jobs::Error> {
/// use jobs::PauseOptions;
///
/// let options = PauseOptions::new().reason("the provider is down").lasting(Duration::from_hours(2));
/// jobs::pause_with(db, "mail", options).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct PauseOptions {
    reason: Option<String>,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    At(DateTime<Utc>),
    After(Duration),
}

impl PauseOptions {
    /// No reason, and no end: the pause lasts until the queue is resumed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says why, to all who see the queue. A single line of 1 to 500 characters.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Ends the pause at this time, by the database's clock. Replaces [`lasting`](Self::lasting).
    pub fn until(mut self, end: DateTime<Utc>) -> Self {
        self.end = Some(End::At(end));
        self
    }

    /// Ends the pause after this time: at most a hundred years. Replaces [`until`](Self::until).
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.end = Some(End::After(duration));
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let reason = self.reason.as_deref().map_or(Ok(()), check_reason);
        reason.map_err(|problem| Error::invalid("reason", problem))?;
        match self.end {
            Some(End::After(Duration::ZERO)) => Err(Error::invalid("lasting", "it is zero")),
            Some(End::After(duration)) if duration > LONGEST => {
                Err(Error::invalid("lasting", "it is longer than a hundred years"))
            }
            Some(End::At(end)) if end.year() > 9000 => {
                Err(Error::invalid("until", format!("{end} is after the year 9000")))
            }
            _ => Ok(()),
        }
    }

    /// Returns when the pause ends; `None` if it does not end by itself. Reads the clock only if it does.
    async fn end<C: ConnectionTrait>(&self, db: &C) -> Result<Option<DateTime<Utc>>, Error> {
        let Some(end) = self.end else { return Ok(None) };
        let now = clock(db).await?;
        match end {
            End::At(end) if end <= now => Err(Error::invalid("until", format!("{end} has passed"))),
            End::At(end) => Ok(Some(end)),
            // The length was checked.
            End::After(duration) => Ok(now.checked_add_signed(TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX))),
        }
    }
}

fn check_reason(reason: &str) -> Result<(), &'static str> {
    if reason.trim().is_empty() {
        Err("it is empty")
    } else if reason.chars().count() > MAX_REASON_CHARS {
        Err("it is longer than 500 characters")
    } else if reason.chars().any(char::is_control) {
        Err("it is more than a line, or contains a control character")
    } else {
        Ok(())
    }
}

/// Pauses a queue: no worker, already running or started later, claims from it until it is [resumed](resume). Running jobs
/// continue, and scheduled jobs wait.
///
/// Every worker obeys within its poll interval, and gives back untouched the jobs that it has claimed but not started; workers in
/// this process, and those that the database notifies, do so at once. [`run_until_idle`](crate::Worker::run_until_idle) does not
/// wait for jobs in paused queues. In a transaction, the queue is paused if and only if it commits. A paused queue keeps the time
/// since when it is paused, and loses the reason and the end of an earlier [`pause_with`]; a queue that does not exist yet can be
/// paused too.
///
/// [`Error::InvalidValue`] if `queue` is not a valid name: 1 to 200 characters.
pub async fn pause<C: Connection>(db: &C, queue: &str) -> Result<(), Error> {
    pause_with(db, queue, PauseOptions::new()).await
}

/// Pauses a queue like [`pause`], with a reason that all see, and with an end: within their poll interval after it, workers claim
/// from the queue again. The options of a later call replace those of an earlier one.
///
/// [`Error::InvalidValue`] if `queue` is not a valid name, if the reason is empty or too long, or if the end has passed.
pub async fn pause_with<C: Connection>(db: &C, queue: &str, options: PauseOptions) -> Result<(), Error> {
    check_name("queue", queue)?;
    options.check()?;
    repeat_call(db, || pause_once(db, queue, &options, None)).await?;
    wake::queue_changed(queue);
    Ok(())
}

/// Pauses a queue; the caller has checked the options, and wakes this process's workers. Notifications are only hints: workers also
/// poll.
pub(super) async fn pause_once<C: ConnectionTrait>(
    db: &C,
    queue: &str,
    options: &PauseOptions,
    by: Option<&str>,
) -> Result<(), Error> {
    let new = NewPause { until: options.end(db).await?, by, reason: options.reason.as_deref() };
    store::pause(db, queue, &new).await?;
    Ok(notify::send(db, "jobs_queue", queue).await?)
}

/// Resumes a queue: workers claim from it again. Those in this process, and those that the database notifies, do so at once,
/// others within their poll interval. Resuming a queue that is not paused changes nothing.
///
/// [`Error::InvalidValue`] if `queue` is not a valid name.
pub async fn resume<C: Connection>(db: &C, queue: &str) -> Result<(), Error> {
    check_name("queue", queue)?;
    repeat_call(db, || resume_once(db, queue)).await?;
    wake::queue_changed(queue);
    Ok(())
}

/// Resumes a queue; the caller wakes this process's workers.
pub(super) async fn resume_once<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    store::resume(db, queue).await?;
    Ok(notify::send(db, "jobs_queue", queue).await?)
}
