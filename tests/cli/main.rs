//! The command line, on every database: what its commands do, print and return.

#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

mod called;
mod cron;
mod doctor;
mod looking;
mod operating;
mod scheduling;
mod usage;

fn main() {
    jobs_tests::main(
        &[cron::cases(), doctor::cases(), looking::cases(), operating::cases(), scheduling::cases(), usage::cases()]
            .concat(),
    );
}
