//! Workers that are killed, frozen and replaced under load.

use std::time::Duration;

use jobs_tests::{Database, cases};

use crate::support::fleet::Fleet;
use crate::support::scenario::Scenario;

cases![
    killed_workers_lose_nothing,
    frozen_workers_write_nothing_when_they_wake_up,
    workers_that_are_told_to_stop_give_back_what_they_have,
];

async fn killed_workers_lose_nothing(t: Database) {
    let fleet = Fleet::start(&t, 4).await;
    let kill = async |fleet: &mut Fleet, random: &mut fastrand::Rng| {
        tokio::time::sleep(Duration::from_millis(random.u64(1_000..3_000))).await;
        fleet.kill_one(random).await;
    };
    Scenario { name: "kills", rounds: 10, in_an_hour: 200, jobs_a_round: 200 }.run(&t, fleet, kill).await;
}

async fn frozen_workers_write_nothing_when_they_wake_up(t: Database) {
    let fleet = Fleet::start(&t, 3).await;
    let freeze = async |fleet: &mut Fleet, random: &mut fastrand::Rng| {
        tokio::time::sleep(Duration::from_millis(random.u64(200..1_000))).await;
        fleet.freeze_one(&t, random).await;
    };
    Scenario { name: "freezes", rounds: 5, in_an_hour: 100, jobs_a_round: 200 }.run(&t, fleet, freeze).await;
}

async fn workers_that_are_told_to_stop_give_back_what_they_have(t: Database) {
    let fleet = Fleet::start(&t, 3).await;
    let replace = async |fleet: &mut Fleet, random: &mut fastrand::Rng| {
        tokio::time::sleep(Duration::from_millis(random.u64(200..1_000))).await;
        fleet.replace_one(&t, random).await;
    };
    Scenario { name: "replacements", rounds: 10, in_an_hour: 200, jobs_a_round: 100 }.run(&t, fleet, replace).await;
}
