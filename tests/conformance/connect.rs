//! Connecting: the caller's options are kept, and errors are reported.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobs_tests::{Database, Kind, Proxy, cases, soon};
use sea_orm::sqlx::{Executor as _, pool::PoolOptions};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbBackend, Statement, TransactionTrait as _};
use tracing::instrument::WithSubscriber as _;

use crate::support::common::refused;

cases![
    what_the_caller_sets_up_is_kept,
    connections_that_were_closed_while_idle_fail_no_call if Kind::locks_rows,
    connections_that_are_busy_are_not_asked_whether_they_live if Kind::locks_rows,
    a_closed_port_is_told_soon_and_by_its_cause if Kind::locks_rows,
    a_url_that_can_t_be_read_is_refused_without_its_password if Kind::locks_rows,
    no_password_is_traced if Kind::locks_rows,
    a_database_in_memory_with_slashes_is_refused_with_what_to_write if Kind::can_be_in_memory,
];

/// The text that a query returns.
async fn text(db: &DatabaseConnection, sql: &str) -> String {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// Counts what is done with each connection, besides a statement on each new one.
#[derive(Clone, Default)]
struct Hooks {
    made: Arc<AtomicUsize>,
    pools: Arc<AtomicUsize>,
    acquired: Arc<AtomicUsize>,
}

async fn what_the_caller_sets_up_is_kept(t: Database) {
    let mut options = ConnectOptions::new(t.url());
    let hooks = Hooks::default();
    let (pools, acquired) = (hooks.pools.clone(), hooks.acquired.clone());
    options.max_connections(1).after_connect(move |_| {
        pools.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    });
    let (set, shown) = match t.kind() {
        Kind::Sqlite => ("PRAGMA cache_size = -1234", "SELECT cache_size || '' FROM pragma_cache_size"),
        Kind::Postgres => ("SET jobs_test.hooked = '-1234'", "SELECT current_setting('jobs_test.hooked')"),
        _ => ("SET @hooked = '-1234'", "SELECT CAST(@hooked AS CHAR)"),
    };
    /// On each new connection, a statement that only this program knows of.
    macro_rules! hook {
        ($made:expr) => {{
            let made = $made.clone();
            move |pool: PoolOptions<_>| {
                let made = made.clone();
                pool.after_connect(move |connection, _| {
                    made.fetch_add(1, Ordering::SeqCst);
                    Box::pin(async move { connection.execute(set).await.map(|_| ()) })
                })
            }
        }};
    }
    macro_rules! acquire {
        () => {{
            let acquired = acquired.clone();
            move |_, _| {
                acquired.fetch_add(1, Ordering::SeqCst);
                Box::pin(async { Ok(true) })
            }
        }};
    }
    options
        .map_sqlx_sqlite_pool_opts(hook!(hooks.made))
        .map_sqlx_postgres_pool_opts(hook!(hooks.made))
        .map_sqlx_mysql_pool_opts(hook!(hooks.made))
        .map_sqlx_sqlite_before_acquire(acquire!())
        .map_sqlx_postgres_before_acquire(acquire!())
        .map_sqlx_mysql_before_acquire(acquire!())
        .map_sqlx_sqlite_opts(|options| options.pragma("user_version", "4321"))
        .map_sqlx_postgres_opts(|options| options.application_name("4321"))
        .map_sqlx_mysql_opts(|options| options.timezone(Some("+04:30".into())));
    let db = jobs::connect_with(options).await.unwrap();
    assert_eq!(text(&db, shown).await, "-1234");
    let (shown, set) = match t.kind() {
        Kind::Sqlite => ("SELECT user_version || '' FROM pragma_user_version", "4321"),
        Kind::Postgres => ("SELECT current_setting('application_name')", "4321"),
        _ => ("SELECT @@time_zone", "+04:30"),
    };
    assert_eq!(text(&db, shown).await, set);
    let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
    assert_eq!(count(&hooks.pools), 1);
    assert!(count(&hooks.made) >= 1 && count(&hooks.acquired) >= 1);
    assert_eq!(crate::support::common::total(&t).await, 0);
}

/// Uses each of a pool's connections.
async fn use_all(db: &DatabaseConnection, connections: usize) {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(db.begin().await.unwrap());
    }
    for transaction in open {
        transaction.rollback().await.unwrap();
    }
}

async fn connections_that_were_closed_while_idle_fail_no_call(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    use_all(&db, 5).await;
    proxy.cut();
    // Time matters here: a connection that was used a moment ago is not tested.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for _ in 0..5 {
        jobs::counts(&db, jobs::JobFilter::new()).await.unwrap();
    }
    let own = jobs::list(&db, jobs::JobFilter::new());
    assert!(own.await.unwrap().jobs.is_empty());
}

fn idle_connections(db: &DatabaseConnection) -> usize {
    match db.get_database_backend() {
        DbBackend::Postgres => db.get_postgres_connection_pool().num_idle(),
        _ => db.get_mysql_connection_pool().num_idle(),
    }
}

async fn connections_that_are_busy_are_not_asked_whether_they_live(t: Database) {
    let proxy = Proxy::before(&t).await;
    let pings = async |asked: bool, pause: Duration| {
        let mut options = ConnectOptions::new(proxy.url());
        options.max_connections(1).test_before_acquire(asked);
        let before = proxy.pings();
        let db = jobs::connect_with(options).await.unwrap();
        let mut was_idle = false;
        for _ in 0..4 {
            let used = Instant::now();
            tokio::time::sleep(pause).await;
            text(&db, "SELECT 'prepared'").await;
            was_idle |= used.elapsed() >= Duration::from_secs(1);
        }
        // A connection that returns to the pool is checked in a separate task.
        soon(async {
            while idle_connections(&db) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        (proxy.pings() - before, was_idle)
    };
    let (never_asked, _) = pings(false, Duration::ZERO).await;
    soon(async {
        loop {
            let (asked, was_idle) = pings(true, Duration::ZERO).await;
            // On a busy machine it may not be busy itself.
            if !was_idle {
                return assert_eq!(asked, never_asked);
            }
        }
    })
    .await;
    assert_eq!(pings(true, Duration::from_millis(1100)).await.0, never_asked + 4);
}

/// The URL of a server that does not exist, with a password.
fn nowhere(t: &Database) -> String {
    let scheme = t.url().split_once(':').unwrap().0;
    format!("{scheme}://ada:s3cret@127.0.0.1:1/jobs")
}

async fn a_closed_port_is_told_soon_and_by_its_cause(t: Database) {
    let begin = Instant::now();
    let error = soon(jobs::connect(nowhere(&t))).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
    assert!(error.is_retryable(), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
}

async fn a_url_that_can_t_be_read_is_refused_without_its_password(t: Database) {
    let scheme = t.url().split_once(':').unwrap().0;
    for url in ["ada:s3cret@local host/jobs", "ada:s3cret@localhost:port/jobs", "ada:s3cret#1@localhost/jobs"] {
        let error = jobs::connect(format!("{scheme}://{url}")).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        assert_eq!(refused(Err::<(), _>(error)), "url");
    }
}

/// Everything that is traced, as text.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn no_password_is_traced(t: Database) {
    let traces = Traces::default();
    let writer = traces.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let mut options = ConnectOptions::new(nowhere(&t));
    options.connect_lazy(true);
    async {
        tracing::trace!("traces are kept");
        jobs::connect_with(options).await.unwrap();
        jobs::connect(t.url()).await.unwrap();
    }
    .with_subscriber(subscriber)
    .await;
    let text = String::from_utf8(traces.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("traces are kept") && !text.contains("s3cret"), "{text}");
    assert!(!text.contains(t.url()), "{text}");
}

async fn a_database_in_memory_with_slashes_is_refused_with_what_to_write(_: Database) {
    for url in ["sqlite://:memory:", "sqlite://:memory:?cache=shared"] {
        let error = jobs::connect(url).await.unwrap_err();
        assert!(error.to_string().contains("`sqlite::memory:`"), "{error}");
    }
    jobs::connect("sqlite::memory:").await.unwrap();
}
