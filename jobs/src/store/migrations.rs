//! The migrations that have been applied to the tables.

use jobs_migrations::JobsMigrator;
use sea_orm::{ConnectionTrait, DbErr, Statement};
use sea_orm_migration::MigratorTrait as _;

use crate::error::fault;

/// The state of the tables, as this program sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The tables have everything that this program knows of; a later release may have added to them.
    UpToDate,
    /// Migrations are missing.
    Behind,
    /// Migrations are missing, and a release that this program does not know of has applied these others.
    Diverged(Vec<String>),
}

/// Returns the state of the tables. Only reads, so users who may not change tables can call it.
pub(crate) async fn state<C: ConnectionTrait>(db: &C) -> Result<State, DbErr> {
    let applied = applied(db).await?;
    let known: Vec<_> = JobsMigrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    Ok(state_of(&known, applied))
}

fn state_of(known: &[String], mut applied: Vec<String>) -> State {
    if known.iter().all(|migration| applied.contains(migration)) {
        return State::UpToDate;
    }
    applied.retain(|migration| !known.contains(migration));
    if applied.is_empty() { State::Behind } else { State::Diverged(applied) }
}

/// Returns the migrations that are recorded as applied; none if there is no record.
pub(crate) async fn applied<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), "SELECT version FROM jobs_migration ORDER BY 1");
    match db.query_all_raw(statement).await {
        Ok(rows) => rows.iter().map(|row| row.try_get_by_index(0)).collect(),
        Err(error) if fault::lacks_tables(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_a_later_release_are_up_to_date() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let state = |applied: &[&str]| state_of(&names(&["m1", "m2"]), names(applied));
        assert_eq!(state(&["m1", "m2"]), State::UpToDate);
        assert_eq!(state(&["m1", "m2", "m3"]), State::UpToDate);
        assert_eq!(state(&["m1"]), State::Behind);
        assert_eq!(state(&[]), State::Behind);
        assert_eq!(state(&["m1", "m3"]), State::Diverged(names(&["m3"])));
    }
}
