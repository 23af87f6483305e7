//! What jobs are scheduled on.

use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};

/// What a job can be scheduled on: a connection, or a transaction of the caller's. Everything is that is both of sea-orm's traits, and no
/// type has to implement it.
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
    message = "jobs can't be scheduled on `{Self}`",
    label = "neither a connection nor a transaction",
    note = "where this is a type parameter, write `C: jobs::Connection`; it stands for sea-orm's `ConnectionTrait` and `TransactionTrait`"
)]
pub trait Connection: ConnectionTrait + TransactionTrait<Transaction: Send> {}

impl<C: ConnectionTrait + TransactionTrait<Transaction: Send>> Connection for C {}

/// Whether a call on it is a transaction of its own, which may be repeated. One of the caller's is repeated whole or not at all.
pub(crate) fn is_plain<C: ConnectionTrait>(_: &C) -> bool {
    typeid::of::<C>() == typeid::of::<DatabaseConnection>()
}
