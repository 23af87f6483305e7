//! The network between workers and their database fails, in every way that a network has.

use std::time::Duration;

use jobs_tests::{Database, Kind, Proxy, cases, soon};
use tokio::time::Instant;

use crate::support::fleet::Fleet;
use crate::support::load::executed;
use crate::support::options::Options;
use crate::support::scenario::Scenario;

cases![
    connections_that_fail_lose_nothing if Kind::locks_rows,
    lost_replies_strand_nothing if Kind::locks_rows,
    workers_that_are_all_cut_off_go_on_afterwards if Kind::locks_rows,
    schedules_that_get_no_answer_are_one_job_or_none if Kind::locks_rows,
    a_listener_that_is_silently_dead_is_noticed if Kind::notifies,
];

async fn connections_that_fail_lose_nothing(t: Database) {
    let fleet = Fleet::start_behind_proxies(&t, 3).await;
    let fail = async |fleet: &mut Fleet, random: &mut fastrand::Rng| {
        let (lease, proxy) = (fleet.setup.lease, fleet.any_proxy(random));
        match random.u8(..5) {
            0 => proxy.cut(),
            1 => proxy.reset(),
            2 => proxy.forget(),
            3 => {
                proxy.delay(Duration::from_millis(50));
                tokio::time::sleep(lease).await;
                proxy.delay(Duration::ZERO);
            }
            _ => {
                proxy.stall();
                tokio::time::sleep(random_time(random, lease / 3, lease * 2)).await;
                proxy.flow();
            }
        }
    };
    Scenario { name: "connections that fail", rounds: 10, in_an_hour: 100, jobs_a_round: 100 }
        .run(&t, fleet, fail)
        .await;
}

async fn lost_replies_strand_nothing(t: Database) {
    let fleet = Fleet::start_behind_proxies(&t, 3).await;
    let lose = async |fleet: &mut Fleet, random: &mut fastrand::Rng| {
        for _ in 0..5 {
            tokio::time::sleep(random_time(random, Duration::from_millis(50), Duration::from_millis(300))).await;
            fleet.any_proxy(random).lose_reply();
        }
        if fleet.log().contains("fenced out") {
            fleet.surprises.push("an end that was written is said to be fenced out".into());
        }
    };
    Scenario { name: "5 lost replies", rounds: 4, in_an_hour: 100, jobs_a_round: 200 }.run(&t, fleet, lose).await;
}

/// Two workers with different leases, so that each may take the other for dead.
async fn workers_that_are_all_cut_off_go_on_afterwards(t: Database) {
    let mut fleet = Fleet::start_behind_proxies(&t, 1).await;
    let (shorter, longer) = (fleet.setup.lease, fleet.setup.lease * 2);
    fleet.setup.lease = longer;
    fleet.add().await;
    let cut_off = async |fleet: &mut Fleet, _: &mut fastrand::Rng| {
        // While there is no fault, neither takes jobs from the other.
        let robbed = async || t.number("SELECT count(*) FROM jobs_attempt WHERE how = 'lost'").await;
        let before = robbed().await;
        tokio::time::sleep(shorter).await;
        if robbed().await != before {
            fleet.surprises.push("a live worker was robbed".into());
        }
        let proxies = || fleet.workers.iter().filter_map(|worker| worker.proxy.as_ref());
        proxies().for_each(Proxy::stall);
        tokio::time::sleep(longer + Duration::from_secs(1)).await;
        proxies().for_each(Proxy::flow);
        tokio::time::sleep(longer).await;
    };
    Scenario { name: "all cut off", rounds: 3, in_an_hour: 20, jobs_a_round: 100 }.run(&t, fleet, cut_off).await;
}

/// Here, it is the network of the programs that schedule.
async fn schedules_that_get_no_answer_are_one_job_or_none(t: Database) {
    let (fleet, proxy) = (Fleet::start(&t, 2).await, Proxy::before(&t).await);
    let client = jobs::connect(proxy.url()).await.unwrap();
    let lose = async |_: &mut Fleet, random: &mut fastrand::Rng| {
        for _ in 0..10 {
            tokio::time::sleep(random_time(random, Duration::from_millis(10), Duration::from_millis(150))).await;
            if random.bool() { proxy.lose_reply() } else { proxy.cut() }
        }
    };
    let scenario = Scenario { name: "10 schedules without an answer", rounds: 4, in_an_hour: 50, jobs_a_round: 200 };
    scenario.run_for(&client, &t, fleet, lose).await;
}

/// Nothing wakes the worker then, but it polls.
async fn a_listener_that_is_silently_dead_is_noticed(t: Database) {
    let mut fleet = Fleet::start_behind_proxies(&t, 1).await;
    let mut listeners = fleet.workers[0].proxy.as_ref().unwrap().listeners();
    for heard in 1..=Options::get().rounds(3, 20) {
        let heard = usize::try_from(heard).unwrap();
        soon(listeners.wait_for(|listeners| *listeners == heard)).await.unwrap();
        executed(&t).await;
        fleet.workers[0].proxy.as_ref().unwrap().forget_listeners();
        let begin = Instant::now();
        let polling = async {
            loop {
                let took = executed(&t).await;
                assert!(took < POLL + Duration::from_secs(10), "{took:?}");
            }
        };
        tokio::select! {
            noticed = soon(listeners.wait_for(|listeners| *listeners > heard)) => drop(noticed.unwrap()),
            () = polling => {}
        }
        assert!(begin.elapsed() < NOTICED, "the dead connection was noticed after {:?}", begin.elapsed());
    }
    fleet.stop_all().await;
    assert!(fleet.surprises.is_empty(), "{:?}", fleet.surprises);
}

/// How often a worker polls if nothing wakes it.
const POLL: Duration = Duration::from_secs(5);

/// How soon it listens again.
const NOTICED: Duration = Duration::from_mins(1);

fn random_time(random: &mut fastrand::Rng, from: Duration, to: Duration) -> Duration {
    from + to.saturating_sub(from).mul_f64(random.f64())
}
