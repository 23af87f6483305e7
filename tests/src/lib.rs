//! The basis of all tests: separate databases, and a harness that runs each case on each of them.

mod account;
mod by_name;
mod case;
mod database;
mod gate;
mod proxy;
mod running;

pub use account::Account;
pub use by_name::{schedule_by_name, schedule_by_name_with};
pub use case::{Case, main, main_with};
pub use database::{Database, Kind};
pub use gate::Gate;
pub use proxy::Proxy;
pub use running::Running;

/// How long a test waits for what must happen: long enough for a busy machine, short enough to fail in the end.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_mins(3);

/// Waits for what must happen; panics if it does not.
///
/// # Panics
///
/// If it does not happen within [`PATIENCE`].
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("what must happen did not, within the patience of the tests")
}
