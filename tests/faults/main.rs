//! Nothing lost, nothing twice: faults on purpose, around real workers, on every database. What must hold is in [`support::check`].
//!
//! `cargo test -p jobs-tests --test faults -- --seed 7 --minutes 10`

#![cfg_attr(not(unix), allow(dead_code, reason = "processes are killed by signals"))]
#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

#[cfg(unix)]
mod clock;
#[cfg(unix)]
mod database;
#[cfg(unix)]
mod dropped;
#[cfg(unix)]
mod lost_answers;
#[cfg(unix)]
mod network;
#[cfg(unix)]
mod poison;
#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod releases;
mod support;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    if let Some(ended) = support::worker::run_if_told() {
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
        lost_answers::cases(),
    ]
    .concat();
    match support::options::Options::take(std::env::args()) {
        Ok(arguments) => jobs_tests::main_with(&cases, arguments),
        Err(mistake) => {
            eprintln!("{mistake}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(unix))]
fn main() {}
