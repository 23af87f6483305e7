//! A worker in a separate process: this program again, which reads from its environment what to do.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use jobs::Worker;
use jobs::sea_orm::ConnectOptions;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::releases::Release;
use crate::support::journal::{self, Journal};
use crate::support::load::QUEUE;

/// The variable that holds the setup, as JSON.
pub(crate) const VARIABLE: &str = "JOBS_FAULTS_WORKER";

/// How many connections its jobs have.
const CONNECTIONS: u32 = 3;

/// How a worker is set up: everything is short, so that much happens in little time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) url: String,
    pub(crate) directory: PathBuf,
    pub(crate) lease: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) cancel_grace: Duration,
    pub(crate) shutdown_grace: Duration,
    /// The definitions that it has besides those of the load.
    pub(crate) release: Option<Release>,
}

/// Runs a worker, if this process should be one.
pub(crate) fn run_if_told() -> Option<ExitCode> {
    let setup = std::env::var(VARIABLE).ok()?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn,sqlx::query=error,sqlx::pool=error"))
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    // A panic of a job is part of the load.
    std::panic::set_hook(Box::new(|_| {}));
    Some(match run(&serde_json::from_str(&setup).expect("the setup is JSON")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

#[tokio::main(worker_threads = 2)]
async fn run(setup: &Setup) -> Result<(), Box<dyn std::error::Error>> {
    let journal = Journal::open(&setup.directory)?;
    journal::OWN.get_or_init(|| journal);
    // A server has a hundred, and there are many workers.
    let mut options = ConnectOptions::new(&setup.url);
    options.max_connections(CONNECTIONS);
    let worker = Worker::new(jobs::connect_with(options).await?)
        .queue(QUEUE, 20)
        .lease(setup.lease)
        .heartbeat(setup.heartbeat)
        .cancel_grace(setup.cancel_grace)
        .shutdown_grace(setup.shutdown_grace);
    let worker = match setup.release {
        Some(release) => release.register(worker),
        None => worker,
    };
    Ok(worker.run().await?)
}
