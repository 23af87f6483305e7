//! A database in which each stored text is an attack.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jobs::cron::{self, Cron};
use jobs::{JobFilter, JobId, JobOptions, NamedJob};
use jobs_tests::{Database, Kind};
use sea_orm::{ConnectionTrait as _, Statement, Value};
use serde_json::json;

use super::attack::{self, Field, text};
use crate::pages::Subjects;

/// The statuses of the jobs, one after the other: their numbers in the table, and what the pages call them.
const STATUSES: [(i32, &str); 4] = [(0, "waiting"), (1, "running"), (3, "failed"), (4, "succeeded")];

/// As SQLite has it here.
const SOME_TIME: &str = "2026-11-28T12:00:00.000Z";

/// The database, and what its pages can be about: those of each attack.
pub(crate) async fn database() -> (Database, Vec<Subjects>) {
    let t = Database::new(Kind::Sqlite).await.unwrap();
    let mut subjects = Vec::new();
    for number in 0..attack::COUNT {
        subjects.push(store(&t, number).await);
    }
    (t, subjects)
}

/// Stores one attack wherever there is a place for it.
async fn store(t: &Database, number: usize) -> Subjects {
    let of = |field| text(number, field);
    let options = JobOptions::new().queue(of(Field::Queue)).delay(Duration::from_hours(1));
    let options = options.user(of(Field::User)).session(of(Field::Session)).event(of(Field::Event));
    let parameters = json!({ of(Field::ParameterName): of(Field::ParameterValue) });
    let job = NamedJob::new(of(Field::Name), parameters).with_options(options).schedule(t.db()).await.unwrap().id();
    let scheduled = NamedJob::new(of(Field::ScheduledJob), json!({}));
    cron::add(t.db(), &of(Field::Schedule), Cron::new("0 3 * * *"), scheduled).await.unwrap();
    let (status, called) = STATUSES[number % STATUSES.len()];
    execute_a_job(t, job, number, status).await;
    let parameters = json!({ "file": of(Field::FormValue), "width": 640, of(Field::ParameterName): 1 });
    let again = NamedJob::new("ResizeImage", parameters).schedule(t.db()).delay(Duration::from_hours(1)).await;
    let again = again.unwrap().id();
    let filter = JobFilter::new().queue(of(Field::Queue)).to_string();
    let filters: &[_] = match called {
        "waiting" => &["filter-of-open", "filter-of-waiting"],
        "running" => &["filter-of-open"],
        "failed" => &["filter-of-closed", "filter-of-failed"],
        _ => &["filter-of-closed"],
    };
    let mut subjects = BTreeMap::from([
        (called, job.to_string()),
        ("again", again.to_string()),
        ("waiting-parameter", of(Field::ParameterName)),
        ("with-values", job.to_string()),
        ("parameter", of(Field::ParameterName)),
        ("result", of(Field::ResultName)),
        ("schedule", of(Field::Schedule)),
        ("queue", of(Field::ServedQueue)),
    ]);
    subjects.extend(filters.iter().map(|name| (*name, filter.clone())));
    subjects
}

/// Has the jobs of these attacks failed now, and no other.
pub(crate) async fn fail_now(t: &Database, numbers: Range<usize>) {
    t.execute("UPDATE jobs_job SET status = 3, finished_at = '2000-01-01T00:00:00.000Z'").await;
    let now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    for number in numbers {
        let name = text(number, Field::Name).replace('\'', "''");
        t.execute(&format!("UPDATE jobs_job SET finished_at = {now} WHERE name = '{name}'")).await;
    }
}

/// Writes what workers and operators write about a job.
async fn execute_a_job(t: &Database, job: JobId, number: usize, status: i32) {
    let of = |field| Value::from(text(number, field));
    let now = || Value::from(SOME_TIME);
    let id = || Value::from(job.get());
    let results = json!({ text(number, Field::ResultName): text(number, Field::ResultValue) }).to_string();
    let serves =
        json!({ "queues": [text(number, Field::ServedQueue)], "names": [text(number, Field::ServedName)] }).to_string();
    let changed = json!([text(number, Field::Changed)]).to_string();
    for (sql, values) in [
        (
            "UPDATE jobs_job SET status = ?1, results = ?2, last_error = ?3, attempt = 1, version = 2, \
             started_at = IIF(?1 > 0, ?4, NULL), finished_at = IIF(?1 > 1, ?4, NULL) WHERE id = ?5",
            vec![Value::from(status), Value::from(results), of(Field::LastError), now(), id()],
        ),
        (
            "INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text) VALUES (?1, 1, 1, 1, 1, ?2, ?3)",
            vec![id(), now(), of(Field::Message)],
        ),
        (
            "INSERT INTO jobs_attempt (job_id, attempt, version, worker, started_at, ended_at, how, error) \
             VALUES (?1, 1, 1, ?2, ?3, ?3, 'error', ?4)",
            vec![id(), of(Field::AttemptWorker), now(), of(Field::AttemptError)],
        ),
        (
            "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves) \
             VALUES (?1, ?2, 1, ?3, ?3, '2100-01-01T00:00:00.000Z', ?4)",
            vec![of(Field::Worker), of(Field::Host), now(), Value::from(serves)],
        ),
        (
            "INSERT INTO jobs_queue (name, paused_at, paused_by, pause_reason) VALUES (?1, ?2, ?3, ?4)",
            vec![of(Field::ServedQueue), now(), of(Field::PausedBy), of(Field::PauseReason)],
        ),
        (
            "INSERT INTO jobs_audit (at, principal, origin, action, job_id, subject, changed) \
             VALUES (?1, ?2, ?3, 'cancel', ?4, ?5, ?6)",
            vec![now(), of(Field::Principal), of(Field::Origin), id(), of(Field::Subject), Value::from(changed)],
        ),
        (
            "INSERT INTO jobs_cron_firing (schedule, nominal_at, job_id, fired_at) VALUES (?1, ?2, ?3, ?2)",
            vec![of(Field::Schedule), now(), id()],
        ),
    ] {
        let statement = Statement::from_sql_and_values(t.db().get_database_backend(), sql, values);
        t.db().execute_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}
