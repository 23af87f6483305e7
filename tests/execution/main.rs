//! How workers execute, finish, lose and rescue jobs, case by case, on every database.
#![allow(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod blocking;
mod claiming;
mod context;
mod credentials;
mod cron;
mod cron_definitions;
mod cron_missed;
mod cron_obstacles;
mod cron_unique;
mod definitions;
mod faults;
mod fencing;
mod few_connections;
mod finishing;
mod full_disk;
mod messages;
mod network;
mod outcomes;
mod pausing;
mod rescue;
mod retention;
mod running_alone;
mod seeing;
mod shutdown;
mod stopping;
mod testing;
mod values;
mod waking;
mod witness;

fn main() {
    witness::install();
    let cases = [
        outcomes::cases(),
        values::cases(),
        context::cases(),
        messages::cases(),
        finishing::cases(),
        full_disk::cases(),
        fencing::cases(),
        few_connections::cases(),
        credentials::cases(),
        stopping::cases(),
        blocking::cases(),
        shutdown::cases(),
        claiming::cases(),
        waking::cases(),
        pausing::cases(),
        rescue::cases(),
        network::cases(),
        retention::cases(),
        running_alone::cases(),
        testing::cases(),
        seeing::cases(),
        cron::cases(),
        cron_missed::cases(),
        cron_obstacles::cases(),
        cron_unique::cases(),
        cron_definitions::cases(),
    ]
    .concat();
    jobs_tests::main(&cases);
}
