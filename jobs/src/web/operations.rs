//! Actions on many jobs: those that were counted and wait for a confirmation, those that run, and how others have ended. They are in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::format;
use super::standalone::secret;
use crate::client::bulk::Verb;
use crate::client::counts::MOST_COUNTED;
use crate::{BoundedCounts, Bulk, BulkSummary, Error, JobFilter, Session};

/// How many run at the same time.
const MOST_RUNNING: usize = 8;

/// How many are remembered, and as many counts.
const MOST_REMEMBERED: usize = 100;

/// The actions of a service. If it is dropped, those that run are stopped.
#[derive(Default)]
pub(super) struct Operations(Mutex<State>);

#[derive(Default)]
struct State {
    /// The newest first.
    counted: VecDeque<Counted>,
    operations: VecDeque<Arc<Operation>>,
    tasks: JoinSet<()>,
}

/// Jobs that were counted, to be acted on if that is confirmed.
pub(super) struct Counted {
    pub(super) id: String,
    pub(super) verb: Verb,
    /// As it was typed: that of the jobs has the statuses that the verb can change.
    pub(super) filter: JobFilter,
    pub(super) count: Count,
    jobs: Bulk,
}

/// How many jobs there are, or at least how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) jobs: u64,
    pub(super) is_exact: bool,
}

/// An action that was started.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) verb: Verb,
    pub(super) filter: JobFilter,
    pub(super) counted_at: DateTime<Utc>,
    /// The name of the principal.
    pub(super) started_by: String,
    pub(super) started_at: DateTime<Utc>,
    stop: CancellationToken,
    progress: Mutex<Progress>,
}

/// How far an action is.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) count: Count,
    pub(super) so_far: BulkSummary,
    pub(super) end: Option<(DateTime<Utc>, End)>,
}

/// How an action has ended.
#[derive(Debug, Clone)]
pub(super) enum End {
    Done,
    Stopped,
    /// The reason, as it may be shown.
    Failed(String),
}

impl Count {
    /// Of the jobs with this filter.
    fn of(filter: &JobFilter, found: &BoundedCounts) -> Self {
        let statuses = filter.statuses();
        Self {
            jobs: statuses.iter().map(|status| found.counts.of(*status).min(MOST_COUNTED)).sum(),
            is_exact: statuses.iter().all(|status| found.is_exact(*status)),
        }
    }

    pub(super) fn text(self) -> String {
        format::found(self.jobs, self.is_exact)
    }
}

impl Operations {
    /// Counts the jobs that the verb can change, and remembers them to be confirmed.
    pub(super) async fn count(
        &self,
        session: &Session,
        verb: Verb,
        filter: JobFilter,
    ) -> Result<(String, Count), Failure> {
        let (jobs, found) = session.bounded_bulk(verb, &filter).await?;
        // Nobody can guess it, and no other service has it.
        let (id, count) = (secret::random(), Count::of(jobs.filter(), &found));
        let mut state = self.state();
        state.counted.push_front(Counted { id: id.clone(), verb, filter, count, jobs });
        state.counted.truncate(MOST_REMEMBERED);
        Ok((id, count))
    }

    /// Acts on the jobs that were counted; once, however often it is confirmed.
    pub(super) fn start(&self, session: &Session, verb: Verb, id: &str) -> Result<(), Failure> {
        let mut state = self.state();
        if state.find(verb, id).is_some() {
            return Ok(());
        }
        let is_this = |counted: &Counted| counted.id == id && counted.verb == verb;
        let place = state.counted.iter().position(is_this).ok_or(Failure::NoSuchOperation)?;
        if state.operations.iter().filter(|operation| operation.is_running()).count() >= MOST_RUNNING {
            return Err(Failure::TooManyOperations);
        }
        if let Some(counted) = state.counted.remove(place) {
            state.start(session.clone(), counted);
        }
        Ok(())
    }

    /// An action that is remembered.
    pub(super) fn find(&self, verb: Verb, id: &str) -> Result<Arc<Operation>, Failure> {
        self.state().find(verb, id).ok_or(Failure::NoSuchOperation)
    }

    /// All actions that are remembered, the newest first.
    pub(super) fn all(&self) -> Vec<Arc<Operation>> {
        self.state().operations.iter().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, verb: Verb, id: &str) -> Option<Arc<Operation>> {
        self.operations.iter().find(|operation| operation.id == id && operation.verb == verb).cloned()
    }

    fn start(&mut self, session: Session, counted: Counted) {
        // What has ended is not kept twice.
        while self.tasks.try_join_next().is_some() {}
        while self.operations.len() >= MOST_REMEMBERED
            && let Some(oldest) = self.operations.iter().rposition(|operation| !operation.is_running())
        {
            self.operations.remove(oldest);
        }
        let Counted { id, verb, filter, count, jobs } = counted;
        let operation = Arc::new(Operation {
            id,
            verb,
            filter,
            counted_at: jobs.counted_at(),
            started_by: session.principal().name().to_owned(),
            started_at: Utc::now(),
            stop: CancellationToken::new(),
            progress: Mutex::new(Progress { count, so_far: BulkSummary::default(), end: None }),
        });
        self.operations.push_front(Arc::clone(&operation));
        self.tasks.spawn(async move { operation.run(&session, jobs).await });
    }
}

impl Operation {
    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        self.lock().clone()
    }

    pub(super) fn is_running(&self) -> bool {
        self.lock().end.is_none()
    }

    /// Stops it. What the transaction under way has done is rolled back.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    async fn run(&self, session: &Session, jobs: Bulk) {
        let unless_it_panics = Ends(self);
        let end = tokio::select! {
            biased;
            () = self.stop.cancelled() => End::Stopped,
            done = self.act(session, jobs) => match done {
                Ok(summary) => {
                    self.lock().so_far = summary;
                    End::Done
                }
                Err(error) => End::Failed(Failure::from(error).told().text),
            },
        };
        self.end(end);
        drop(unless_it_panics);
    }

    async fn act(&self, session: &Session, counted: Bulk) -> Result<BulkSummary, Error> {
        let is_exact = self.lock().count.is_exact;
        let jobs = if is_exact { counted } else { session.count_all(counted).await? };
        let action = session.act_on_all(self.verb, &jobs)?;
        self.lock().count = Count { jobs: action.jobs(), is_exact: true };
        action.on_progress(|so_far| self.lock().so_far = *so_far).await
    }

    fn end(&self, end: End) {
        self.lock().end.get_or_insert((Utc::now(), end));
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that an action has ended if nothing else has.
struct Ends<'o>(&'o Operation);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end(End::Failed("The program's log has the error.".to_owned()));
    }
}
