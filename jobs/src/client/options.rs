//! The options of a single job.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::job::unique::UniqueOptions;
use crate::model::{OnConflict, UniqueWhile};

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
    pub(super) due: Option<Due>,
    pub(super) priority: Option<i16>,
    pub(super) queue: Option<String>,
    pub(super) max_attempts: Option<u32>,
    pub(super) timeout: Option<Duration>,
    pub(super) user: Option<String>,
    pub(super) session: Option<String>,
    pub(super) event: Option<String>,
    pub(super) unique: UniqueOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Due {
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

    /// Replaces the unique key, if there is one, by this text.
    pub(crate) fn replace_unique_key(&mut self, text: &str) {
        if let Some(key) = &mut self.unique.key {
            text.clone_into(key);
        }
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
