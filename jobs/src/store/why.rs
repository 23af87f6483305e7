//! Why a job waits: the state of one job, of its queue and of the workers. No statement reads more if more jobs wait.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait, Select,
};

use super::entity::attempt;
use super::entity::job::{Column, Entity};
use super::limited::UNLIMITED;
use super::{dialect, workers};
use crate::model::{JobId, JobStatus};

/// Jobs are counted up to this number.
pub(crate) const COUNTED: u64 = 10_000;

/// How many groups of jobs are counted, each with up to four statements. More than twenty are rare in one queue.
const GROUPS: usize = 20;

/// A job as it waits, and the time at which it was read.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Waiting {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) status: JobStatus,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) scheduled_at: DateTimeUtc,
    pub(crate) last_error: Option<String>,
    pub(crate) limit_key: String,
    pub(crate) now: DateTimeUtc,
}

/// A number of jobs, and whether there may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) jobs: u64,
    pub(crate) or_more: bool,
}

pub(crate) async fn job<C: ConnectionTrait>(db: &C, id: JobId) -> Result<Option<Waiting>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    Entity::find_by_id(id.0)
        .select_only()
        .columns([Column::Id, Column::Name, Column::Queue, Column::Priority, Column::Status, Column::Attempt])
        .columns([Column::MaxAttempts, Column::ScheduledAt, Column::LastError, Column::LimitKey])
        .column_as(Expr::cust(clock), "now")
        .into_model()
        .one(db)
        .await
}

/// Returns how the job's latest attempt ended, if it did not end well.
pub(crate) async fn latest_end<C: ConnectionTrait>(db: &C, job: &Waiting) -> Result<Option<String>, DbErr> {
    attempt::Entity::find_by_id((job.id, job.attempt))
        .select_only()
        .column(attempt::Column::How)
        .into_tuple()
        .one(db)
        .await
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

/// The waiting jobs of one priority and name.
struct Group {
    priority: i16,
    name: String,
}

/// Counts the due jobs that are claimed before this one, of names that compete with it.
///
/// Group by group, so that jobs that are due later or have other names are not read.
pub(crate) async fn before<C: ConnectionTrait>(
    db: &C,
    job: &Waiting,
    competes: impl Fn(&str) -> bool,
) -> Result<Counted, DbErr> {
    let mut jobs = 0;
    let mut next = first_group(db, job, Condition::all()).await?;
    for _ in 0..GROUPS {
        let Some(group) = next else { return Ok(Counted { jobs, or_more: false }) };
        if competes(&group.name) {
            jobs += before_in(db, job, &group, COUNTED + 1 - jobs).await?;
        }
        if jobs > COUNTED {
            return Ok(Counted { jobs: COUNTED, or_more: true });
        }
        next = group_after(db, job, &group).await?;
    }
    Ok(Counted { jobs, or_more: next.is_some() })
}

async fn group_after<C: ConnectionTrait>(db: &C, job: &Waiting, group: &Group) -> Result<Option<Group>, DbErr> {
    // Two conditions: for `(priority, name) > (…)` SQLite would use the priority alone.
    let same_priority =
        Condition::all().add(Column::Priority.eq(group.priority)).add(Column::Name.gt(group.name.as_str()));
    match first_group(db, job, same_priority).await? {
        Some(next) => Ok(Some(next)),
        None => first_group(db, job, Condition::all().add(Column::Priority.gt(group.priority))).await,
    }
}

/// Returns the first of these groups in the job's queue, up to its priority.
async fn first_group<C: ConnectionTrait>(db: &C, job: &Waiting, filter: Condition) -> Result<Option<Group>, DbErr> {
    let row: Option<(i16, String)> = of_queue(JobStatus::Scheduled, &job.queue)
        .columns([Column::Priority, Column::Name])
        .filter(Column::Priority.lte(job.priority))
        .filter(filter)
        .order_by_asc(Column::Priority)
        .order_by_asc(Column::Name)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(row.map(|(priority, name)| Group { priority, name }))
}

/// Counts the due jobs of a group that are claimed before this one, and reads at most this many. If their number is limited, counts those
/// that have the same key.
async fn before_in<C: ConnectionTrait>(db: &C, job: &Waiting, group: &Group, limit: u64) -> Result<u64, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let key = if group.name == job.name { &job.limit_key } else { UNLIMITED };
    let in_group = || {
        Condition::all()
            .add(Column::Priority.eq(group.priority))
            .add(Column::Name.eq(group.name.as_str()))
            .add(Column::LimitKey.eq(key))
    };
    if group.priority < job.priority {
        let due = in_group().add(Column::ScheduledAt.lte(dialect.time(job.now)));
        return count(db, JobStatus::Scheduled, &job.queue, due, limit).await;
    }
    // Two counts, each of one range of the index: thousands may be due at the same time.
    let earlier = in_group().add(Column::ScheduledAt.lt(dialect.time(job.scheduled_at)));
    let earlier = count(db, JobStatus::Scheduled, &job.queue, earlier, limit).await?;
    let same_time = in_group().add(Column::ScheduledAt.eq(dialect.time(job.scheduled_at))).add(Column::Id.lt(job.id));
    Ok(earlier + count(db, JobStatus::Scheduled, &job.queue, same_time, limit - earlier).await?)
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
    filter: Condition,
    limit: u64,
) -> Result<u64, DbErr> {
    let mut jobs = of_queue(status, queue).column(Column::Id).filter(filter).limit(limit);
    let count = Query::select()
        .expr(Expr::cust("COUNT(*)"))
        .from_subquery(QueryTrait::query(&mut jobs).take(), "counted")
        .take();
    let row = db.query_one(&count).await?;
    let counted: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(u64::try_from(counted).unwrap_or(0))
}

/// Selects the jobs of one status in a queue, without any column.
fn of_queue(status: JobStatus, queue: &str) -> Select<Entity> {
    Entity::find()
        .select_only()
        // No bound value: a partial index is used only if the statement contains its condition.
        .filter(Expr::col(Column::Status).eq(Expr::Constant(status.code().into())))
        .filter(Column::Queue.eq(queue))
}
