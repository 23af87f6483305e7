//! A test's own user, on the database's server.

use std::sync::{Mutex, PoisonError};

use sea_orm::DbErr;

use crate::{Database, Kind};

/// The users that were created, each for its database. They are dropped with it, even if the case panics.
static MADE: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// A user without a password, with no more rights than it is granted.
pub struct Account<'t> {
    t: &'t Database,
    name: String,
    url: String,
}

impl<'t> Account<'t> {
    /// Creates a user that can see the database, with any number of connections.
    pub async fn new(t: &'t Database) -> Self {
        Self::make(t, None).await
    }

    /// Creates a user with every right on the database, and with at most this many connections.
    pub async fn with_connections(t: &'t Database, connections: u32) -> Self {
        let account = Self::make(t, Some(connections)).await;
        let database = t.name();
        if t.kind() == Kind::Postgres {
            account.grant("ALL", &format!("SCHEMA {database}")).await;
            account.grant("ALL", &format!("ALL TABLES IN SCHEMA {database}")).await;
            account.grant("ALL", &format!("ALL SEQUENCES IN SCHEMA {database}")).await;
        } else {
            account.grant("ALL", &format!("{database}.*")).await;
        }
        account
    }

    async fn make(t: &'t Database, connections: Option<u32>) -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("{}_{number}", t.name().replace("jobs_test", "jt"));
        let (scheme, place) = t.url().split_once("://").expect("a server's URL");
        let place = place.split_once('@').map_or(place, |(_, place)| place);
        let account = Self { t, url: format!("{scheme}://{name}@{place}"), name };
        let limit = connections.map(|connections| match t.kind() {
            Kind::Postgres => format!("CONNECTION LIMIT {connections}"),
            _ => format!("WITH MAX_USER_CONNECTIONS {connections}"),
        });
        let (name, limit) = (&account.name, limit.unwrap_or_default());
        MADE.lock().unwrap_or_else(PoisonError::into_inner).push((t.name().to_owned(), name.clone()));
        if t.kind() == Kind::Postgres {
            t.execute(&format!("CREATE ROLE {name} LOGIN {limit}")).await;
            account.grant("USAGE", &format!("SCHEMA {}", t.name())).await;
        } else {
            for host in ["'%'", "localhost"] {
                t.execute(&format!("CREATE USER {name}@{host} {limit}")).await;
            }
        }
        account
    }

    /// The name of the user on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the database for this user.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Grants the user these rights.
    pub async fn grant(&self, rights: &str, on: &str) {
        let name = &self.name;
        if self.t.kind() == Kind::Postgres {
            self.t.execute(&format!("GRANT {rights} ON {on} TO {name}")).await;
        } else {
            self.t.execute(&format!("GRANT {rights} ON {on} TO {name}@'%', {name}@localhost")).await;
        }
    }

    /// Refuses new connections of the user, and ends the existing ones.
    pub async fn lock_out(&self) {
        let (t, name) = (self.t, &self.name);
        let (lock, sessions, kill): (_, _, fn(i64) -> String) = match t.kind() {
            Kind::Postgres => (
                format!("ALTER ROLE {name} NOLOGIN"),
                format!("SELECT CAST(pid AS BIGINT) FROM pg_stat_activity WHERE usename = '{name}'"),
                |session| format!("SELECT pg_terminate_backend({session})"),
            ),
            _ => (
                format!("ALTER USER {name}@'%', {name}@localhost ACCOUNT LOCK"),
                format!("SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE USER = '{name}'"),
                |session| format!("KILL {session}"),
            ),
        };
        t.execute(&lock).await;
        for session in t.numbers(&sessions).await {
            // It may have ended by itself.
            let _ = t.try_execute(&kill(session)).await;
        }
    }

    /// Drops the users that were created for this database.
    pub(crate) async fn drop_all(kind: Kind, database: &str) -> Result<(), DbErr> {
        for name in made_for(database) {
            let drops = match kind {
                Kind::Postgres => [format!("DROP OWNED BY {name}"), format!("DROP ROLE {name}")],
                _ => [format!("DROP USER IF EXISTS {name}@'%'"), format!("DROP USER IF EXISTS {name}@localhost")],
            };
            for drop in drops {
                Database::on_its_server(kind, &drop).await?;
            }
        }
        Ok(())
    }
}

/// Takes the names of the users that were created for this database.
fn made_for(database: &str) -> Vec<String> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.extract_if(.., |(of, _)| of == database).map(|(_, name)| name).collect()
}
