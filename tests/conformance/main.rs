//! What clients see of jobs, case by case, on every database.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod asking;
mod batches;
mod by_name;
mod common;
mod connecting;
mod cron;
mod cron_operating;
mod cron_replacing;
mod definitions;
mod ended;
mod listing;
mod open_transactions;
mod operating;
mod queues;
mod refusing;
mod rights;
mod scheduling;
mod secrets;
mod settings;
mod setup;
mod strange_sessions;
mod tables;
mod transactions;
mod unique;
mod unique_at_once;
mod unique_batches;
mod waiting;

fn main() {
    let cases = [
        scheduling::cases(),
        refusing::cases(),
        transactions::cases(),
        open_transactions::cases(),
        unique::cases(),
        unique_at_once::cases(),
        unique_batches::cases(),
        batches::cases(),
        by_name::cases(),
        asking::cases(),
        listing::cases(),
        waiting::cases(),
        operating::cases(),
        queues::cases(),
        cron::cases(),
        cron_operating::cases(),
        cron_replacing::cases(),
        ended::cases(),
        secrets::cases(),
        setup::cases(),
        tables::cases(),
        settings::cases(),
        rights::cases(),
        connecting::cases(),
        strange_sessions::cases(),
    ]
    .concat();
    jobs_tests::main(&cases);
}
