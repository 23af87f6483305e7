//! Scheduling unique jobs, compared with jobs that have no key.

use std::time::{Duration, Instant};

use jobs::prelude::*;

use crate::Result;
use crate::bench::Bench;
use crate::database::Database;
use crate::figure::{Figure, Goal, Samples, Unit};
use crate::floor;
use crate::job::Noop;

/// How many are scheduled one by one, for a drain of 20,000.
const ONE_BY_ONE: u64 = 3_000;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let database = bench.server.make().await?;
    let (one, many) = (bench.arguments.scaled(ONE_BY_ONE), bench.arguments.jobs);
    let [mut one_raw, mut one_plain, mut one_unique, mut one_existing] = <[Samples; 4]>::default();
    let [mut all_raw, mut all_plain, mut all_unique] = <[Samples; 3]>::default();
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("unique, repeat {}", repeat + 1));
        one_raw.push_rate(one, raw(&database, one, 1).await?);
        one_plain.push_rate(one, one_by_one(&database, one, Key::None).await?);
        one_unique.push_rate(one, one_by_one(&database, one, Key::New).await?);
        one_existing.push_rate(one, one_by_one(&database, one, Key::Same).await?);
        all_raw.push_rate(many, raw(&database, many, many).await?);
        all_plain.push_rate(many, all(&database, many, Key::None).await?);
        all_unique.push_rate(many, all(&database, many, Key::New).await?);
    }
    bench.server.remove(database).await?;
    let figure = |name, samples| Figure::new(name, Unit::JobsPerSecond, samples);
    let (one, all) = (figure("schedule one, unique", one_unique), figure("schedule_all, unique", all_unique));
    let (plain, raw) = ("the same without a key", "the same rows through sea-orm");
    Ok(vec![
        one.clone().floor(raw, one_raw).goal(Goal::RatioAtLeast(0.8)),
        one.floor(plain, one_plain.clone()).goal(Goal::RatioAtLeast(0.6)),
        figure("schedule one that is there", one_existing).floor(plain, one_plain),
        all.clone().floor(raw, all_raw).goal(Goal::RatioAtLeast(0.8)),
        all.floor(plain, all_plain).goal(Goal::RatioAtLeast(0.6)),
    ])
}

/// The floor: this many rows at once.
async fn raw(database: &Database, jobs: u64, at_once: u64) -> Result<Duration> {
    database.empty().await?;
    database.settle().await?;
    let jobs_made: Vec<_> = (0..jobs).map(|number| (Noop::numbered(number), key_of(number))).collect();
    let begin = Instant::now();
    for some in jobs_made.chunks(at_once.try_into()?) {
        let row = |(job, key): &(Noop, String)| Ok((serde_json::to_string(job)?, key.clone()));
        let rows: Vec<_> = some.iter().map(row).collect::<Result<_>>()?;
        floor::unique::insert(&database.db, &rows).await?;
    }
    let time = begin.elapsed();
    database.check_waiting(jobs).await?;
    Ok(time)
}

/// A key as long as ours, and as unordered.
fn key_of(number: u64) -> String {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).swap_bytes();
    format!("{mixed:016x}{number:08x}")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    None,
    New,
    Same,
}

impl Key {
    fn job(self, number: u64) -> jobs::WithOptions<Noop> {
        let options = JobOptions::new();
        let options = match self {
            Self::None => options,
            Self::New => options.unique_key(number.to_string()),
            Self::Same => options.unique_key("same"),
        };
        Noop::numbered(number).with_options(options)
    }
}

async fn one_by_one(database: &Database, jobs: u64, key: Key) -> Result<Duration> {
    database.empty().await?;
    database.settle().await?;
    let begin = Instant::now();
    for number in 0..jobs {
        key.job(number).schedule(&database.db).await?;
    }
    let time = begin.elapsed();
    database.check_waiting(if key == Key::Same { 1 } else { jobs }).await?;
    Ok(time)
}

async fn all(database: &Database, jobs: u64, key: Key) -> Result<Duration> {
    database.empty().await?;
    database.settle().await?;
    let jobs_with_keys: Vec<_> = (0..jobs).map(|number| key.job(number)).collect();
    let begin = Instant::now();
    jobs::schedule_all(&database.db, jobs_with_keys).await?;
    let time = begin.elapsed();
    database.check_waiting(jobs).await?;
    Ok(time)
}
