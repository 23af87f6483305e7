//! The command line, on every database: what its commands do, print and return.

#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

mod cron;
mod doctor;
mod durations;
mod operate;
mod schedule;
mod show;
mod support;
mod usage;
mod why;

fn main() {
    jobs_tests::main(
        &[
            cron::cases(),
            doctor::cases(),
            durations::cases(),
            show::cases(),
            operate::cases(),
            schedule::cases(),
            usage::cases(),
            why::cases(),
        ]
        .concat(),
    );
}
