//! Events, as the processes concerned record them: a line for each event, in a file for each process, in one call that appends.
//! Times are of the machine's monotonic clock, which all its processes share.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Event {
    /// In nanoseconds.
    pub(crate) at: i64,
    pub(crate) pid: u32,
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum What {
    /// An attempt began.
    Start { job: i64, attempt: u32 },
    /// Its code ended: it returned, panicked, or was dropped.
    End { job: i64, attempt: u32 },
    /// This process was killed; nothing of it ran any more at that time.
    Killed,
    /// This process has ended by itself, some time before.
    Died,
    /// This process was stopped, and continued later.
    Frozen,
}

/// A file to which one process appends.
#[derive(Debug)]
pub(crate) struct Journal(Mutex<File>);

impl Journal {
    /// Opens the journal of this process in this directory.
    pub(crate) fn open(directory: &Path) -> std::io::Result<Self> {
        let path = directory.join(format!("{}.journal", std::process::id()));
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// Records what happens to a process.
    pub(crate) fn note(&self, pid: u32, what: What) {
        let line = serde_json::to_string(&Event { at: now(), pid, what }).expect("an event serializes") + "\n";
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).expect("the journal can be written");
    }
}

/// Where a worker records what its jobs do.
pub(crate) static OWN: OnceLock<Journal> = OnceLock::new();

/// Records what a job does in this process.
pub(crate) fn note(what: What) {
    OWN.get().expect("a worker opens it first").note(std::process::id(), what);
}

/// Reads everything that was recorded in this directory, ordered by time. A line that a kill has cut off is the last of its file.
pub(crate) fn read(directory: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the journals are there") {
        let path = entry.expect("the journals are there").path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            let text = std::fs::read_to_string(path).expect("a journal is text");
            events.extend(text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()));
        }
    }
    events.sort_by_key(|event| event.at);
    events
}

pub(crate) fn now() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock runs");
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}
