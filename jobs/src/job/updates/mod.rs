//! Updates of a running attempt until they are written: progress, results and messages.

mod pending;
pub(crate) mod text;

use std::mem;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Map, Value};

use super::parameters::{MAX_JSON_BYTES, OUTPUT, refuse_depth, value_without_nul, without_nul};
use crate::error::Error;
use crate::model::{JobId, JobStatus, Level};
use crate::store::lock::lock;
use pending::LogLine;
pub(crate) use pending::PendingUpdates;
use text::storable;

/// How many messages of one job, and how many bytes of them, may wait to be written. Further ones are dropped and counted.
const MAX_MESSAGES: usize = 1_000;
const MAX_MESSAGES_BYTES: usize = 1024 * 1024;

/// The updates of one attempt. Adding to them never waits for the database.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// `finish_in` was called: nothing more is accepted.
    closed: bool,
    requested_status: Option<JobStatus>,
    progress: Option<i16>,
    results: Map<String, Value>,
    results_bytes: usize,
    results_changed: bool,
    /// The database has refused the results: only the end writes them.
    results_refused: bool,
    messages: Vec<LogLine>,
    messages_bytes: usize,
    /// How many messages have a number.
    numbered: i64,
    dropped: u64,
    /// Being written while the attempt runs.
    in_flight: Option<PendingUpdates>,
    /// Being written by `finish_in`.
    finishing: Option<PendingUpdates>,
}

/// How far the attempt is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Running,
    /// `execute` has returned: the status that it has requested counts.
    Returned,
    /// Its end is about to be written: nothing more is accepted.
    Ended,
}

impl Updates {
    pub(crate) fn set_progress(&self, percent: u8) {
        let mut state = lock(&self.state);
        if !state.closed {
            state.progress = Some(i16::from(percent.min(100)));
        }
    }

    pub(crate) fn log(&self, level: Level, text: String) {
        let text = storable(text);
        let mut state = lock(&self.state);
        if state.closed || state.phase == Phase::Ended {
            return;
        }
        if state.messages.len() >= MAX_MESSAGES || state.messages_bytes + text.len() > MAX_MESSAGES_BYTES {
            state.dropped += 1;
            return;
        }
        state.messages_bytes += text.len();
        state.push(level, text);
    }

    /// Keeps a result. Fails if all results together would be over the size limit, or if the job was finished.
    pub(crate) fn set_result(&self, id: JobId, name: &str, value: Value) -> Result<(), Error> {
        let (name, value) = (without_nul(name.to_owned()), value_without_nul(value));
        refuse_depth(&name, &value)?;
        let bytes = name.len() + value.to_string().len();
        let mut state = lock(&self.state);
        state.check_open(id)?;
        let before = state.results.get(&name).map_or(0, |old| name.len() + old.to_string().len());
        let total = state.results_bytes - before + bytes;
        if total > MAX_JSON_BYTES {
            let reason = format!(
                "with it the job's results have {total} bytes of JSON; at most {MAX_JSON_BYTES} are allowed: \
                 store the data elsewhere and keep a reference to it"
            );
            return Err(Error::invalid(name, reason));
        }
        state.results_bytes = total;
        state.results.insert(name, value);
        state.results_changed = true;
        Ok(())
    }

    pub(crate) fn has_result(&self, name: &str) -> bool {
        lock(&self.state).results.contains_key(name)
    }

    /// Requests the status that the job is to end with.
    pub(crate) fn request_status(&self, id: JobId, status: JobStatus) -> Result<(), Error> {
        let mut state = lock(&self.state);
        state.check_open(id)?;
        state.requested_status = Some(status);
        Ok(())
    }

    /// The status that the job has requested. The request of an attempt that was cut off before it returned does not count.
    pub(crate) fn requested_status(&self) -> Option<JobStatus> {
        let state = lock(&self.state);
        state.requested_status.filter(|_| state.phase >= Phase::Returned)
    }

    /// `execute` has returned.
    pub(crate) fn returned(&self) {
        lock(&self.state).phase = Phase::Returned;
    }

    /// Takes what is left for the attempt's end, and accepts nothing more.
    pub(crate) fn finish(&self) -> PendingUpdates {
        let mut state = lock(&self.state);
        state.phase = Phase::Ended;
        state.take_all().unwrap_or_default()
    }

    /// Accepts nothing more, for `finish_in`. Returns everything that is not written, also what is being written; the same if it is called again.
    pub(crate) fn close(&self) -> PendingUpdates {
        let mut state = lock(&self.state);
        if !state.closed {
            state.closed = true;
            state.finishing = state.take_all();
        }
        let mut all = state.in_flight.clone().unwrap_or_default();
        if let Some(later) = state.finishing.clone() {
            all.extend(later);
        }
        all
    }

    /// `finish_in` was not committed: updates are accepted again, and what it was to write waits to be written, without the output.
    pub(crate) fn reopen(&self) {
        let mut state = lock(&self.state);
        state.closed = false;
        if let Some(output) = state.results.remove(OUTPUT) {
            state.results_bytes -= OUTPUT.len() + output.to_string().len();
            if state.results.is_empty()
                && let Some(finishing) = &mut state.finishing
            {
                finishing.results = None;
            }
        }
        let finishing = state.finishing.take();
        state.put_back(finishing);
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// Takes what is to be written while the attempt runs, if there is anything. [`end_write`](Self::end_write) or
    /// [`write_refused`](Self::write_refused) ends the write.
    pub(crate) fn begin_write(&self) -> Option<PendingUpdates> {
        let mut state = lock(&self.state);
        state.in_flight = state.take();
        state.in_flight.clone()
    }

    /// Ends a write. Updates that were not written wait again, before those that came later.
    pub(crate) fn end_write(&self, written: bool) {
        let mut state = lock(&self.state);
        let in_flight = state.in_flight.take();
        if !written {
            state.put_back(in_flight);
        }
    }

    /// The database has refused what was being written: the messages are dropped and counted. The results are left to the end, which says why
    /// if they are refused again.
    pub(crate) fn write_refused(&self) {
        let mut state = lock(&self.state);
        let Some(refused) = state.in_flight.take() else { return };
        state.progress = state.progress.or(refused.progress);
        // The last message may be the one that says how many were dropped before.
        let messages = refused.messages.len() as u64 - u64::from(refused.dropped > 0);
        state.dropped += refused.dropped + messages;
        state.results_refused |= refused.results.is_some();
    }
}

impl State {
    /// Fails if results are no longer accepted.
    fn check_open(&self, id: JobId) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Closed { id, status: JobStatus::Terminated });
        }
        if self.phase == Phase::Ended { Err(Error::Lost { id }) } else { Ok(()) }
    }

    fn push(&mut self, level: Level, text: String) {
        self.numbered += 1;
        self.messages.push(LogLine { number: self.numbered, when: Instant::now(), level, text });
    }

    /// Takes what an ongoing attempt may write.
    fn take(&mut self) -> Option<PendingUpdates> {
        // Results that were refused are left to the end, whatever else is set.
        let has_results = self.results_changed && !self.results_refused;
        if self.progress.is_none() && !has_results && self.messages.is_empty() && self.dropped == 0 {
            return None;
        }
        if self.dropped > 0 {
            let text = format!(
                "{} messages were dropped: they came faster than they could be written, or the database refused them",
                self.dropped
            );
            self.push(Level::Warn, text);
        }
        let results = has_results.then(|| Value::Object(self.results.clone()).to_string());
        self.results_changed &= !has_results;
        self.messages_bytes = 0;
        Some(PendingUpdates {
            progress: self.progress.take(),
            results,
            messages: mem::take(&mut self.messages),
            dropped: mem::take(&mut self.dropped),
        })
    }

    /// Takes what the end is to write: also results that were refused before.
    fn take_all(&mut self) -> Option<PendingUpdates> {
        self.results_changed |= mem::take(&mut self.results_refused);
        self.take()
    }

    fn put_back(&mut self, pending: Option<PendingUpdates>) {
        let Some(pending) = pending else { return };
        self.progress = self.progress.or(pending.progress);
        self.results_changed |= pending.results.is_some();
        let later = mem::replace(&mut self.messages, pending.messages);
        self.messages.extend(later);
        self.dropped += self.messages.len().saturating_sub(MAX_MESSAGES) as u64;
        self.messages.truncate(MAX_MESSAGES);
        self.messages_bytes = self.messages.iter().map(|line| line.text.len()).sum();
    }
}

#[cfg(test)]
mod tests;
