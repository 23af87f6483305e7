//! A user of a test's own, on the database's server.

use crate::{Database, Kind};

/// A user without a password that may do no more than it is granted.
pub struct Account<'t> {
    t: &'t Database,
    name: String,
    url: String,
}

impl<'t> Account<'t> {
    /// One that can see the database, with as many connections as it likes.
    pub async fn new(t: &'t Database) -> Self {
        Self::make(t, None).await
    }

    /// One with every right on the database, that may have so many connections.
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

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the database is, for this user.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets it do this.
    pub async fn grant(&self, rights: &str, on: &str) {
        let name = &self.name;
        if self.t.kind() == Kind::Postgres {
            self.t.execute(&format!("GRANT {rights} ON {on} TO {name}")).await;
        } else {
            self.t.execute(&format!("GRANT {rights} ON {on} TO {name}@'%', {name}@localhost")).await;
        }
    }

    /// Removes it.
    pub async fn drop(self) {
        let name = self.name;
        let drops = match self.t.kind() {
            Kind::Postgres => [format!("DROP OWNED BY {name}"), format!("DROP ROLE {name}")],
            _ => [format!("DROP USER {name}@'%'"), format!("DROP USER {name}@localhost")],
        };
        for drop in drops {
            self.t.execute(&drop).await;
        }
    }
}
