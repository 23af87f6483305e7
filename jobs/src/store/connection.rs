//! The connections and transactions on which jobs are scheduled.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait};

use crate::error::Error;
use crate::store;

/// A connection or the caller's transaction: the bound of every function that takes either. Implemented for all types with both of
/// sea-orm's traits, so no type has to implement it.
///
/// ```
/// # use jobs::prelude::*;
/// # #[derive(Job)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// async fn greet_all<C: jobs::Connection>(db: &C) -> Result<(), jobs::Error> {
///     for name in ["ada", "grace"] {
///         Greet::new(name).schedule(db).await?;
///     }
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connection for jobs",
    label = "neither a connection nor a transaction",
    note = "where this is a type parameter, write `C: jobs::Connection`; it stands for sea-orm's `ConnectionTrait` and `TransactionTrait`"
)]
pub trait Connection: ConnectionTrait + TransactionTrait<Transaction: Send> {}

impl<C: ConnectionTrait + TransactionTrait<Transaction: Send>> Connection for C {}

/// Whether a call on this connection is its own transaction, which may be repeated. The caller's is repeated as a whole or not at all.
pub(super) fn is_plain<C: ConnectionTrait>(_: &C) -> bool {
    typeid::of::<C>() == typeid::of::<DatabaseConnection>()
}

/// Whether this is certainly a transaction, which its owner commits.
pub(super) fn is_transaction<C: ConnectionTrait>(_: &C) -> bool {
    typeid::of::<C>() == typeid::of::<DatabaseTransaction>()
}

/// Begins a transaction that suits jobs on each database. Everything except `wait` and `migrate` works in it, including `schedule` and
/// `finish_in`, before or after the caller's own reads and writes.
///
/// It is `READ COMMITTED` on PostgreSQL, MariaDB and MySQL, and `BEGIN IMMEDIATE` on SQLite, where it waits for its turn to write. In a
/// transaction from SeaORM's `begin()`, a write may be refused because data that the transaction has read has changed since: on SQLite as
/// soon as anyone else has written anything, and under `REPEATABLE READ` on PostgreSQL, and on MariaDB with `innodb_snapshot_isolation`.
///
/// ```
/// # use jobs::prelude::*;
/// # use jobs::sea_orm::ConnectionTrait as _;
/// # #[derive(Job)] #[job_params] struct Remind { customer: i64 }
/// # impl Execute for Remind { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// # db.execute_unprepared("CREATE TABLE unpaid (customer BIGINT)").await?;
/// let transaction = jobs::begin(&db).await?;
/// let unpaid = jobs::sea_orm::Statement::from_string(db.get_database_backend(), "SELECT customer FROM unpaid");
/// for row in transaction.query_all_raw(unpaid).await? {
///     Remind::new(row.try_get::<i64>("", "customer")?).schedule(&transaction).await?;
/// }
/// transaction.commit().await?;
/// # Ok(()) }
/// ```
///
/// On SQLite, no one else can write until the transaction ends, so keep it short. It is rolled back if it is dropped.
///
/// On PostgreSQL, MariaDB and MySQL, an operation in it locks only its own job, queue or schedule until the transaction ends. SeaORM's
/// `begin()` is `REPEATABLE READ` on MariaDB and MySQL, unless the session says otherwise. Deleting rows then also locks the gaps between
/// rows: [`delete`](crate::delete), [`cron::remove`](crate::cron::remove) and [`cron::run_now`](crate::cron::run_now) can hold up messages
/// and ends of other jobs, and firings of other schedules. Also, no operation finds a job or a schedule that was added after the
/// transaction's first read.
pub async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    Ok(store::begin(db).await?)
}
