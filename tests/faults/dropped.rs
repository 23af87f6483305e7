//! Futures that are dropped wherever they happen to be: jobs whose time is over or whose worker stops, and clients that give up.

use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, TransactionTrait as _};
use jobs_tests::{Database, Kind, Running, cases, soon};

use crate::support::check;
use crate::support::load::{self, Short};
use crate::support::options::Options;
use crate::support::scenario::until_none;

cases![futures_that_are_dropped_anywhere_leave_no_transaction_open];

/// How many connections the program has; jobs use up all of them.
const CONNECTIONS: usize = 10;

/// Begins transactions until it is stopped, and commits none.
#[derive(Job, Debug)]
#[job(queue = "dropped", max_attempts = 1)]
#[job_params]
struct BeginAgain;

impl Execute for BeginAgain {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        loop {
            let transaction = job.db().begin().await?;
            let insert = format!("INSERT INTO fault_effect (job_id, attempt) VALUES ({}, 1)", job.id());
            transaction.execute_unprepared(&insert).await?;
            if job.id().get() % 2 == 0 {
                transaction.rollback().await?;
            }
        }
    }
}

async fn futures_that_are_dropped_anywhere_leave_no_transaction_open(t: Database) {
    load::prepare(&t).await;
    t.execute("CREATE TABLE fault_kept (id BIGINT NOT NULL)").await;
    let db = jobs::connect(&check::named(&t)).await.unwrap();
    let options = Options::get();
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut kept = 0;
    for _ in 0..options.rounds(5, 50) {
        drop_jobs(&db, &mut random, 100).await;
        drop_clients(&db, &mut random, 20).await;
        // If a transaction was left open on a connection, this becomes part of it, and is rolled back with it.
        for _ in 0..CONNECTIONS {
            db.execute_unprepared(&format!("INSERT INTO fault_kept (id) VALUES ({kept})")).await.unwrap();
            kept += 1;
        }
    }
    assert_no_transaction_is_open(&t, &db).await;
    db.close().await.unwrap();
    assert_eq!(t.number("SELECT count(*) FROM fault_effect").await, 0, "what was never committed is there");
    assert_eq!(t.number("SELECT count(*) FROM fault_kept").await, kept, "what was written is not there");
}

/// Jobs that are stopped within a few milliseconds, by their timeouts or because their worker is told to stop.
async fn drop_jobs(db: &DatabaseConnection, random: &mut fastrand::Rng, jobs: usize) {
    let stopped = (0..jobs)
        .map(|_| BeginAgain::new().with_options(JobOptions::new().timeout(Duration::from_millis(random.u64(1..20)))));
    let last = jobs::schedule_all(db, stopped).await.unwrap().pop().expect("some");
    let worker = Running::start(
        Worker::new(db.clone())
            .queue("dropped", CONNECTIONS * 2)
            .cancel_grace(Duration::from_millis(1))
            .shutdown_grace(Duration::ZERO),
    );
    // An error is the expected end: it ran out of time.
    let _ = soon(last.wait(db)).await;
    worker.stop().await;
}

/// Clients that give up at any moment.
async fn drop_clients(db: &DatabaseConnection, random: &mut fastrand::Rng, clients: usize) {
    for _ in 0..clients {
        let schedule = async {
            Short::new().schedule(db).queue("nobody's").await?;
            jobs::schedule_all(db, (0..20).map(|_| Short::new().with_options(JobOptions::new().queue("nobody's"))))
                .await?;
            let transaction = db.begin().await?;
            Short::new().schedule(&transaction).queue("nobody's").await?;
            transaction.rollback().await?;
            Ok::<_, jobs::Error>(())
        };
        if let Ok(ended) = tokio::time::timeout(Duration::from_micros(random.u64(0..10_000)), schedule).await {
            ended.unwrap();
        }
    }
}

async fn assert_no_transaction_is_open(t: &Database, db: &DatabaseConnection) {
    let begun: Result<Vec<_>, DbErr> = soon(async {
        let mut begun = Vec::new();
        for _ in 0..CONNECTIONS {
            let transaction = db.begin().await?;
            transaction.execute_unprepared("SELECT 1").await?;
            begun.push(transaction);
        }
        Ok(begun)
    })
    .await;
    for transaction in begun.expect("no connection is inside a transaction") {
        transaction.rollback().await.unwrap();
    }
    if t.kind() != Kind::Sqlite {
        let open = check::open_transactions(t);
        until_none(t, &open, jobs_tests::PATIENCE).await;
        assert_eq!(t.number(&open).await, 0, "transactions are open");
    }
}
