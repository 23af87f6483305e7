//! The limits of definitions, as the database has them: whatever a program's own definitions say, these are in force.

use std::collections::HashMap;

use sea_orm::prelude::Json;
use sea_orm::sea_query::{Expr, ExprTrait as _, InsertStatement};
use sea_orm::{
    ActiveValue, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait, Select,
};

use super::entity::{job, limit, limit_lock, limit_use, worker};
use super::limited::{UNLIMITED, stripes};
use super::workers::Serves;
use super::{Store, dialect, retry_contention, statement};
use crate::model::JobStatus;

/// The limits of one definition, and the names of the jobs that count for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The name of the definition.
    pub(crate) name: String,
    /// Its names, the aliases too, in order.
    pub(crate) jobs: Vec<String>,
    /// How many of all its jobs may run at once.
    pub(crate) running: Option<i32>,
    /// How many of its jobs with each key.
    pub(crate) running_each: Option<i32>,
    /// The parameters whose values are the key, with commas; `*` if only all jobs are counted together, `-` if none are.
    pub(crate) counted_by: String,
}

impl Scope {
    /// Whether the database has this scope already. Names that counted for it before still do: jobs may have them.
    pub(crate) fn is_in(&self, known: &Self) -> bool {
        self.name == known.name
            && self.jobs.iter().all(|job| known.jobs.contains(job))
            && (self.running, self.running_each, &self.counted_by)
                == (known.running, known.running_each, &known.counted_by)
    }
}

/// Returns all scopes.
pub(crate) async fn scopes<C: ConnectionTrait>(db: &C) -> Result<Vec<Scope>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    // One statement, so that a scope is seen with its names.
    let sql =
        "SELECT scope, job_name, running, running_each, counted_by FROM jobs_limit JOIN jobs_limit_use USING (scope)
               ORDER BY scope, job_name";
    let mut scopes: Vec<Scope> = Vec::new();
    for row in db.query_all_raw(statement(dialect, sql, [])).await? {
        let (name, job): (String, String) = (row.try_get("", "scope")?, row.try_get("", "job_name")?);
        match scopes.last_mut() {
            Some(last) if last.name == name => last.jobs.push(job),
            _ => scopes.push(Scope {
                name,
                jobs: vec![job],
                running: row.try_get("", "running")?,
                running_each: row.try_get("", "running_each")?,
                counted_by: row.try_get("", "counted_by")?,
            }),
        }
    }
    Ok(scopes)
}

/// Returns the scopes for which the jobs of this name count.
pub(crate) async fn scopes_of<C: ConnectionTrait>(db: &C, job: &str) -> Result<Vec<Scope>, DbErr> {
    let mut scopes = scopes(db).await?;
    scopes.retain(|scope| scope.jobs.iter().any(|name| name == job));
    Ok(scopes)
}

/// Returns how many jobs that count for these limits are running, with this key or with any, and the first ten of them.
pub(crate) async fn running_under<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    key: Option<&str>,
) -> Result<(u64, Vec<i64>), DbErr> {
    let mut select = counted(scope);
    if let Some(key) = key {
        select = select.filter(job::Column::LimitKey.eq(key));
    }
    let count = select.clone().count(db).await?;
    let first = select.select_only().column(job::Column::Id).order_by_asc(job::Column::Id).limit(10).into_tuple();
    Ok((count, first.all(db).await?))
}

/// Returns how many jobs that count for these limits are running.
pub(crate) async fn number_running<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<u64, DbErr> {
    counted(scope).count(db).await
}

/// No bound values for these two: a partial index is used only if the statement contains its condition.
fn counted(scope: &Scope) -> Select<job::Entity> {
    job::Entity::find()
        .filter(Expr::col(job::Column::Status).eq(Expr::Constant(JobStatus::Running.code().into())))
        .filter(Expr::cust("limit_key <> '-'"))
        .filter(job::Column::Name.is_in(&scope.jobs))
}

impl Store {
    /// Returns the names of jobs that live workers know which have joined after this one.
    pub(crate) async fn names_of_later_workers(&self, worker: i64) -> Result<Vec<String>, DbErr> {
        let serves: Vec<Json> = worker::Entity::find()
            .select_only()
            .column(worker::Column::Serves)
            .filter(worker::Column::Id.gt(worker))
            .filter(Expr::col(worker::Column::ExpiresAt).gte(Expr::cust(self.dialect.clock)))
            .into_tuple()
            .all(&self.db)
            .await?;
        let names = |serves| serde_json::from_value::<Serves>(serves).unwrap_or_default().names;
        Ok(serves.into_iter().flat_map(names).collect())
    }

    /// Writes these scopes, of which the database has none, without limits.
    pub(crate) async fn declare_unlimited(&self, scopes: &[Scope]) -> Result<(), DbErr> {
        for scope in scopes {
            insert_or_ignore(&self.db, limit::Entity::insert(without_limits(scope))).await?;
            write_uses(&self.db, scope).await?;
        }
        Ok(())
    }

    /// Writes the rows that claims lock, if some are missing, and returns how many were: whoever empties all tables empties this one, too.
    pub(crate) async fn fill_stripes(&self) -> Result<u64, DbErr> {
        if self.dialect.limited.lock.is_none() {
            return Ok(0);
        }
        let found = limit_lock::Entity::find().count(&self.db).await?;
        let missing = u64::try_from(stripes().count()).unwrap_or(0).saturating_sub(found);
        if missing > 0 {
            let row = |stripe| limit_lock::ActiveModel { stripe: ActiveValue::Set(stripe) };
            insert_or_ignore(&self.db, limit_lock::Entity::insert_many(stripes().map(row))).await?;
        }
        Ok(missing)
    }

    /// Writes those of these scopes that the database has otherwise, and returns them.
    pub(crate) async fn declare_limits(&self, declared: &[Scope]) -> Result<Vec<Scope>, DbErr> {
        let known: HashMap<String, Scope> =
            scopes(&self.db).await?.into_iter().map(|scope| (scope.name.clone(), scope)).collect();
        let is_new = |scope: &&Scope| known.get(&scope.name).is_none_or(|known| !scope.is_in(known));
        let new: Vec<_> = declared.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            // First, each by itself: in the transaction, two workers that start together would each hold a row that the other wants.
            for scope in &new {
                insert_or_ignore(&self.db, limit::Entity::insert(without_limits(scope))).await?;
            }
            retry_contention(|| async {
                let transaction = self.begin().await?;
                for scope in &new {
                    write(&transaction, scope).await?;
                }
                transaction.commit().await
            })
            .await?;
        }
        Ok(new)
    }
}

fn without_limits(scope: &Scope) -> limit::ActiveModel {
    limit::ActiveModel {
        scope: ActiveValue::Set(scope.name.clone()),
        running: ActiveValue::Set(None),
        running_each: ActiveValue::Set(None),
        counted_by: ActiveValue::Set(UNLIMITED.to_owned()),
    }
}

async fn write(transaction: &DatabaseTransaction, scope: &Scope) -> Result<(), DbErr> {
    limit::Entity::update_many()
        .col_expr(limit::Column::Running, Expr::value(scope.running))
        .col_expr(limit::Column::RunningEach, Expr::value(scope.running_each))
        .col_expr(limit::Column::CountedBy, Expr::value(scope.counted_by.clone()))
        .filter(limit::Column::Scope.eq(scope.name.as_str()))
        .exec(transaction)
        .await?;
    write_uses(transaction, scope).await
}

async fn write_uses<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<(), DbErr> {
    for job in &scope.jobs {
        let row = limit_use::ActiveModel {
            job_name: ActiveValue::Set(job.clone()),
            scope: ActiveValue::Set(scope.name.clone()),
        };
        insert_or_ignore(db, limit_use::Entity::insert(row)).await?;
    }
    Ok(())
}

async fn insert_or_ignore<C: ConnectionTrait>(
    db: &C,
    insert: impl QueryTrait<QueryStatement = InsertStatement>,
) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let mut statement = dialect.backend.build(&insert.into_query());
    statement.sql = (dialect.insert_or_ignore)(&statement.sql);
    db.execute_raw(statement).await.map(drop)
}
