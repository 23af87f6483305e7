//! Who has called the command line.

use sea_orm::DatabaseConnection;

use crate::{Principal, Role, Session};

/// The longest name of a principal.
const MAX_NAME_CHARACTERS: usize = 200;

/// A session of the system's user, who may do everything: they can reach the database.
pub(super) fn session(db: &DatabaseConnection) -> Session {
    crate::acting_as(db, principal(Role::Admin))
}

/// The system's user on this machine, in this role.
pub(super) fn principal(role: Role) -> Principal {
    let name = format!("{}@{}", user(), gethostname::gethostname().to_string_lossy());
    Principal::new(name.chars().take(MAX_NAME_CHARACTERS).collect::<String>(), role)
}

/// The name of the user; in a container, its number often has none.
fn user() -> String {
    let from_environment = || ["LOGNAME", "USER"].into_iter().find_map(|name| named(&std::env::var(name).ok()?));
    whoami::username().ok().and_then(|name| named(&name)).or_else(from_environment).unwrap_or_else(number)
}

/// A name that the audit can store.
fn named(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty() && !name.contains(char::is_control)).then(|| name.to_owned())
}

/// The number of the user, as the owner of the process.
#[cfg(target_os = "linux")]
fn number() -> String {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or_else(|_| "unknown".to_owned(), |process| format!("uid {}", process.uid()))
}

#[cfg(not(target_os = "linux"))]
fn number() -> String {
    "unknown".to_owned()
}
