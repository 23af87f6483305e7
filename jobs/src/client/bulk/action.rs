//! Acting on all jobs that were counted, batch by batch.

use std::fmt;
use std::future::IntoFuture;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};

use super::batch::{self, Batch};
use super::{Bulk, Verb};
use crate::client::JobFilter;
use crate::client::session::Entry;
use crate::error::Error;
use crate::store::bulk::Seen;
use crate::store::dialect;

/// Is told of the progress of an action.
type Report<'b> = Box<dyn FnMut(&BulkSummary) + Send + 'b>;

/// How many jobs one transaction acts on.
pub(super) const BATCH: usize = 1_000;

/// The pauses before jobs that others have locked or changed are tried again.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
];

/// The outcome of an action on many jobs. Each job that was counted is in one of these numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BulkSummary {
    /// Jobs that are canceled, scheduled again, deleted or due now.
    pub done: u64,
    /// Running jobs that were asked to stop: only by [`cancel`](Bulk::cancel).
    pub requested: u64,
    /// Jobs that can't be retried, because other jobs hold their unique keys: only by [`retry`](Bulk::retry).
    pub duplicates: u64,
    /// Jobs that no longer matched when it was their turn: someone else has changed them, or an earlier action. Complete only at the
    /// end.
    pub changed: u64,
    /// Jobs that others kept locked, or kept changing: the same action, called again, tries them again. Only known at the end.
    pub locked: u64,
}

impl BulkSummary {
    /// The number of jobs in all.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.done + self.requested + self.duplicates + self.changed + self.locked
    }
}

/// An action on many jobs, which `.await` executes: see [`bulk`](crate::bulk()).
///
/// [`Error::InvalidValue`] if it does nothing to jobs in any status that the filter names, or to unserved ones, if it asks for those.
/// After any other error, what the transactions before it have done stays, and the same call continues, in the audit
/// as another operation; [`on_progress`](Self::on_progress) was told of it.
#[must_use = "nothing is done until it is awaited"]
pub struct BulkAction<'b> {
    bulk: &'b Bulk,
    verb: Verb,
    db: &'b DatabaseConnection,
    entry: Option<Entry>,
    report: Option<Report<'b>>,
}

impl<'b> BulkAction<'b> {
    pub(super) fn new(bulk: &'b Bulk, verb: Verb, db: &'b DatabaseConnection) -> Self {
        Self { bulk, verb, db, entry: None, report: None }
    }

    /// Records each job in the audit.
    pub(in crate::client) fn recorded_as(self, entry: Entry) -> Self {
        Self { entry: Some(entry), ..self }
    }

    /// The number of jobs that were counted in a status in which this action can change them.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.verb.jobs(&self.bulk.filter, &self.bulk.counts)
    }

    /// Calls this function after each transaction, with what was done so far.
    ///
    /// ```
    /// # use jobs::JobFilter;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
    /// # let db = jobs::testing::database().await?;
    /// let old = jobs::bulk(&db, JobFilter::new().queue("images")).await?;
    /// let delete = old.delete(&db);
    /// let all = delete.jobs();
    /// delete.on_progress(|so_far| println!("{} of {all} are deleted", so_far.done)).await?;
    /// # Ok(()) }
    /// ```
    pub fn on_progress(self, report: impl FnMut(&BulkSummary) + Send + 'b) -> Self {
        Self { report: Some(Box::new(report)), ..self }
    }

    async fn run(self) -> Result<BulkSummary, Error> {
        let jobs = self.jobs();
        let Self { bulk, verb, db, entry, report } = self;
        let filter = verb.restrict(&bulk.filter)?;
        let entry = entry.map(|entry| entry.of(filter.for_the_audit(bulk.mark.time).to_string()));
        let row_locks = dialect::of(db.get_database_backend())?.row_locks;
        let mut run = Run {
            bulk,
            filter,
            verb,
            db,
            entry,
            row_locks,
            report,
            summary: BulkSummary::default(),
            again: Vec::new(),
        };
        let mut last = i64::MIN;
        loop {
            let Some(page) = bulk.page(db, &run.filter, last).await? else { break };
            last = page.last;
            run.act(&page.jobs).await?;
        }
        for pause in PAUSES {
            if run.again.is_empty() {
                break;
            }
            tokio::time::sleep(pause).await;
            let again = std::mem::take(&mut run.again);
            run.act(&again).await?;
        }
        let mut summary = BulkSummary { locked: run.again.len() as u64, ..run.summary };
        // Those that had changed before they were read are not among those that were read.
        let unchanged = summary.total() - summary.changed;
        summary.changed = summary.changed.max(jobs.saturating_sub(unchanged));
        Ok(summary)
    }
}

impl<'b> IntoFuture for BulkAction<'b> {
    type Output = Result<BulkSummary, Error>;
    type IntoFuture = BoxFuture<'b, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for BulkAction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkAction").field("verb", &self.verb).field("bulk", &self.bulk).finish_non_exhaustive()
    }
}

/// An action while it runs.
struct Run<'b> {
    bulk: &'b Bulk,
    /// The jobs that were counted and can be changed.
    filter: JobFilter,
    verb: Verb,
    db: &'b DatabaseConnection,
    /// What the audit tells of each job, if anything.
    entry: Option<Entry>,
    /// Whether others can write while a transaction is open.
    row_locks: bool,
    report: Option<Report<'b>>,
    summary: BulkSummary,
    /// Jobs to try again at the end.
    again: Vec<Seen>,
}

impl Run<'_> {
    async fn act(&mut self, jobs: &[Seen]) -> Result<(), Error> {
        for some in jobs.chunks(BATCH) {
            let began = Instant::now();
            let Batch { done, requested, refused, missed } =
                batch::act(self.db, self.verb, self.entry.as_ref(), some).await?;
            self.summary.done += done as u64;
            self.summary.requested += requested as u64;
            self.summary.duplicates += refused as u64;
            if let Some(report) = &mut self.report {
                report(&self.summary);
            }
            let again = self.bulk.still_matching(self.db, &self.filter, &missed).await?;
            self.summary.changed += (missed.len() - again.len()) as u64;
            self.again.extend(again);
            // Where there is one writer at a time, others come to write in the pauses.
            if !self.row_locks {
                tokio::time::sleep(began.elapsed()).await;
            }
        }
        Ok(())
    }
}
