//! When attempts ran, by the journals: never early, never two at once, and soon again if their worker was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jobs::JobId;

use crate::support::journal::{Event, What};

/// The time in which the code of one attempt ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Execution {
    pub(crate) attempt: u32,
    pid: u32,
    pub(crate) start: i64,
    /// `None`: it was cut off with its process, at an unknown time.
    end: Option<i64>,
}

/// By job, in the order of their starts.
pub(crate) type Executions = BTreeMap<i64, Vec<Execution>>;

/// How precisely a database knows the time, in nanoseconds: SQLite counts milliseconds.
const PRECISION: i64 = 1_000_000;

/// The attempts that ran.
pub(crate) fn executions(events: &[Event]) -> Executions {
    let mut executions = Executions::new();
    for event in events {
        match event.what {
            What::Start { job, attempt } => {
                let execution = Execution { attempt, pid: event.pid, start: event.at, end: None };
                executions.entry(job).or_default().push(execution);
            }
            What::End { job, attempt } => {
                let of_job = executions.entry(job).or_default();
                let is_it = |run: &&mut Execution| run.attempt == attempt && run.pid == event.pid && run.end.is_none();
                if let Some(execution) = of_job.iter_mut().find(is_it) {
                    execution.end = Some(event.at);
                }
            }
            What::Killed => {
                for execution in executions.values_mut().flatten().filter(|run| run.pid == event.pid) {
                    execution.end.get_or_insert(event.at);
                }
            }
            What::Died => {
                let last_sign =
                    events.iter().filter(|one| one.pid == event.pid && one.at < event.at).map(|one| one.at).max();
                for execution in executions.values_mut().flatten().filter(|run| run.pid == event.pid) {
                    execution.end = execution.end.or(last_sign);
                }
            }
            What::Frozen => {}
        }
    }
    executions
}

/// The attempts that ran before they were due.
pub(crate) fn early(due: &[(JobId, i64)], executions: &Executions) -> Vec<String> {
    let mut found = Vec::new();
    for (id, due) in due {
        let first = executions.get(&id.get()).and_then(|runs| runs.iter().map(|run| run.start).min());
        if let Some(start) = first
            && start + PRECISION < *due
        {
            found.push(format!("job {id} ran {:?} before it was due", nanos(due - start)));
        }
    }
    found
}

/// Two attempts of a job that ran at the same time, unless the process of the first was frozen.
pub(crate) fn overlaps(executions: &Executions, events: &[Event]) -> Vec<String> {
    let mut found = Vec::new();
    for (job, runs) in executions {
        for pair in runs.windows(2) {
            let (first, second) = (&pair[0], &pair[1]);
            if first.end.is_none_or(|end| end > second.start) && !was_frozen(first, events) {
                found.push(format!("two attempts of job {job} overlap: {first:?} and {second:?}"));
            }
        }
    }
    found
}

/// The most of these jobs that ran at the same time. What runs in a process that was frozen is left out: others have its jobs.
pub(crate) fn most_at_once(jobs: &BTreeSet<i64>, executions: &Executions, events: &[Event]) -> usize {
    let runs = executions.iter().filter(|(job, _)| jobs.contains(job)).flat_map(|(_, runs)| runs);
    let mut changes: Vec<(i64, isize)> = Vec::new();
    for run in runs.filter(|run| !was_frozen(run, events)) {
        // Without an end, it was cut off at an unknown time.
        changes.extend(run.end.into_iter().flat_map(|end| [(run.start, 1), (end, -1)]));
    }
    // Ends come before starts at the same time.
    changes.sort_unstable();
    let mut now = 0;
    let counts = changes.into_iter().map(|(_, change)| {
        now += change;
        now
    });
    counts.max().map_or(0, |most| usize::try_from(most).unwrap_or(0))
}

fn was_frozen(run: &Execution, events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event.what, What::Frozen) && event.pid == run.pid && event.at > run.start)
}

/// The longest time until what ran in a process that was killed ran again.
pub(crate) fn longest_recovery(executions: &Executions, events: &[Event]) -> Duration {
    let killed: BTreeMap<_, _> =
        events.iter().filter(|event| matches!(event.what, What::Killed)).map(|event| (event.pid, event.at)).collect();
    let pause = |pair: &[Execution]| {
        (pair[0].end == killed.get(&pair[0].pid).copied()).then(|| pair[1].start - pair[0].end.unwrap_or_default())
    };
    executions.values().flat_map(|runs| runs.windows(2).filter_map(pause)).max().map_or(Duration::ZERO, nanos)
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(nanos.unsigned_abs())
}
