//! Selecting the jobs that were counted: by SQL as far as it goes, and by the errors and parameters in their rows.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DatabaseConnection, QueryFilter as _, Select};

use super::Bulk;
use super::action::BATCH;
use crate::client::search::Search;
use crate::client::{JobCounts, JobFilter, counts};
use crate::error::Error;
use crate::model::JobStatus;
use crate::store::bulk::{self as store, Seen};
use crate::store::entity::job::{Column, Entity};
use crate::store::{dialect, search};

/// How many jobs are read at once: the filter may have to look at many others to find them.
const PAGE: u64 = 20_000;

/// How many rows are in memory at once if the filter has conditions on errors or parameters.
const ROWS: u64 = 500;

/// How many jobs are looked up at once by their ids.
const IDS: usize = 100;

/// Some of the jobs that match, and the last one that was examined.
pub(super) struct Page {
    pub(super) jobs: Vec<Seen>,
    pub(super) last: i64,
}

impl Bulk {
    /// Counts the jobs that match, by status.
    pub(super) async fn count(&self, db: &DatabaseConnection) -> Result<JobCounts, Error> {
        let jobs = self.select(db, &self.filter).await?;
        Ok(counts::count(db, &self.filter, jobs).await?)
    }

    /// Returns the first of the jobs that match this filter and come after this one. `None` if there are no more.
    pub(super) async fn page(
        &self,
        db: &DatabaseConnection,
        filter: &JobFilter,
        after: i64,
    ) -> Result<Option<Page>, Error> {
        let jobs = self.select(db, filter).await?;
        if !filter.reads_rows() {
            let jobs = store::page(db, jobs, after, PAGE).await?;
            return Ok(jobs.last().map(|job| job.id).map(|last| Page { jobs, last }));
        }
        let mut page = Page { jobs: Vec::new(), last: after };
        while page.jobs.len() < BATCH {
            let rows = search::rows_after(db, jobs.clone(), page.last, ROWS).await?;
            let Some(row) = rows.last() else { break };
            page.last = row.id;
            page.jobs.extend(filter.matching(&rows).map(Seen::from));
        }
        Ok(Some(page).filter(|page| page.last > after))
    }

    /// Returns those of these jobs that still match this filter, at their present versions.
    pub(super) async fn still_matching(
        &self,
        db: &DatabaseConnection,
        filter: &JobFilter,
        ids: &[i64],
    ) -> Result<Vec<Seen>, Error> {
        let mut still = Vec::new();
        if ids.is_empty() {
            return Ok(still);
        }
        let jobs = self.select(db, filter).await?;
        // Usually just a few.
        for some in ids.chunks(IDS) {
            let these = jobs.clone().filter(Column::Id.is_in(some.iter().copied()));
            if filter.reads_rows() {
                let rows = search::rows_after(db, these, i64::MIN, some.len() as u64).await?;
                still.extend(filter.matching(&rows).map(Seen::from));
            } else {
                still.extend(store::page(db, these, i64::MIN, some.len() as u64).await?);
            }
        }
        Ok(still)
    }

    /// Selects the jobs that match this filter, and already did when they were counted, as far as their rows show that. The conditions that
    /// are checked on the rows are left out.
    async fn select<C: ConnectionTrait>(&self, db: &C, filter: &JobFilter) -> Result<Select<Entity>, Error> {
        let dialect = dialect::of(db.get_database_backend())?;
        let by_then = |column: Column| {
            let is_by_then = Expr::col((Entity, column)).lte(dialect.time(self.mark.time));
            Condition::any().add(Expr::col((Entity, column)).is_null()).add(is_by_then)
        };
        let statuses = self.filter.statuses();
        let filter = filter.clone().all_pages();
        // Ages count from the same moment, so that no job comes to match in the meantime.
        let jobs = Search::at(db, &filter, self.mark.time).await?.jobs();
        let mut select = jobs.filter(Column::Id.lte(self.mark.last)).filter(by_then(Column::FinishedAt));
        // If waiting jobs were counted too, those that have started since are among them.
        if statuses.contains(&JobStatus::Running) && !statuses.contains(&JobStatus::Scheduled) {
            let is_not_running = Expr::col((Entity, Column::Status)).ne(JobStatus::Running.code());
            select = select.filter(by_then(Column::StartedAt).add(is_not_running));
        }
        Ok(select)
    }
}
