//! What workers have counted.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::entity::lenient_json::LenientJson;
use super::entity::stat::{Column, Entity};
use super::maintain::MAINTENANCE_ROWS;
use super::{Store, clock, dialect, json, millis, retry_contention, statement};
use crate::model::tally::{Tallies, Tally};

/// How long the time is that a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Period {
    Minute,
    Hour,
}

impl Period {
    pub(crate) const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// The number that stands for it in the table.
    const fn code(self) -> i16 {
        match self {
            Self::Minute => 0,
            Self::Hour => 1,
        }
    }

    pub(crate) const fn len(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
        }
    }

    /// How long rows are kept.
    const fn retention(self) -> Duration {
        match self {
            Self::Minute => Duration::from_hours(3),
            Self::Hour => Duration::from_hours(8 * 24),
        }
    }

    /// When the period began in which this time is.
    pub(crate) fn start(self, time: DateTimeUtc) -> DateTimeUtc {
        let len = i64::try_from(self.len().as_secs()).unwrap_or(1);
        let seconds = time.timestamp();
        DateTimeUtc::from_timestamp(seconds - seconds.rem_euclid(len), 0).unwrap_or(time)
    }
}

/// What a worker has counted in a period.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) period: Period,
    pub(crate) starts_at: DateTimeUtc,
    pub(crate) tallies: Tallies,
}

impl Store {
    /// Writes all that this worker has counted in a period, in place of what it wrote before.
    pub(crate) async fn replace_stat(&self, worker: i64, counted: &Counted) -> Result<(), DbErr> {
        let Counted { period, starts_at, tallies } = counted;
        let values = [
            period.code().into(),
            self.dialect.time(*starts_at),
            worker.into(),
            json(&tallies.total())?.into(),
            json(tallies)?.into(),
        ];
        let write = || self.db.execute_raw(statement(self.dialect, self.dialect.stat, values.clone()));
        retry_contention(write).await.map(drop)
    }

    /// Deletes the oldest rows of this period that are kept no longer. True if there may be more.
    pub(crate) async fn delete_expired_stats(&self, period: Period) -> Result<bool, DbErr> {
        retry_contention(|| async {
            let transaction = self.begin().await?;
            let age = TimeDelta::milliseconds(millis(period.retention()));
            let until = clock(&transaction).await? - age;
            let is_expired = Condition::all()
                .add(Column::Period.eq(period.code()))
                .add(Expr::col(Column::StartsAt).lt(self.dialect.time(until)));
            let boundary = Entity::find().select_only().column(Column::StartsAt).filter(is_expired.clone());
            let boundary = boundary.order_by_asc(Column::StartsAt).offset(MAINTENANCE_ROWS).limit(1);
            let boundary: Option<DateTimeUtc> = boundary.into_tuple().one(&transaction).await?;
            let mut delete = Entity::delete_many().filter(is_expired);
            if let Some(boundary) = boundary {
                // All rows of a start go together.
                delete = delete.filter(Expr::col(Column::StartsAt).lte(self.dialect.time(boundary)));
            }
            delete.exec(&transaction).await?;
            transaction.commit().await?;
            Ok(boundary.is_some())
        })
        .await
    }
}

/// The place of a row among those of a period.
pub(crate) type Place = (DateTimeUtc, i64);

/// Which rows to read: of this period, from this start on, and before this place if one is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) period: Period,
    pub(crate) from: DateTimeUtc,
    pub(crate) before: Option<Place>,
    pub(crate) limit: u64,
}

/// Returns the totals of rows, latest first. A row that can't be read counts nothing.
pub(crate) async fn totals<C: ConnectionTrait>(db: &C, wanted: Wanted) -> Result<Vec<(Place, Tally)>, DbErr> {
    rows(db, wanted, Column::Total).await
}

/// Returns the tallies of rows by queue and name, latest first.
pub(crate) async fn by_job<C: ConnectionTrait>(db: &C, wanted: Wanted) -> Result<Vec<(Place, Tallies)>, DbErr> {
    rows(db, wanted, Column::ByJob).await
}

async fn rows<C, T>(db: &C, wanted: Wanted, column: Column) -> Result<Vec<(Place, T)>, DbErr>
where
    C: ConnectionTrait,
    T: serde::de::DeserializeOwned + Default,
{
    let dialect = dialect::of(db.get_database_backend())?;
    let Wanted { period, from, before, limit } = wanted;
    let starts_at = || Expr::col(Column::StartsAt);
    let mut select = Entity::find()
        .select_only()
        .columns([Column::StartsAt, Column::WorkerId, column])
        .filter(Column::Period.eq(period.code()))
        .filter(starts_at().gte(dialect.time(from)));
    if let Some((start, worker)) = before {
        // The first condition leads to the place, the second excludes those beside it.
        select = select
            .filter(starts_at().lte(dialect.time(start)))
            .filter(Condition::any().add(starts_at().lt(dialect.time(start))).add(Column::WorkerId.lt(worker)));
    }
    let rows: Vec<(DateTimeUtc, i64, LenientJson)> = select
        .order_by_desc(Column::StartsAt)
        .order_by_desc(Column::WorkerId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let read = |(start, worker, content): (_, _, LenientJson)| {
        ((start, worker), serde_json::from_value(content.0).unwrap_or_default())
    };
    Ok(rows.into_iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_begins_at_a_full_minute_or_hour() {
        let time = |text: &str| text.parse::<DateTimeUtc>().unwrap();
        let now = time("2026-11-28T20:59:59.999Z");
        assert_eq!(Period::Minute.start(now), time("2026-11-28T20:59:00Z"));
        assert_eq!(Period::Hour.start(now), time("2026-11-28T20:00:00Z"));
        assert_eq!(Period::Hour.start(time("1969-12-31T23:30:00Z")), time("1969-12-31T23:00:00Z"));
    }
}
