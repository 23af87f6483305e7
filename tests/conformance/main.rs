//! Jobs as clients see them, case by case, on every database.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod audit;
mod audit_bulk;
mod audit_list;
mod batches;
mod bulk;
mod bulk_effects;
mod bulk_filters;
mod cancel_and_set_parameter;
mod connect;
mod cron;
mod cron_control;
mod cron_replace;
mod failures;
mod filter;
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
mod session;
mod session_cron;
mod sessions;
mod settings;
mod setup;
mod stats;
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
        bulk_filters::cases(),
        schedule_by_name::cases(),
        record::cases(),
        list::cases(),
        filter::cases(),
        failures::cases(),
        stats::cases(),
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
        session::cases(),
        session_cron::cases(),
        audit::cases(),
        audit_bulk::cases(),
        audit_list::cases(),
    ]
    .concat();
    jobs_tests::main(&cases);
}
