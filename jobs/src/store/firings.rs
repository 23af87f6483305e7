//! The times for which schedules have fired. Whoever writes here holds the schedule's row, see [`super::cron`].

use std::collections::{HashMap, HashSet};

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect};
use serde::Serialize;

use super::dialect::{self, Dialect};
pub(crate) use super::entity::cron_firing::Model as FiringRow;
use super::entity::cron_firing::{Column, Entity};
use super::{json, statement};

/// How many firings of each schedule are kept. (`Cron::forget` contains this number, too.)
const KEPT_FIRINGS: u64 = 100;

/// Returns the latest firings of a schedule, newest first.
pub(crate) async fn of<C: ConnectionTrait>(db: &C, name: &str) -> Result<Vec<FiringRow>, DbErr> {
    Entity::find().filter(Column::Schedule.eq(name)).order_by_desc(Column::NominalAt).limit(KEPT_FIRINGS).all(db).await
}

/// Returns the latest time for which each schedule has fired.
pub(crate) async fn latest<C: ConnectionTrait>(db: &C) -> Result<HashMap<String, DateTimeUtc>, DbErr> {
    let latest: Vec<(String, DateTimeUtc)> = Entity::find()
        .select_only()
        .column(Column::Schedule)
        .column_as(Column::NominalAt.max(), "latest")
        .group_by(Column::Schedule)
        .into_tuple()
        .all(db)
        .await?;
    Ok(latest.into_iter().collect())
}

/// A time for which a schedule fires, and its job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewFiring<'a> {
    pub(crate) schedule: &'a str,
    pub(crate) nominal_at: DateTimeUtc,
    pub(crate) job_id: i64,
}

/// Inserts firings.
pub(crate) async fn record<C: ConnectionTrait>(db: &C, firings: &[NewFiring<'_>]) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    db.execute_raw(statement(dialect, dialect.cron.record, [rows(dialect, firings)?.into()])).await.map(drop)
}

/// Sets the nominal times of the firings' jobs, which no one else has seen yet.
pub(crate) async fn set_nominal<C: ConnectionTrait>(db: &C, firings: &[NewFiring<'_>]) -> Result<(), DbErr> {
    if firings.is_empty() {
        return Ok(());
    }
    let dialect = dialect::of(db.get_database_backend())?;
    db.execute_raw(statement(dialect, dialect.cron.nominal, [rows(dialect, firings)?.into()])).await.map(drop)
}

/// Returns the indexes of those times for which their schedule has already fired.
pub(crate) async fn fired<C: ConnectionTrait>(
    db: &C,
    times: impl Iterator<Item = (&str, DateTimeUtc)>,
) -> Result<HashSet<usize>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let times: Vec<_> = times.map(|(schedule, nominal_at)| NewFiring { schedule, nominal_at, job_id: 0 }).collect();
    let fired = db.query_all_raw(statement(dialect, dialect.cron.fired, [rows(dialect, &times)?.into()])).await?;
    let ordinal =
        |row: &QueryResult| row.try_get_by_index(0).map(|ordinal: i64| usize::try_from(ordinal).unwrap_or(usize::MAX));
    fired.iter().map(ordinal).collect()
}

fn rows(dialect: &Dialect, firings: &[NewFiring<'_>]) -> Result<String, DbErr> {
    #[derive(Serialize)]
    struct Row<'a> {
        ordinal: usize,
        schedule: &'a str,
        nominal_at: String,
        job_id: i64,
    }

    let mut rows = Vec::with_capacity(firings.len());
    for (ordinal, NewFiring { schedule, nominal_at, job_id }) in firings.iter().enumerate() {
        rows.push(Row { ordinal, schedule, nominal_at: dialect.time_text(*nominal_at), job_id: *job_id });
    }
    json(&rows)
}

/// Deletes all but the latest firings of these schedules.
pub(crate) async fn forget_old<C: ConnectionTrait>(db: &C, schedules: &[&str]) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    db.execute_raw(statement(dialect, dialect.cron.forget, [json(schedules)?.into()])).await.map(drop)
}
