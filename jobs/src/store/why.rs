//! Why a job waits: the state of one job, of its queue and of the workers. No statement reads more the more jobs wait.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait,
};

use super::entity::job::{Column, Entity};
use super::entity::{attempt, queue};
use super::unserved::{self, Group};
use super::{dialect, workers};
use crate::model::{JobId, JobStatus};

/// Jobs are counted up to this number.
pub(crate) const COUNTED: u64 = 10_000;

/// How many groups of jobs are counted. More than a hundred names are rare in one queue.
const GROUPS: usize = 100;

/// A job as it waits, and the time of the look.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) status: JobStatus,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) due_at: DateTimeUtc,
    pub(crate) last_error: Option<String>,
    pub(crate) now: DateTimeUtc,
}

/// A number of jobs, and whether there are more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) jobs: u64,
    pub(crate) or_more: bool,
}

pub(crate) async fn job<C: ConnectionTrait>(db: &C, id: JobId) -> Result<Option<Waiting>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    let row: Option<(String, String, i16, JobStatus, i32, i32, DateTimeUtc, Option<String>, DateTimeUtc)> =
        Entity::find_by_id(id.0)
            .select_only()
            .columns([Column::Name, Column::Queue, Column::Priority, Column::Status, Column::Attempt])
            .columns([Column::MaxAttempts, Column::ScheduledAt, Column::LastError])
            .column_as(Expr::cust(clock), "now")
            .into_tuple()
            .one(db)
            .await?;
    Ok(row.map(|(name, queue, priority, status, attempt, max_attempts, due_at, last_error, now)| Waiting {
        id,
        name,
        queue,
        priority,
        status,
        attempt,
        max_attempts,
        due_at,
        last_error,
        now,
    }))
}

/// Returns how the job's latest attempt ended, if it did not end well.
pub(crate) async fn latest_end<C: ConnectionTrait>(db: &C, job: &Waiting) -> Result<Option<String>, DbErr> {
    attempt::Entity::find_by_id((job.id.0, job.attempt))
        .select_only()
        .column(attempt::Column::How)
        .into_tuple()
        .one(db)
        .await
}

/// Returns since when the queue is paused; `None` if it is not.
pub(crate) async fn paused_since<C: ConnectionTrait>(db: &C, queue: &str) -> Result<Option<DateTimeUtc>, DbErr> {
    Ok(queue::Entity::find_by_id(queue).one(db).await?.and_then(|queue| queue.paused_at))
}

/// The workers that serve a queue.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    /// The names that each live worker knows.
    pub(crate) live: Vec<Vec<String>>,
    /// When one that is not live was last seen.
    pub(crate) last_seen_at: Option<DateTimeUtc>,
}

pub(crate) async fn serving<C: ConnectionTrait>(db: &C, queue: &str) -> Result<Serving, DbErr> {
    let mut serving = Serving::default();
    for (worker, is_live) in workers::all(db).await? {
        let serves: workers::Serves = serde_json::from_value(worker.serves).unwrap_or_default();
        if !serves.queues.iter().any(|served| served == queue) {
            continue;
        }
        if is_live {
            serving.live.push(serves.names);
        } else {
            serving.last_seen_at = std::cmp::max(serving.last_seen_at, Some(worker.last_seen_at));
        }
    }
    Ok(serving)
}

/// Counts the due jobs that are claimed before this one, of names that compete with it.
///
/// Group by group, so that jobs that are due later or have other names are not read; and first those that are due earlier, then those
/// that are due at the same time, because thousands may be if they were scheduled at once.
pub(crate) async fn before<C: ConnectionTrait>(
    db: &C,
    job: &Waiting,
    competes: impl Fn(&str) -> bool,
) -> Result<Counted, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let is_before = |group: &Group| group.queue == job.queue && group.priority <= job.priority && competes(&group.name);
    let mut groups: Vec<_> = unserved::due_groups(db).await?.into_iter().filter(is_before).collect();
    groups.sort_unstable_by_key(|group| group.priority);
    let (due_at, now) = (dialect.time(job.due_at), dialect.time(job.now));
    let mut jobs = 0;
    for group in groups.iter().take(GROUPS) {
        let ranges = if group.priority < job.priority {
            vec![Condition::all().add(Column::ScheduledAt.lte(now.clone()))]
        } else {
            let same_time = Column::ScheduledAt.eq(due_at.clone());
            vec![
                Condition::all().add(Column::ScheduledAt.lt(due_at.clone())),
                Condition::all().add(same_time).add(Column::Id.lt(job.id.0)),
            ]
        };
        for range in ranges {
            let in_group =
                Condition::all().add(Column::Priority.eq(group.priority)).add(Column::Name.eq(&group.name)).add(range);
            jobs += count(db, JobStatus::Scheduled, &job.queue, in_group, COUNTED + 1 - jobs).await?;
            if jobs > COUNTED {
                return Ok(Counted { jobs: COUNTED, or_more: true });
            }
        }
    }
    Ok(Counted { jobs, or_more: groups.len() > GROUPS })
}

/// Counts the running jobs of a queue, up to [`COUNTED`].
pub(crate) async fn running<C: ConnectionTrait>(db: &C, queue: &str) -> Result<u64, DbErr> {
    count(db, JobStatus::Running, queue, Condition::all(), COUNTED).await
}

/// Counts jobs of a queue, and reads at most this many.
async fn count<C: ConnectionTrait>(
    db: &C,
    status: JobStatus,
    queue: &str,
    which: Condition,
    limit: u64,
) -> Result<u64, DbErr> {
    let mut jobs = Entity::find()
        .select_only()
        .column(Column::Id)
        // No bound value: a partial index is used only if the statement contains its condition.
        .filter(Expr::col(Column::Status).eq(Expr::Constant(status.code().into())))
        .filter(Column::Queue.eq(queue))
        .filter(which)
        .limit(limit);
    let count = Query::select()
        .expr(Expr::cust("COUNT(*)"))
        .from_subquery(QueryTrait::query(&mut jobs).take(), "counted")
        .take();
    let row = db.query_one(&count).await?;
    let counted: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(u64::try_from(counted).unwrap_or(0))
}
