//! Jobs as clients see them, case by case, on every database.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod batches;
mod bulk;
mod bulk_effects;
mod cancel_and_set_parameter;
mod connect;
mod cron;
mod cron_control;
mod cron_replace;
mod limits;
mod list;
mod open_transactions;
mod queues;
mod record;
mod retry_and_delete;
mod rights;
mod run_now;
mod schedule;
mod schedule_by_name;
mod secrets;
mod sessions;
mod settings;
mod setup;
mod support;
mod tables;
mod transactions;
mod unique;
mod unique_batches;
mod unique_concurrency;
mod unique_in_transactions;
mod wait;
mod why;

fn main() {
    let cases = [
        schedule::cases(),
        limits::cases(),
        transactions::cases(),
        open_transactions::cases(),
        unique::cases(),
        unique_concurrency::cases(),
        unique_in_transactions::cases(),
        unique_batches::cases(),
        batches::cases(),
        bulk::cases(),
        bulk_effects::cases(),
        schedule_by_name::cases(),
        record::cases(),
        list::cases(),
        wait::cases(),
        why::cases(),
        cancel_and_set_parameter::cases(),
        queues::cases(),
        cron::cases(),
        cron_control::cases(),
        cron_replace::cases(),
        run_now::cases(),
        retry_and_delete::cases(),
        secrets::cases(),
        setup::cases(),
        tables::cases(),
        settings::cases(),
        rights::cases(),
        connect::cases(),
        sessions::cases(),
    ]
    .concat();
    jobs_tests::main(&cases);
}
