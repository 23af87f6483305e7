//! Scheduling jobs that exist once, beside the same without a key.

use std::time::{Duration, Instant};

use jobs::prelude::*;

use crate::Result;
use crate::bench::Bench;
use crate::database::Database;
use crate::figure::{Figure, Goal, Samples, Unit};
use crate::job::Noop;

/// How many are scheduled one by one where a drain has 20,000.
const ONE_BY_ONE: u64 = 3_000;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let database = bench.server.make().await?;
    let (one, many) = (bench.arguments.scaled(ONE_BY_ONE), bench.arguments.jobs);
    let mut samples: [Samples; 5] = Default::default();
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("unique, repeat {}", repeat + 1));
        let [one_plain, one_unique, one_existing, all_plain, all_unique] = &mut samples;
        one_plain.push_rate(one, one_by_one(&database, one, Key::None).await?);
        one_unique.push_rate(one, one_by_one(&database, one, Key::New).await?);
        one_existing.push_rate(one, one_by_one(&database, one, Key::Same).await?);
        all_plain.push_rate(many, all(&database, many, Key::None).await?);
        all_unique.push_rate(many, all(&database, many, Key::New).await?);
    }
    bench.server.remove(database).await?;
    let [one_plain, one_unique, one_existing, all_plain, all_unique] = samples;
    let figure = |name, samples, plain: &Samples| {
        Figure::new(name, Unit::JobsPerSecond, samples).floor("the same without a key", plain.clone())
    };
    Ok(vec![
        figure("schedule one, unique", one_unique, &one_plain).goal(Goal::RatioAtLeast(0.6)),
        figure("schedule one that is there", one_existing, &one_plain),
        figure("schedule_all, unique", all_unique, &all_plain).goal(Goal::RatioAtLeast(0.6)),
    ])
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
