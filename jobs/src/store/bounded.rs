//! Counts of what waits that end at a bound, so that they cost the same however much it is.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DbErr};

use super::entity::job::Column;
use super::queues::OpenJobs;
use super::row::Columns;
use super::search::{counts_of_each, is};
use super::unserved::{Group, Unserved, groups};
use super::{dialect, statement};
use crate::model::JobStatus;

/// Counts the waiting and the running jobs of each queue, but no more than this many that wait.
pub(crate) async fn open_jobs<C: ConnectionTrait>(db: &C, most: i64) -> Result<Vec<OpenJobs>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let rows = db.query_all_raw(statement(dialect, dialect.depths, [most.into()])).await?;
    // In the order that `Dialect::depths` states.
    let read = |row| {
        let mut columns = Columns::of(row);
        let (queue, status, first) = (columns.next()?, columns.next()?, columns.next::<Option<_>>()?);
        let (now, jobs) = (columns.next()?, columns.next::<Option<_>>()?);
        Ok(OpenJobs::of(queue, status, first.unwrap_or(now), now, jobs.unwrap_or(most)))
    };
    rows.iter().map(read).collect()
}

/// How many groups a statement counts.
const GROUPS: usize = 100;

/// Returns the due jobs that no live worker serves, by queue and name, but counts no more than this many of each.
pub(crate) async fn unserved<C: ConnectionTrait>(db: &C, most: u64) -> Result<Vec<Unserved>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let is_due_in = |group: &Group| {
        is(JobStatus::Scheduled)
            .add(Column::Queue.eq(&*group.queue))
            .add(Column::Priority.eq(group.priority))
            .add(Column::Name.eq(&*group.name))
            .add(Expr::col(Column::ScheduledAt).lte(Expr::cust(dialect.clock)))
    };
    let (groups, mut found) = (groups(db).await?, BTreeMap::new());
    for groups in groups.chunks(GROUPS) {
        let counts = counts_of_each(db, groups.iter().map(is_due_in), most).await?;
        for (group, jobs) in groups.iter().zip(counts) {
            let key = (group.queue.clone(), group.name.clone());
            let (sum, oldest) = found.entry(key).or_insert((0, group.oldest));
            (*sum, *oldest) = (Ord::min(most, *sum + jobs), Ord::min(group.oldest, *oldest));
        }
    }
    let unserved = |((queue, name), (jobs, oldest))| Unserved { queue, name, jobs, oldest };
    Ok(found.into_iter().map(unserved).collect())
}
