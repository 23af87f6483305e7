//! The pages of the dashboard over a large number of jobs.

use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::response::Response;
use axum::routing::RouterIntoService;
use jobs::web::{Access, service};
use jobs::{Principal, Role};
use tower::ServiceExt as _;

use crate::Result;
use crate::bench::Bench;
use crate::claims::rows;
use crate::database::{Database, Kind};
use crate::figure::{Figure, Goal, Samples, Unit, percentile};
use crate::live;

/// The longest that a page may take, in milliseconds.
const AT_MOST: f64 = 150.0;

/// How many jobs are changed while somebody looks, and how soon that is to be seen, in milliseconds.
const CHANGES: u64 = 100;
const CHANGE_AT_MOST: f64 = 1_000.0;

/// What is asked: what it is called, and the address below the mount.
const PAGES: [(&str, &str); 15] = [
    ("overview", "/overview"),
    ("queues", "/queues"),
    ("workers", "/workers"),
    ("cron", "/cron"),
    ("audit", "/audit"),
    ("all jobs", "/jobs"),
    ("failed jobs", "/jobs?filter=status%3Afailed"),
    ("jobs that wait", "/jobs?filter=status%3Ascheduled"),
    ("jobs of a name in a hundred", "/jobs?filter=name%3AName-7"),
    ("jobs of a name that none has", "/jobs?filter=name%3ANobody"),
    ("jobs of two hours", "/jobs?filter=since%3A2h"),
    ("jobs with a parameter", "/jobs?filter=number%3A77"),
    ("jobs with an error", "/jobs?filter=error%3A%22timed+out%22"),
    ("jobs with an error that none has", "/jobs?filter=error%3Anothing"),
    ("one job", "/job?id=1000"),
];

pub(crate) type Dashboard = RouterIntoService<Body>;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let jobs = bench.arguments.backlog;
    bench.says(format_args!("the dashboard over {jobs} jobs"));
    let database = bench.server.make().await?;
    add(&database, jobs).await?;
    let dashboard = service(database.db.clone(), Access::by(|_| Ok(Principal::new("bench", Role::Admin))));
    let mut figures = Vec::new();
    for (name, address) in PAGES {
        let mut times = Samples::default();
        for _ in 0..bench.arguments.repeats() {
            let asked = Instant::now();
            page(&dashboard, address).await?;
            times.push_millis(asked.elapsed());
        }
        let figure = Figure::new(format!("page of {jobs} jobs: {name}"), Unit::Milliseconds, times);
        figures.push(figure.goal(Goal::AtMost(AT_MOST)));
    }
    let mut times = live::times_to_page(&dashboard, &database.db, CHANGES).await?;
    let mut p95 = Samples::default();
    p95.push_millis(percentile(&mut times, 0.95));
    let figure = Figure::new("a change of a job to its page, p95", Unit::Milliseconds, p95);
    figures.push(figure.goal(Goal::AtMost(CHANGE_AT_MOST)));
    bench.server.remove(database).await?;
    Ok(figures)
}

/// The page at this address, which has to be there.
pub(crate) async fn page(dashboard: &Dashboard, address: &str) -> Result<String> {
    let answer = dashboard.clone().oneshot(Request::get(address).body(Body::empty())?).await?;
    let page = to_bytes(success(answer)?.into_body(), usize::MAX).await?;
    Ok(String::from_utf8(page.into())?)
}

/// An answer that says that it worked.
pub(crate) fn success(answer: Response) -> Result<Response> {
    if answer.status().is_success() { Ok(answer) } else { Err(format!("the dashboard: {answer:?}").into()) }
}

/// Inserts jobs of a week, the newest last: of 100 names in 10 queues, one in 100 waiting, one in 100 failed, the rest done.
async fn add(database: &Database, jobs: u64) -> Result<()> {
    // How many seconds before now the job with the number `n` was made.
    let age = format!("(({jobs} - n) * {}.0 / {jobs})", Duration::from_hours(7 * 24).as_secs());
    let then = match database.kind {
        Kind::Postgres => format!("statement_timestamp() - {age} * interval '1 second'"),
        Kind::Mysql => format!("UTC_TIMESTAMP(6) - INTERVAL {age} SECOND"),
        Kind::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || {age} || ' seconds')"),
    };
    let parameters = "CONCAT('{\"number\":', n % 1000, ',\"text\":\"some text\"}')";
    let parameters =
        if database.kind == Kind::Postgres { format!("CAST({parameters} AS json)") } else { parameters.to_owned() };
    let rows = rows(jobs);
    database
        .execute(&format!(
            "INSERT INTO jobs_job (name, queue, priority, status, attempt, max_attempts, budget, parameters, created_at, scheduled_at,
                                   started_at, finished_at, last_error)
             SELECT CONCAT('Name-', n % 100), CONCAT('queue-', n % 10), 0, status, 1, 5, 5,
                    {parameters}, made, made,
                    CASE status WHEN 0 THEN NULL ELSE made END, CASE status WHEN 0 THEN NULL ELSE made END,
                    CASE status WHEN 3 THEN CONCAT('order ', n, ' timed out') END
             FROM (SELECT n, {then} AS made, CASE WHEN n % 10000 < 100 THEN 0 WHEN n % 10000 < 200 THEN 3 ELSE 4 END AS status
                   FROM ({rows}) AS numbers ORDER BY n) AS jobs"
        ))
        .await?;
    database.settle().await
}
