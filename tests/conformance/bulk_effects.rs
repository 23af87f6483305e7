//! Acting on many jobs has the same effects as acting on each of them.

use jobs::prelude::*;
use jobs::{Bulk, BulkSummary, Error, JobFilter};
use jobs_tests::{Database, Kind, cases};
use sea_orm::{FromQueryResult as _, JsonValue, Statement};
use serde_json::Value;

cases![
    cancel_does_to_many_what_it_does_to_one,
    retry_does_to_many_what_it_does_to_one,
    delete_does_to_many_what_it_does_to_one,
    run_now_does_to_many_what_it_does_to_one,
];

/// Replaces all rows by random jobs in all statuses, with and without keys, messages and attempts: the same ones for the same seed.
async fn write_rows(t: &Database, seed: u64) {
    for table in ["jobs_job", "jobs_message", "jobs_attempt", "jobs_unique"] {
        t.execute(&format!("DELETE FROM {table}")).await;
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let (past, future) = match t.kind() {
        Kind::Sqlite => ("'2001-02-03T04:05:06.000Z'", "'2999-01-01T00:00:00.000Z'"),
        _ => ("'2001-02-03 04:05:06'", "'2999-01-01 00:00:00'"),
    };
    for id in 1..=60 {
        let status = random.i16(0..5);
        let mut maybe = |text: &str| if random.bool() { text.to_owned() } else { "NULL".to_owned() };
        let started = if status == 0 { "NULL".to_owned() } else { maybe(past) };
        let finished = if status < 2 { "NULL" } else { past };
        let (results, error, asked, worker) = (maybe("'{\"a\": 1.50}'"), maybe("'it failed'"), maybe(past), maybe("7"));
        let scheduled = if maybe("x") == "x" { past } else { future };
        let (has_key, key) = (maybe("x") == "x", random.u8(0..12));
        let (unique_key, unique_while) =
            if has_key { (format!("'key {key}'"), random.i16(0..2) * 2 + 1) } else { ("NULL".to_owned(), 0) };
        let (attempt, budget, version) = (random.u8(0..9), random.u8(1..9), random.u8(0..99));
        let queue = random.u8(0..3);
        t.execute(&format!(
            "INSERT INTO jobs_job (id, name, queue, priority, status, version, attempt, max_attempts, budget, parameters, results, \
             progress, created_at, scheduled_at, started_at, finished_at, worker_id, cancel_requested_at, last_error, \
             unique_key, unique_while) \
             VALUES ({id}, 'Add', 'q{queue}', 3, {status}, {version}, {attempt}, {budget} + 2, {budget}, '{{\"a\": 1}}', {results}, \
             40, {past}, {scheduled}, {started}, {finished}, {worker}, {asked}, {error}, {unique_key}, {unique_while})"
        ))
        .await;
        for number in 0..random.u8(0..3) {
            t.execute(&format!(
                "INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text) \
                 VALUES ({id}, 1, 1, {number}, 0, {past}, 'text')"
            ))
            .await;
            t.execute(&format!(
                "INSERT INTO jobs_attempt (job_id, attempt, version, worker, ended_at, how, error) \
                 VALUES ({id}, {number}, 1, 'w', {past}, 'error', 'text')"
            ))
            .await;
        }
        // Whether the job has its key, and until when: an open one comes first, because only it can hold the key.
        if has_key && (status < 2 || random.u8(0..3) > 0) {
            let until = if random.u8(0..3) == 0 { future } else { "NULL" };
            if status < 2 {
                t.execute(&format!("DELETE FROM jobs_unique WHERE unique_key = {unique_key}")).await;
            }
            let row = format!(
                "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at) VALUES ({unique_key}, {id}, 0, {until})"
            );
            let _ = t.try_execute(&row).await;
        }
    }
}

/// All rows of all tables that a verb may change, as JSON; times of this year are `now`.
async fn rows(t: &Database) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, order) in [
        ("jobs_job", "id"),
        ("jobs_message", "job_id, version, number"),
        ("jobs_attempt", "job_id, attempt"),
        ("jobs_unique", "unique_key"),
    ] {
        let select =
            Statement::from_string(t.db().get_database_backend(), format!("SELECT * FROM {table} ORDER BY {order}"));
        for mut row in JsonValue::find_by_statement(select).all(t.db()).await.unwrap() {
            for value in row.as_object_mut().unwrap().values_mut() {
                let is_now = value
                    .as_str()
                    .is_some_and(|text| text.starts_with("20") && text.contains(':') && !text.starts_with("2001"));
                if is_now {
                    *value = Value::from("now");
                }
            }
            rows.push(format!("{table} {row}"));
        }
    }
    rows
}

/// Asserts that a verb does to many jobs what it does to one after the other, in the order of their ids.
async fn assert_same(
    t: &Database,
    statuses: &[JobStatus],
    many: impl AsyncFn(&Bulk, &Database) -> BulkSummary,
    one: impl AsyncFn(&Database, JobId) -> Result<(), Error>,
) {
    let filter = statuses.iter().fold(JobFilter::new(), |filter, status| filter.status(*status));
    for seed in 0..5 {
        write_rows(t, seed).await;
        let before = rows(t).await;
        let counted = jobs::bulk(t.db(), filter.clone()).await.unwrap();
        let summary = many(&counted, t).await;
        let many = rows(t).await;
        write_rows(t, seed).await;
        assert_eq!(before, rows(t).await);
        let mut refused = 0;
        for id in t.numbers("SELECT id FROM jobs_job ORDER BY id").await {
            let id = JobId::from(id);
            if statuses.contains(&jobs::status(t.db(), id).await.unwrap()) {
                match one(t, id).await {
                    Ok(()) => {}
                    Err(Error::Duplicate { .. }) => refused += 1,
                    Err(error) => panic!("job {id}: {error}"),
                }
            }
        }
        let each = rows(t).await;
        let differing: Vec<_> = many.iter().zip(&each).filter(|(one, other)| one != other).collect();
        assert!(many == each, "seed {seed}: {differing:#?}");
        assert_ne!(many, before, "seed {seed}");
        assert_eq!((summary.total(), summary.duplicates), (counted.counts().total(), refused), "{summary:?}");
        assert_eq!((summary.changed, summary.locked), (0, 0), "{summary:?}");
    }
}

async fn cancel_does_to_many_what_it_does_to_one(t: Database) {
    let open = [JobStatus::Scheduled, JobStatus::Running];
    let many = async |jobs: &Bulk, t: &Database| jobs.cancel(t.db()).await.unwrap();
    assert_same(&t, &open, many, async |t, id| jobs::cancel(t.db(), id).await.map(drop)).await;
}

async fn retry_does_to_many_what_it_does_to_one(t: Database) {
    let closed = [JobStatus::Canceled, JobStatus::Failed, JobStatus::Terminated];
    let many = async |jobs: &Bulk, t: &Database| jobs.retry(t.db()).await.unwrap();
    assert_same(&t, &closed, many, async |t, id| jobs::retry(t.db(), id).await).await;
}

async fn delete_does_to_many_what_it_does_to_one(t: Database) {
    let closed = [JobStatus::Canceled, JobStatus::Failed];
    let many = async |jobs: &Bulk, t: &Database| jobs.delete(t.db()).await.unwrap();
    assert_same(&t, &closed, many, async |t, id| jobs::delete(t.db(), id).await).await;
}

async fn run_now_does_to_many_what_it_does_to_one(t: Database) {
    let many = async |jobs: &Bulk, t: &Database| jobs.run_now(t.db()).await.unwrap();
    assert_same(&t, &[JobStatus::Scheduled], many, async |t, id| jobs::run_now(t.db(), id).await).await;
}
