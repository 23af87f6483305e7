//! The macros and the library have the same limits: what compiles is not refused later, and what is refused later does not compile.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use jobs::cron::{self, Cron, Missed};
use jobs::prelude::*;
use jobs::{Error, Limit, RetryPolicy};

#[path = "../../../jobs-derive/src/parse/duration.rs"]
mod duration;
#[path = "../../../jobs-derive/src/parse/limits.rs"]
mod limits;

#[derive(Job, Debug)]
#[job_params]
struct Noop;

impl Execute for Noop {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

/// Whether the library accepts the value that leads to this result.
fn is_taken<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::InvalidValue { .. }) => false,
        Err(error) => panic!("neither taken nor refused: {error}"),
    }
}

async fn takes(options: JobOptions) -> bool {
    let db = jobs::testing::database().await.unwrap();
    is_taken(Noop::new().with_options(options).schedule(&db).await)
}

#[tokio::test]
async fn names_that_compile_are_those_that_are_taken() {
    let (longest, too_long) = ("ä".repeat(200), "ä".repeat(201));
    let names = ["", "mail", "two words", " mail", "mail ", "\u{a0}mail", "a\nb", "a\u{7f}b", "a\u{85}b"];
    for name in names.into_iter().chain([longest.as_str(), too_long.as_str()]) {
        assert_eq!(limits::check_name(name).is_ok(), takes(JobOptions::new().queue(name)).await, "{name:?}");
    }
}

#[tokio::test]
async fn numbers_that_compile_are_those_that_are_taken() {
    for priority in [-101_i16, -100, 0, 100, 101] {
        let compiles = limits::PRIORITY.contains(&i64::from(priority));
        assert_eq!(compiles, takes(JobOptions::new().priority(priority)).await, "{priority}");
    }
    for attempts in [0_u32, 1, 32_767, 32_768] {
        let compiles = limits::MAX_ATTEMPTS.contains(&i64::from(attempts));
        assert_eq!(compiles, takes(JobOptions::new().max_attempts(attempts)).await, "{attempts}");
    }
    for limit in [0, 1, 100, 101] {
        let db = jobs::testing::database().await.unwrap();
        let schedule = Cron::new("@daily").missed(Missed::All(limit));
        let taken = is_taken(cron::add(&db, "noop", schedule, Noop::new()).await);
        assert_eq!((1..=limits::MAX_MISSED).contains(&limit), taken, "{limit}");
    }
}

#[tokio::test]
async fn the_shortest_and_the_longest_time_are_the_same() {
    for text in ["0s", "1ms", "36500d"] {
        let time = duration::parse(text);
        assert_eq!(time.is_ok(), takes(JobOptions::new().timeout(time.unwrap_or_default())).await, "{text}");
    }
    let longest = duration::parse("36500d").unwrap();
    assert!(duration::parse("36500d1ms").is_err());
    assert!(!takes(JobOptions::new().timeout(longest + Duration::from_millis(1))).await);
}

#[test]
fn delays_have_the_same_cap_and_jitter() {
    let policy = RetryPolicy::exponential(Duration::from_secs(15), limits::DEFAULT_CAP);
    assert_eq!(policy, RetryPolicy::default());
    let most = u8::try_from(*limits::JITTER.end()).unwrap();
    assert_ne!(policy.jitter(most - 1), policy.jitter(most));
    assert_eq!(policy.jitter(most), policy.jitter(most + 1));
}

#[test]
fn limits_have_the_same_range() {
    let limit = |running: i64| Limit::new().running(running.try_into().unwrap());
    let (least, most) = (*limits::RUNNING.start(), *limits::RUNNING.end());
    assert_eq!(limit(least - 1), limit(least));
    assert_ne!(limit(least), limit(least + 1));
    assert_ne!(limit(most - 1), limit(most));
    assert_eq!(limit(most), limit(most + 1));
}

#[test]
fn cron_expressions_are_read_alike() {
    let compiled = include_str!("../../../jobs-derive/src/parse/expression.rs");
    let understood = include_str!("../../../jobs/src/cron/expression.rs");
    assert!(
        compiled == understood,
        "write the change into both: `cp jobs/src/cron/expression.rs jobs-derive/src/parse/`"
    );
}
