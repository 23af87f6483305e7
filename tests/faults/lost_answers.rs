//! A schedule that got no answer is tried again: with a key, it is one job.

use std::collections::HashSet;
use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, Kind, Proxy, Running, cases, soon};

use crate::support::options::Options;

cases![a_schedule_that_is_tried_again_with_a_key_makes_one_job if Kind::locks_rows];

/// Ends at once.
#[derive(Job, Debug)]
#[job(queue = "payments")]
#[job_params]
struct Payment;

impl Execute for Payment {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

/// Any of the replies to a schedule may be lost, the one to its commit too. Meanwhile workers end what was scheduled.
async fn a_schedule_that_is_tried_again_with_a_key_makes_one_job(t: Database) {
    let options = Options::get();
    let (cuts, mut random) = (options.rounds(200, 1_000), fastrand::Rng::with_seed(options.seed));
    let proxy = Proxy::before(&t).await;
    let client = jobs::connect(proxy.url()).await.unwrap();
    let workers = [t.connect().await, t.connect().await].map(|db| Running::start(Worker::new(db).queue("payments", 4)));
    let (mut cut, mut found, mut handles) = (0, 0, Vec::new());
    while cut < cuts {
        let key = format!("payment {}", handles.len());
        let mut is_uncertain = false;
        let handle = loop {
            // A new connection takes more than ten.
            proxy.lose_reply_after(random.usize(..25));
            let scheduled = Payment::new().schedule(&client).unique_key(&key).unique_within(Duration::from_hours(1));
            match soon(scheduled.into_future()).await {
                Ok(handle) => break handle,
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
            (cut, is_uncertain) = (cut + 1, true);
        };
        proxy.lose_no_more();
        assert!(is_uncertain || !handle.existed(), "{handle} of `{key}` was there before");
        found += u64::from(handle.existed());
        handles.push(handle);
    }
    for handle in &handles {
        soon(handle.wait(t.db())).await.unwrap();
    }
    for worker in workers {
        worker.stop().await;
    }
    assert!(found > 0, "no lost answer was that of a commit");
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job").await, i64::try_from(handles.len()).unwrap());
    let all: HashSet<_> = handles.iter().map(JobHandle::id).collect();
    assert_eq!(all.len(), handles.len());
}
