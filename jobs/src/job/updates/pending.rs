//! Updates on their way to the database.

use std::time::{Duration, Instant};

use crate::model::Level;
use crate::store::finish::NewMessage;

/// A message of a job.
#[derive(Debug, Clone)]
pub(super) struct LogLine {
    pub(super) number: i64,
    pub(super) when: Instant,
    pub(super) level: Level,
    pub(super) text: String,
}

/// Updates that are not written yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct PendingUpdates {
    pub(crate) progress: Option<i16>,
    pub(crate) results: Option<String>,
    pub(super) messages: Vec<LogLine>,
    /// The number of dropped messages that the last message reports.
    pub(super) dropped: u64,
}

impl PendingUpdates {
    /// The messages as rows.
    pub(crate) fn messages(&self, job_id: i64, attempt: i32, version: i64) -> Vec<NewMessage> {
        let row = |line: &LogLine| NewMessage {
            job_id,
            attempt,
            version,
            number: line.number,
            level: line.level.code(),
            age_ms: age_ms(line.when.elapsed()),
            text: line.text.clone(),
        };
        self.messages.iter().map(row).collect()
    }

    /// Adds updates that came later.
    pub(super) fn extend(&mut self, later: Self) {
        self.progress = later.progress.or(self.progress);
        self.results = later.results.or(self.results.take());
        self.messages.extend(later.messages);
    }
}

fn age_ms(age: Duration) -> i64 {
    i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
}
