//! Jobs whose key has the form of other limits than their definition has now: those that were scheduled by an earlier release, or by a
//! program that does not know the definition.

use sea_orm::sea_query::{Expr, ExprTrait as _, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Select,
};
use serde_json::Value as Json;

use super::Store;
use super::entity::job::{Column, Entity};
use super::entity::lenient_json::LenientJson;
use super::limited::Place;
use crate::model::JobStatus;

/// How many keys are written in one transaction.
const ROWS: u64 = 200;

/// How many running jobs are looked at.
const RUNNING: u64 = 10_000;

/// A job, with what its key is made of.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) parameters: Json,
}

impl Store {
    /// Gives jobs that wait in this place their keys, and returns how many got another one.
    pub(crate) async fn write_waiting_keys(
        &self,
        queue: &str,
        place: &Place,
        key_of: impl Fn(&Keyed) -> String,
    ) -> Result<usize, DbErr> {
        let select = of_status(JobStatus::Scheduled)
            .filter(Column::Queue.eq(queue))
            .filter(Column::Priority.eq(place.priority))
            .filter(Column::Name.eq(place.name.as_str()))
            .filter(Column::LimitKey.eq(place.key.as_str()))
            .order_by_asc(Column::ScheduledAt)
            .order_by_asc(Column::Id);
        self.write_keys(select, key_of).await
    }

    /// Gives running jobs of these names, whose key is not of the right form, the right one.
    pub(crate) async fn write_running_keys(
        &self,
        names: &[&str],
        has_right_form: impl Fn(&str, &str) -> bool,
        key_of: impl Fn(&Keyed) -> String,
    ) -> Result<(), DbErr> {
        let running = of_status(JobStatus::Running).filter(Column::Name.is_in(names.iter().copied()));
        let rows: Vec<(i64, String, String)> = running
            .clone()
            .columns([Column::Id, Column::Name, Column::LimitKey])
            .limit(RUNNING)
            .into_tuple()
            .all(&self.db)
            .await?;
        let wrong = rows.into_iter().filter(|(_, name, key)| !has_right_form(name, key)).map(|(id, ..)| id);
        for some in wrong.collect::<Vec<_>>().chunks(100) {
            let select = running.clone().filter(Column::Id.is_in(some.iter().copied())).order_by_asc(Column::Id);
            self.write_keys(select, &key_of).await?;
        }
        Ok(())
    }

    /// Leaves out jobs that other transactions have locked: this must not wait for a caller's.
    async fn write_keys(&self, select: Select<Entity>, key_of: impl Fn(&Keyed) -> String) -> Result<usize, DbErr> {
        let select = select.columns([Column::Id, Column::Name, Column::LimitKey, Column::Parameters]).limit(ROWS);
        super::retry_contention(|| async {
            let (transaction, mut changed) = (self.begin().await?, 0);
            let mut select = select.clone();
            if self.dialect.row_locks {
                select = select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
            }
            let rows: Vec<(i64, String, String, LenientJson)> = select.into_tuple().all(&transaction).await?;
            for (id, name, key, LenientJson(parameters)) in rows {
                let job = Keyed { name, key, parameters };
                let key = key_of(&job);
                if key != job.key {
                    let update = Entity::update_many().col_expr(Column::LimitKey, Expr::value(key));
                    let update = update.filter(Column::Id.eq(id)).into_query();
                    let mut statement = self.dialect.backend.build(&update);
                    statement.sql = (self.dialect.by_id)(&statement.sql);
                    transaction.execute_raw(statement).await?;
                    changed += 1;
                }
            }
            transaction.commit().await?;
            Ok(changed)
        })
        .await
    }
}

/// No bound value: a partial index is used only if the statement contains its condition.
fn of_status(status: JobStatus) -> Select<Entity> {
    Entity::find().select_only().filter(Expr::col(Column::Status).eq(Expr::Constant(status.code().into())))
}
