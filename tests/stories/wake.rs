//! How fast a process learns what another one does.

use std::time::{Duration, Instant};

use jobs::{AttemptEnd, Cancellation};
use jobs_tests::{Database, Kind, cases, soon};
use story_jobs::{Hold, Wait, started};

use crate::support::process::Process;
use crate::support::setup::Setup;
use crate::support::tables::{joined, until};

cases![
    a_job_wakes_a_sleeping_worker_in_another_process,
    a_cancel_reaches_a_running_job_in_another_process,
    a_worker_that_may_not_listen_polls,
];

/// Polls come after 50 ms, 100 ms, … each pause twice as long: between 6.4 and 12.7 seconds there is none.
const NO_POLL_SOON: Duration = Duration::from_millis(6500);

async fn a_job_wakes_a_sleeping_worker_in_another_process(t: Database) {
    let wakes = t.kind() == Kind::Postgres;
    let poll_interval = wakes.then_some(Duration::from_mins(1));
    let worker = Process::start(&Setup { poll_interval, ..Setup::steady(&t, "sleeper") });
    joined(&t, "sleeper").await;
    if wakes {
        until(&t, "SELECT count(*) FROM jobs_worker WHERE asleep IS NOT NULL", 1).await;
        tokio::time::sleep(NO_POLL_SOON).await;
    }
    let job = Hold::new().schedule(t.db()).await.unwrap();
    let since = Instant::now();
    worker.says(&started(job.id(), 1)).await;
    let took = since.elapsed();
    // Without wake-ups, it polls each second.
    assert!(took < Duration::from_secs(if wakes { 5 } else { 20 }), "{took:?}");
}

async fn a_cancel_reaches_a_running_job_in_another_process(t: Database) {
    let steady = Setup::steady(&t, "worker");
    let wakes = t.kind() == Kind::Postgres;
    let heartbeat = if wakes { Duration::from_mins(1) } else { Duration::from_millis(500) };
    let worker = Process::start(&Setup { heartbeat, lease: Duration::from_mins(3), ..steady });
    let job = Wait::new().schedule(t.db()).await.unwrap();
    worker.says(&started(job.id(), 1)).await;
    let since = Instant::now();
    assert_eq!(job.cancel(t.db()).await.unwrap(), Cancellation::Requested);
    until(&t, "SELECT count(*) FROM jobs_job WHERE status = 2", 1).await;
    let took = since.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(job.failed_attempts(t.db()).await.unwrap()[0].how, AttemptEnd::Canceled);
}

async fn a_worker_that_may_not_listen_polls(t: Database) {
    let mut worker = Process::start(&Setup { listen: false, ..Setup::steady(&t, "poller") });
    joined(&t, "poller").await;
    for _ in 0..3 {
        let job = Hold::new().schedule(t.db()).await.unwrap();
        worker.says(&started(job.id(), 1)).await;
        assert_eq!(t.number("SELECT count(*) FROM jobs_worker WHERE asleep IS NOT NULL").await, 0);
        worker.open().await;
        assert_eq!(soon(job.wait(t.db())).await.unwrap(), 1);
    }
}
