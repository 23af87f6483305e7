//! How workers execute, finish, lose and rescue jobs, case by case, on every database.
#![allow(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod blocking;
mod blocking_left_behind;
mod cancel_and_timeout;
mod claim;
mod context;
mod credentials;
mod cron_definitions;
mod cron_firing;
mod cron_missed;
mod cron_obstacles;
mod cron_unique;
mod errors;
mod fencing;
mod few_connections;
mod finish_in_transaction;
mod full_disk;
mod messages;
mod messages_in_order;
mod network;
mod observability;
mod outcomes;
mod pause;
mod rescue;
mod retention;
mod shutdown;
mod shutdown_cut_off;
mod stats;
mod stored_values;
mod support;
mod testing;
mod testing_run;
mod wake;
mod watch;
mod watch_costs;
mod watch_failures;

fn main() {
    support::telemetry::install();
    let cases = [
        outcomes::cases(),
        errors::cases(),
        stored_values::cases(),
        context::cases(),
        messages::cases(),
        messages_in_order::cases(),
        finish_in_transaction::cases(),
        full_disk::cases(),
        fencing::cases(),
        few_connections::cases(),
        credentials::cases(),
        cancel_and_timeout::cases(),
        blocking::cases(),
        blocking_left_behind::cases(),
        shutdown::cases(),
        shutdown_cut_off::cases(),
        stats::cases(),
        claim::cases(),
        wake::cases(),
        watch::cases(),
        watch_costs::cases(),
        watch_failures::cases(),
        pause::cases(),
        rescue::cases(),
        network::cases(),
        retention::cases(),
        testing_run::cases(),
        testing::cases(),
        observability::cases(),
        cron_firing::cases(),
        cron_missed::cases(),
        cron_obstacles::cases(),
        cron_unique::cases(),
        cron_definitions::cases(),
    ]
    .concat();
    jobs_tests::main(&cases);
}
