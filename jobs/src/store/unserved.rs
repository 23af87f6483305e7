//! Jobs that no worker serves.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};

use super::dialect::{self, Dialect};
use super::entity::job::{Column, Entity};
use super::row::Columns;
use super::search::is;
use super::{json, statement, workers};
use crate::model::JobStatus;

/// Due jobs that no live worker serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unserved {
    /// The queue in which they wait.
    pub queue: String,
    /// The name of their definition.
    pub name: String,
    /// The number of jobs.
    pub jobs: u64,
    /// When the first of them was due.
    pub oldest: DateTimeUtc,
}

/// Due jobs of one queue, priority and name that no live worker serves.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) name: String,
    /// When the first of them was due.
    #[serde(skip)]
    pub(crate) oldest: DateTimeUtc,
}

/// Returns the groups of due jobs that no live worker serves. The cost does not depend on how many jobs wait.
pub(crate) async fn groups<C: ConnectionTrait>(db: &C) -> Result<Vec<Group>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let due = db.query_all_raw(statement(dialect, dialect.due_groups, [])).await?;
    let live = workers::serving(db).await?;
    let is_served = |group: &Group| {
        live.iter().any(|serves| serves.queues.contains(&group.queue) && serves.names.contains(&group.name))
    };
    let mut groups = Vec::new();
    // In the order that `Dialect::due_groups` states.
    for row in &due {
        let mut columns = Columns::of(row);
        groups.push(Group {
            queue: columns.next()?,
            priority: columns.next()?,
            name: columns.next()?,
            oldest: columns.next()?,
        });
    }
    groups.retain(|group| !is_served(group));
    Ok(groups)
}

/// Returns the condition for due jobs of these groups.
pub(crate) fn is_due_in(dialect: &Dialect, groups: &[Group]) -> Result<Condition, DbErr> {
    Ok(is(JobStatus::Scheduled)
        .add(Expr::col(Column::ScheduledAt).lte(Expr::cust(dialect.clock)))
        .add(Expr::cust_with_values(dialect.of_groups, [json(groups)?])))
}

/// Returns the due jobs that no live worker serves, by queue and name.
pub(crate) async fn unserved<C: ConnectionTrait>(db: &C) -> Result<Vec<Unserved>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let groups = groups(db).await?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let counted: Vec<(String, String, i64, DateTimeUtc)> = Entity::find()
        .select_only()
        .columns([Column::Queue, Column::Name])
        .column_as(Column::Id.count(), "jobs")
        .column_as(Column::ScheduledAt.min(), "oldest")
        .filter(is_due_in(dialect, &groups)?)
        .group_by(Column::Queue)
        .group_by(Column::Name)
        .order_by_asc(Column::Queue)
        .order_by_asc(Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    let unserved =
        |(queue, name, jobs, oldest)| Unserved { queue, name, jobs: u64::try_from(jobs).unwrap_or(0), oldest };
    Ok(counted.into_iter().map(unserved).collect())
}
