//! The jobs that are executed, and what they report to the bench: how many ran, when the first began, how late they were.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jobs::prelude::*;
use tokio::sync::Notify;

static EXECUTED: AtomicU64 = AtomicU64::new(0);
static EXPECTED: AtomicU64 = AtomicU64::new(0);
static FIRST: Mutex<Option<Instant>> = Mutex::new(None);
static ALL: Notify = Notify::const_new();
static DELAYS: Mutex<Vec<Duration>> = Mutex::new(Vec::new());
static STOP: AtomicBool = AtomicBool::new(false);
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Does nothing.
#[derive(Job)]
#[job(queue = "bench")]
#[job_params]
pub(crate) struct Noop {
    number: u64,
    text: String,
}

impl Noop {
    /// The job with this number.
    pub(crate) fn numbered(number: u64) -> Self {
        Self::new(number, "no operation")
    }
}

impl Execute for Noop {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        count();
        Ok(())
    }
}

/// Jobs like `Noop`, of other names.
macro_rules! others {
    ($($name:ident)*) => {
        $(
            #[derive(Job)]
            #[job(queue = "bench")]
            #[job_params]
            struct $name {
                number: u64,
            }

            impl Execute for $name {
                type Output = ();

                async fn execute(&self, _: &JobContext) -> JobResult {
                    count();
                    Ok(())
                }
            }
        )*

        /// How many other names there are: `Other0` and so on.
        pub(crate) const NAMES: usize = [$(stringify!($name)),*].len();
    };
}

others! {
    Other0 Other1 Other2 Other3 Other4 Other5 Other6 Other7 Other8 Other9 Other10 Other11
    Other12 Other13 Other14 Other15 Other16 Other17 Other18 Other19 Other20 Other21 Other22 Other23
    Other24 Other25 Other26 Other27 Other28 Other29 Other30 Other31 Other32 Other33 Other34 Other35
    Other36 Other37 Other38 Other39 Other40 Other41 Other42 Other43 Other44 Other45 Other46 Other47
    Other48 Other49 Other50 Other51 Other52 Other53 Other54 Other55 Other56 Other57 Other58 Other59
}

/// Records how long after it was scheduled, or due, it started.
#[derive(Job)]
#[job(queue = "bench")]
#[job_params]
pub(crate) struct Timed {
    /// When it should start, in nanoseconds since the program began.
    at: u64,
}

impl Timed {
    /// A job that should start at once.
    pub(crate) fn now() -> Self {
        Self::after(Duration::ZERO)
    }

    /// A job that should start after this delay.
    pub(crate) fn after(delay: Duration) -> Self {
        Self::new(now() + nanos(delay))
    }
}

impl Execute for Timed {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        started(self.at());
        Ok(())
    }
}

/// Runs until it is told to stop, and reports its progress a thousand times a second, or not at all.
#[derive(Job)]
#[job(queue = "bench")]
#[job_params]
pub(crate) struct Busy {
    reports: bool,
}

impl Execute for Busy {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        while !STOP.load(Ordering::Relaxed) {
            for progress in 0..10 {
                if self.reports() {
                    job.set_progress(progress);
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Resets the counts, and expects this many jobs.
pub(crate) fn expect(jobs: u64) {
    EXECUTED.store(0, Ordering::SeqCst);
    EXPECTED.store(jobs, Ordering::SeqCst);
    STOP.store(false, Ordering::SeqCst);
    *lock(&FIRST) = None;
    lock(&DELAYS).clear();
}

/// Waits until as many have been executed as were expected.
pub(crate) async fn all_executed() {
    while executed() < EXPECTED.load(Ordering::SeqCst) {
        // The permit may be one of an earlier run.
        ALL.notified().await;
    }
}

/// Waits until at least this many have been executed, if their number was not known before.
pub(crate) async fn at_least(jobs: u64) {
    while executed() < jobs {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// How many have been executed.
pub(crate) fn executed() -> u64 {
    EXECUTED.load(Ordering::SeqCst)
}

/// How long ago the first began.
pub(crate) fn since_first() -> Duration {
    lock(&FIRST).map_or(Duration::ZERO, |first| first.elapsed())
}

/// How late each [`Timed`] was, and whatever else was recorded by [`started`].
pub(crate) fn delays() -> Vec<Duration> {
    std::mem::take(&mut *lock(&DELAYS))
}

/// Ends every [`Busy`].
pub(crate) fn stop_busy() {
    STOP.store(true, Ordering::SeqCst);
}

pub(crate) fn count() {
    let before = EXECUTED.fetch_add(1, Ordering::SeqCst);
    if before == 0 {
        *lock(&FIRST) = Some(Instant::now());
    }
    if before + 1 == EXPECTED.load(Ordering::Relaxed) {
        ALL.notify_one();
    }
}

/// In nanoseconds since the program began.
pub(crate) fn now() -> u64 {
    nanos(BEGIN.elapsed())
}

/// Records how late a job has started that should have started at this time.
pub(crate) fn started(at: u64) {
    lock(&DELAYS).push(Duration::from_nanos(now().saturating_sub(at)));
    count();
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
