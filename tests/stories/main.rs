//! Whole workers, in separate processes, on every database.

#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

mod crashes;
mod linking;
mod migrate;
#[cfg(unix)]
mod sharing;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod stalls;
mod support;
mod wake;

fn main() {
    let mut cases = [crashes::cases(), linking::cases(), migrate::cases(), wake::cases()].concat();
    #[cfg(unix)]
    cases.extend([sharing::cases(), signals::cases(), stalls::cases()].concat());
    jobs_tests::main(&cases);
}
