//! Jobs that kill their worker, occupy its threads forever, or can't be read or written.

use std::hint::black_box;
use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use jobs_tests::{Database, Kind, cases};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize, Serializer};

use crate::support::fleet::Fleet;
use crate::support::load::{self, Execution};
use crate::support::options::Options;
use crate::support::scenario::{DRAIN, OPEN, Scenario, until_none};
use crate::support::scheduled::{Fate, Scheduled};

cases![poisonous_jobs_fail_and_harm_no_other];

/// How much memory a worker has that is about to run out of it.
const MEMORY: u64 = 4 << 30;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum How {
    Aborts,
    OverflowsTheStack,
    RunsOutOfMemory,
    NeverYields,
    ResultDoesNotSerialize,
    OutputDoesNotSerialize,
    CannotBeRead,
    IsHuge,
}

impl How {
    const ALL: [Self; 8] = [
        Self::Aborts,
        Self::OverflowsTheStack,
        Self::RunsOutOfMemory,
        Self::NeverYields,
        Self::ResultDoesNotSerialize,
        Self::OutputDoesNotSerialize,
        Self::CannotBeRead,
        Self::IsHuge,
    ];

    /// What another program writes over the parameters, as SQL.
    fn overwritten(self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::CannotBeRead, Kind::Sqlite) => Some("'[1, 2'"),
            // No more than JSON gets into the column.
            (Self::CannotBeRead, _) => Some("'[1, 2]'"),
            (Self::IsHuge, Kind::Sqlite) => {
                Some(r#"'{"how": "' || replace(hex(zeroblob(25000000)), '0', 'x') || '"}'"#)
            }
            (Self::IsHuge, Kind::Postgres) => Some(r#"CAST('{"how": "' || repeat('x', 50000000) || '"}' AS json)"#),
            // As much as a packet of the server holds.
            (Self::IsHuge, Kind::Mariadb | Kind::Mysql) => {
                Some(r#"CONCAT('{"how": "', REPEAT('x', @@max_allowed_packet - 100000), '"}')"#)
            }
            _ => None,
        }
    }
}

#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 2, timeout = "300ms", retry = fixed("10ms"))]
#[job_params]
struct Poison {
    how: How,
}

/// Whether it can be written.
#[derive(Deserialize)]
struct Output(bool);

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 { serializer.serialize_unit() } else { Err(serde::ser::Error::custom("it can't be written")) }
    }
}

impl Execute for Poison {
    type Output = Output;

    async fn execute(&self, job: &JobContext) -> JobResult<Output> {
        let _execution = Execution::of(job);
        match self.how() {
            How::Aborts => std::process::abort(),
            How::OverflowsTheStack => drop(black_box(overflow(u64::MAX))),
            How::RunsOutOfMemory => run_out_of_memory(),
            How::NeverYields => never_yield(),
            How::ResultDoesNotSerialize => job.set_result("result", Output(false))?,
            How::OutputDoesNotSerialize => return Ok(Output(false)),
            How::CannotBeRead | How::IsHuge => {}
        }
        Ok(Output(true))
    }
}

fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 128]);
    if depth == 0 { 0 } else { overflow(depth - 1) + frame[1] }
}

fn run_out_of_memory() {
    let (_, most) = getrlimit(Resource::RLIMIT_AS).expect("there is a limit");
    setrlimit(Resource::RLIMIT_AS, MEMORY, most).expect("it can be lowered");
    loop {
        black_box(Vec::<u8>::with_capacity(usize::try_from(MEMORY / 8).expect("64 bits")).leak());
    }
}

/// For the runtime, it is as busy as any other code that never reaches an `await`; the processor is left to other tests.
fn never_yield() {
    loop {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Logs, keeps and returns text that databases can't store.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 50, retry = fixed("10ms"))]
#[job_params]
struct Nul;

impl Execute for Nul {
    type Output = String;

    async fn execute(&self, job: &JobContext) -> JobResult<String> {
        let _execution = Execution::of(job);
        job.message("a\0b");
        job.set_result("nul", "a\0b")?;
        Ok("a\0b".into())
    }
}

async fn poisonous_jobs_fail_and_harm_no_other(t: Database) {
    let scenario = Scenario { name: "8 poisonings and a NUL", rounds: 5, in_an_hour: 20, jobs_a_round: 200 };
    let options = Options::get();
    let (mut random, mut scheduled) = (fastrand::Rng::with_seed(options.seed), Scheduled::default());
    load::prepare(&t).await;
    let mut fleet = Fleet::start(&t, 3).await;
    // Only a worker that has lived for a whole lease may call others dead; here, few do.
    fleet.recovery = DRAIN;
    let poison = async {
        for _ in 0..options.rounds(scenario.rounds, scenario.in_an_hour) {
            scheduled.one(Nul::new().schedule(t.db()), Fate::Terminates).await;
            for how in How::ALL {
                scheduled.add(t.db(), &mut random, scenario.jobs_a_round / How::ALL.len()).await;
                scheduled.acknowledged.push((schedule(&t, how).await, Fate::Fails));
            }
        }
        until_none(&t, OPEN, DRAIN).await;
    };
    tokio::select! {
        () = poison => {}
        () = look_after(&mut fleet) => {}
    }
    // Threads that never come back can't be told to stop.
    fleet.kill_all();
    scenario.conclude(&t, fleet, scheduled).await;
}

/// Restarts workers as needed, forever.
async fn look_after(fleet: &mut Fleet) {
    loop {
        fleet.replace_dead().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Schedules one, and overwrites its parameters in a way that no client of ours would.
async fn schedule(t: &Database, how: How) -> JobId {
    let transaction = t.db().begin().await.unwrap();
    let id = Poison::new(how).schedule(&transaction).await.unwrap().id();
    if let Some(parameters) = how.overwritten(t.kind()) {
        let overwrite = format!("UPDATE jobs_job SET parameters = {parameters} WHERE id = {id}");
        transaction.execute_unprepared(&overwrite).await.unwrap();
    }
    transaction.commit().await.unwrap();
    id
}
