//! Nothing lost, nothing twice: faults on purpose, around real workers, on every database. What must hold is in [`check`].
//!
//! `cargo test -p jobs-tests --test faults -- --seed 7 --minutes 10`

#![cfg_attr(not(unix), allow(dead_code, reason = "processes are killed by signals"))]
#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

#[cfg(unix)]
mod check;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
mod database;
#[cfg(unix)]
mod dropped;
#[cfg(unix)]
mod executions;
#[cfg(unix)]
mod fleet;
#[cfg(unix)]
mod journal;
#[cfg(unix)]
mod load;
#[cfg(unix)]
mod network;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod poison;
#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod releases;
#[cfg(unix)]
mod scenario;
#[cfg(unix)]
mod scheduled;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod unique;
mod worker;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    if let Some(ended) = worker::run_if_told() {
        return ended;
    }
    let cases = [
        processes::cases(),
        network::cases(),
        database::cases(),
        clock::cases(),
        poison::cases(),
        dropped::cases(),
        releases::cases(),
        unique::cases(),
    ]
    .concat();
    match options::Options::take(std::env::args()) {
        Ok(arguments) => jobs_tests::main_with(&cases, arguments),
        Err(mistake) => {
            eprintln!("{mistake}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(unix))]
fn main() {}
