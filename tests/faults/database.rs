//! The database itself: its server crashes, its sessions begin in an unusual way, others hold its rows.

use std::time::Duration;

use jobs::sea_orm::{ConnectionTrait as _, DatabaseConnection, TransactionTrait as _};
use jobs_tests::{Database, Kind, cases};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::support::fleet::Fleet;
use crate::support::load::executed;
use crate::support::scenario::Scenario;
use crate::support::server::{self, Server};

cases![
    a_server_that_crashes_loses_nothing if server::is_installed,
    a_row_that_others_hold_holds_up_nobody_else if Kind::locks_rows,
];

/// How soon jobs are executed again when the server accepts connections again.
const RESUMED: Duration = Duration::from_secs(15);

/// How long another client holds a row, and how soon other jobs end in the meantime.
const HELD: Duration = Duration::from_secs(30);
const NOT_HELD_UP: Duration = Duration::from_secs(20);

async fn a_server_that_crashes_loses_nothing(t: Database) {
    let server = &Mutex::new(Server::start(t.kind()).await);
    let url = server.lock().await.url();
    let t = Database::on(t.kind(), &url).await.unwrap();
    let fleet = Fleet::start(&t, 3).await;
    let crash = async |fleet: &mut Fleet, random: &mut fastrand::Rng| {
        tokio::time::sleep(Duration::from_millis(random.u64(500..2_000))).await;
        server.lock().await.restart().await;
        let begin = Instant::now();
        until_it_answers(t.db()).await;
        executed(&t).await;
        if begin.elapsed() > RESUMED {
            fleet.surprises.push(format!("jobs were executed again {:?} after the server was back", begin.elapsed()));
        }
    };
    Scenario { name: "crashes of the server", rounds: 5, in_an_hour: 50, jobs_a_round: 200 }
        .run(&t, fleet, crash)
        .await;
}

/// Each connection of a pool notices by itself that its session is gone.
async fn until_it_answers(db: &DatabaseConnection) {
    let mut answers = 0;
    while answers < 20 {
        let is_answered = db.execute_unprepared("SELECT 1").await.is_ok();
        answers = if is_answered { answers + 1 } else { 0 };
    }
}

/// And sessions begin with the isolation that a server's default may be.
async fn a_row_that_others_hold_holds_up_nobody_else(t: Database) {
    let mut fleet = Fleet::new(&t);
    if t.kind() == Kind::Postgres {
        fleet.setup.url += "&options=-c%20default_transaction_isolation%3Drepeatable%5C%20read";
    }
    fleet.add_all(3).await;
    let hold = async |fleet: &mut Fleet, _: &mut fastrand::Rng| {
        let held = running(&t).await;
        let transaction = t.db().begin().await.unwrap();
        let lock = format!("SELECT id FROM jobs_job WHERE id = {held} FOR UPDATE");
        transaction.execute_unprepared(&lock).await.unwrap();
        let begin = Instant::now();
        while begin.elapsed() < HELD {
            let took = executed(&t).await;
            if took > NOT_HELD_UP {
                fleet.surprises.push(format!("a job took {took:?} while somebody held another's row"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        transaction.rollback().await.unwrap();
    };
    Scenario { name: "rows held by others", rounds: 1, in_an_hour: 4, jobs_a_round: 500 }.run(&t, fleet, hold).await;
}

/// A job that runs, or did a moment ago.
async fn running(t: &Database) -> i64 {
    loop {
        match t.number("SELECT coalesce(max(id), 0) FROM jobs_job WHERE status = 1 AND name = 'Long'").await {
            0 => tokio::time::sleep(Duration::from_millis(5)).await,
            id => return id,
        }
    }
}
