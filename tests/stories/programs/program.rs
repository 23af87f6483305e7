//! The program of a process in a story: a worker as any program would write it, which is told what to do.
//!
//! Each line `open` on standard input lets one job pass the gate. If the input ends, the test is gone, and the process ends too.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use jobs::{CancellationToken, Worker};
use tokio::sync::Semaphore;
use tracing_subscriber::EnvFilter;

use crate::setup::{Role, Setup, VARIABLE};

/// The queues that every worker serves, besides the one of its name.
const QUEUES: [(&str, usize); 3] = [("held", 4), ("notes", 3), ("poison", 1)];

/// Runs it: logs and the error go to standard error.
pub(crate) fn main() -> ExitCode {
    tracing_subscriber::fmt()
        // The speed of the machine is not what the stories are about.
        .with_env_filter(EnvFilter::new("warn,jobs=info,sqlx::query=error,sqlx::pool=error"))
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run() -> Result<(), Box<dyn Error>> {
    let setup: Setup = serde_json::from_str(&std::env::var(VARIABLE)?)?;
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    std::thread::spawn(move || obey(&opened));
    match setup.role {
        Role::Migrate => {
            println!("ready");
            gate.acquire().await?.forget();
            let db = jobs::connect(&setup.url).await?;
            Ok(jobs::migrate(&db).await?)
        }
        Role::Work => Ok(worker(&setup, gate).await?.run().await?),
        Role::WorkUntil => Ok(worker(&setup, gate).await?.run_until(CancellationToken::new()).await?),
    }
}

async fn worker(setup: &Setup, gate: Arc<Semaphore>) -> Result<Worker, jobs::Error> {
    let mut worker = Worker::new(jobs::connect(&setup.url).await?)
        .name(&setup.name)
        .queue(&setup.name, 4)
        .lease(setup.lease)
        .heartbeat(setup.heartbeat)
        .cancel_grace(setup.cancel_grace)
        .shutdown_grace(setup.shutdown_grace)
        .listen(setup.listen)
        .state(gate);
    for (queue, concurrency) in QUEUES {
        worker = worker.queue(queue, concurrency);
    }
    Ok(match setup.poll_interval {
        Some(interval) => worker.poll_interval(interval),
        None => worker,
    })
}

fn obey(gate: &Semaphore) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.as_str() {
            "open" => gate.add_permits(1),
            other => eprintln!("nobody knows what `{other}` means"),
        }
    }
    std::process::exit(9);
}
