//! The options of a single job.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::job::JobDefaults;
use crate::job::parameters::check_name;
use crate::job::unique::UniqueOptions;
use crate::model::{OnConflict, UniqueWhile};
use crate::store::row::NewJob;
use crate::store::{LONGEST, millis};

/// The options of a job besides its parameters. Those that are not set come from its definition.
///
/// ```
/// # use std::time::Duration;
/// # use jobs::JobOptions;
/// let options = JobOptions::new().delay(Duration::from_secs(60)).priority(-5).user("ada");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[must_use]
pub struct JobOptions {
    due: Option<Due>,
    priority: Option<i16>,
    queue: Option<String>,
    max_attempts: Option<u32>,
    timeout: Option<Duration>,
    user: Option<String>,
    session: Option<String>,
    event: Option<String>,
    unique: UniqueOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Due {
    In(Duration),
    At(DateTime<Utc>),
}

impl JobOptions {
    /// Creates options of which none is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the job due this long after it is scheduled, by the database's clock. If both `delay` and `at` are called, the last
    /// call wins.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.due = Some(Due::In(delay));
        self
    }

    /// Makes the job due at this time, by the database's clock.
    pub fn at(mut self, at: DateTime<Utc>) -> Self {
        self.due = Some(Due::At(at));
        self
    }

    /// The priority, −100 to 100; smaller runs first.
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = Some(priority);
        self
    }

    /// The queue, 1 to 200 characters.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// The maximum number of attempts, 1 to 32767.
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = Some(max_attempts);
        self
    }

    /// How long an attempt may take, at least 1 millisecond.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The user on whose behalf the job runs, 1 to 200 characters.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The session that requested the job, 1 to 200 characters.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// The event that requested the job, 1 to 200 characters.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// The unique key, 1 to 200 characters: of the jobs of one name with the same key, only one exists, whatever their parameters.
    /// By default, the key is held until the job has ended. To make it safe to repeat a call that may have succeeded, also set
    /// [`unique_within`](Self::unique_within) to as long as you may retry.
    pub fn unique_key(mut self, key: impl Into<String>) -> Self {
        self.unique.key = Some(key.into());
        self
    }

    /// Holds the key for at least this long after the job is scheduled, even if it has ended or been deleted by then.
    pub fn unique_within(mut self, within: Duration) -> Self {
        self.unique.within = Some(within);
        self
    }

    /// How long the key is held; by default, until the job has ended.
    pub fn unique_while(mut self, holds: UniqueWhile) -> Self {
        self.unique.holds = Some(holds);
        self
    }

    /// Decides what happens if another job holds the key; by default, that job is used.
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.unique.on_conflict = Some(on_conflict);
        self
    }

    /// Sets the queue if none is set.
    pub(crate) fn or_queue(mut self, queue: &str) -> Self {
        self.queue.get_or_insert_with(|| queue.to_owned());
        self
    }

    /// Whether [`at`](Self::at) is set.
    pub(crate) fn has_absolute_time(&self) -> bool {
        matches!(self.due, Some(Due::At(_)))
    }

    /// The row of a job with these options, over its definition's defaults. `values` returns the values of its unique key, if any.
    pub(crate) fn into_row(
        self,
        name: &str,
        defaults: &JobDefaults,
        parameters: String,
        values: impl FnOnce() -> Result<Value, Error>,
    ) -> Result<NewJob, Error> {
        let queue = self.queue.or_else(|| defaults.queue.map(Into::into)).unwrap_or_else(default_queue);
        check_name("name", name)?;
        check_name("queue", &queue)?;
        for (what, value) in [("user", &self.user), ("session", &self.session), ("event", &self.event)] {
            value.as_deref().map_or(Ok(()), |value| check_name(what, value))?;
        }
        let (at, delay) = match self.due {
            None => (None, None),
            Some(Due::In(delay)) => (None, Some(checked("delay", delay)?)),
            Some(Due::At(at)) => (Some(checked_time(at)?), None),
        };
        let timeout = self.timeout.or(defaults.timeout);
        if timeout == Some(Duration::ZERO) {
            return Err(Error::invalid("timeout", "it is zero: leave it out if there is none"));
        }
        // An alias is an old name of the same definition.
        let key = self.unique.into_key(defaults.known_as(name), defaults.unique, values)?;
        Ok(NewJob {
            key,
            name: name.to_owned(),
            queue,
            priority: checked_priority(self.priority.unwrap_or(defaults.priority))?,
            max_attempts: checked_attempts(self.max_attempts.unwrap_or(defaults.max_attempts))?,
            timeout_ms: timeout.map(|timeout| checked("timeout", timeout)).transpose()?,
            parameters,
            at,
            delay_ms: delay,
            user_id: self.user,
            session_id: self.session,
            event_id: self.event,
        })
    }
}

/// Setters that delegate to a field `options` of type [`JobOptions`].
macro_rules! option_setters {
    ($($(#[$doc:meta])* $name:ident($value:ident: $type:ty)),* $(,)?) => {
        $($(#[$doc])*
        pub fn $name(mut self, $value: $type) -> Self {
            self.options = self.options.$name($value);
            self
        })*
    };
}
pub(crate) use option_setters;

/// The queue of jobs without one: `JOBS_QUEUE`, or `long-running`.
#[must_use]
pub fn default_queue() -> String {
    std::env::var("JOBS_QUEUE").ok().filter(|queue| !queue.is_empty()).unwrap_or_else(|| "long-running".into())
}

/// Whether this process may LISTEN on databases that notify: unless `JOBS_LISTEN` is `0`.
pub(crate) fn may_listen() -> bool {
    std::env::var("JOBS_LISTEN").map_or(true, |listen| listen != "0")
}

fn checked(what: &str, duration: Duration) -> Result<i64, Error> {
    if duration > LONGEST {
        return Err(Error::invalid(what, "it is longer than a hundred years"));
    }
    Ok(millis(duration))
}

fn checked_time(at: DateTime<Utc>) -> Result<String, Error> {
    if !(1970..=9000).contains(&at.year()) {
        return Err(Error::invalid("at", format!("{at} is not between the years 1970 and 9000")));
    }
    Ok(at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn checked_priority(priority: i16) -> Result<i16, Error> {
    if (-100..=100).contains(&priority) {
        Ok(priority)
    } else {
        Err(Error::invalid("priority", format!("{priority} is not between −100 and 100")))
    }
}

fn checked_attempts(max_attempts: u32) -> Result<i32, Error> {
    match i32::try_from(max_attempts) {
        Ok(attempts @ 1..=32767) => Ok(attempts),
        _ => Err(Error::invalid("max_attempts", format!("{max_attempts} is not between 1 and 32767"))),
    }
}
