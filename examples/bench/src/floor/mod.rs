//! The floor: what the database does with raw statements that write the same kind of row into the same table. Held
//! connections, constant statements that are prepared once, and nothing else.

mod mysql;
mod postgres;
mod sea_orm;
mod sqlite;
pub(crate) mod unique;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jobs::sea_orm::DatabaseConnection;
use jobs::sea_orm::sqlx::{MySqlConnection, PgConnection, SqliteConnection};
use tokio::task::JoinSet;

use crate::Result;
use crate::database::{Database, Kind};
use crate::job::Noop;

/// The worker that claims: any id that no worker has.
const OWNER: i64 = 1_000_000_000;

/// The PostgreSQL channel on which an insert notifies listeners to this database.
pub(crate) fn channel(database: &Database) -> String {
    format!("{}_wake", database.name)
}

/// A connection to the database.
pub(crate) enum Connection {
    Postgres(PgConnection),
    Mysql(MySqlConnection),
    Sqlite(SqliteConnection),
    /// The same statements, through the pool of sea-orm.
    SeaOrm(DatabaseConnection),
}

/// The columns that a worker needs to execute a job and to finish it.
#[expect(dead_code, reason = "read from the database, as a worker has to")]
pub(crate) struct Claimed {
    id: i64,
    version: i64,
    name: String,
    attempt: i32,
    parameters: String,
}

impl Connection {
    pub(crate) async fn open(database: &Database) -> Result<Self> {
        Ok(match database.kind {
            Kind::Postgres => Self::Postgres(postgres::open(&database.url).await?),
            Kind::Mysql => Self::Mysql(mysql::open(&database.url).await?),
            Kind::Sqlite => Self::Sqlite(sqlite::open(&database.url).await?),
        })
    }

    /// Opens this many connections.
    pub(crate) async fn open_all(database: &Database, number: usize) -> Result<Vec<Self>> {
        let mut connections = Vec::new();
        for _ in 0..number {
            connections.push(Self::open(database).await?);
        }
        Ok(connections)
    }

    /// Claims the first due jobs.
    pub(crate) async fn claim(&mut self, most: i64) -> Result<Vec<Claimed>> {
        match self {
            Self::Postgres(connection) => postgres::claim(connection, most).await,
            Self::Mysql(connection) => mysql::claim(connection, most).await,
            Self::Sqlite(connection) => sqlite::claim(connection, most).await,
            Self::SeaOrm(db) => sea_orm::claim(db, most).await,
        }
    }

    /// Writes that the jobs succeeded, and keeps those that another connection's claim has just read and still locks.
    pub(crate) async fn finish(&mut self, jobs: &mut Vec<Claimed>) -> Result<()> {
        let finished = match self {
            Self::Postgres(connection) => postgres::finish(connection, jobs).await?,
            Self::Mysql(connection) => mysql::finish(connection, jobs).await?,
            Self::Sqlite(connection) => sqlite::finish(connection, jobs).await?,
            Self::SeaOrm(db) => sea_orm::finish(db, jobs).await?,
        };
        if finished.len() == jobs.len() {
            jobs.clear();
        } else {
            let finished: HashSet<_> = finished.into_iter().collect();
            jobs.retain(|job| !finished.contains(&job.id));
        }
        Ok(())
    }

    /// Inserts a job, returns its id, and on PostgreSQL notifies this channel.
    pub(crate) async fn insert(&mut self, job: &Noop, notify: Option<&str>) -> Result<i64> {
        let parameters = serde_json::to_string(job)?;
        match self {
            Self::Postgres(connection) => postgres::insert(connection, parameters, notify).await,
            Self::Mysql(connection) => mysql::insert(connection, parameters).await,
            Self::Sqlite(connection) => sqlite::insert(connection, parameters).await,
            Self::SeaOrm(db) => sea_orm::insert(db, parameters).await,
        }
    }

    /// Inserts many jobs, all or none.
    pub(crate) async fn insert_all(&mut self, jobs: &[Noop]) -> Result<Vec<i64>> {
        let parameters: Vec<_> = jobs.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        match self {
            Self::Postgres(connection) => postgres::insert_all(connection, parameters).await,
            Self::Mysql(connection) => mysql::insert_all(connection, &parameters).await,
            Self::Sqlite(connection) => sqlite::insert_all(connection, &parameters).await,
            Self::SeaOrm(_) => Err("not measured through sea-orm".into()),
        }
    }
}

/// Claims and finishes until nothing is due, on all these connections, in batches of this size.
pub(crate) async fn drain(connections: Vec<Connection>, batch: i64) -> Result<Duration> {
    let begin = Instant::now();
    let mut tasks: JoinSet<_> = connections.into_iter().map(|connection| drain_one(connection, batch)).collect();
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(begin.elapsed())
}

async fn drain_one(mut connection: Connection, batch: i64) -> Result<()> {
    let mut claimed = Vec::new();
    loop {
        claimed.extend(connection.claim(batch).await?);
        if claimed.is_empty() {
            return Ok(());
        }
        connection.finish(&mut claimed).await?;
    }
}

/// The ids and versions as one JSON document.
fn json(jobs: &[Claimed]) -> Result<String> {
    let pairs: Vec<_> = jobs.iter().map(|job| (job.id, job.version)).collect();
    Ok(serde_json::to_string(&pairs)?)
}
