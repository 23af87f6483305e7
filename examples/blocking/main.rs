//! CPU-bound jobs: on threads of their own, as many at once as there are cores, stopping when they are asked to.
//!
//! ```sh
//! cargo run --release --example blocking
//! ```

use jobs::prelude::*;

/// Counts the prime numbers below a limit, the slow way.
#[derive(Job)]
#[job(queue = "computing", max_attempts = 1, timeout = "3s")]
#[job_params]
struct CountPrimes {
    below: u64,
}

impl Execute for CountPrimes {
    type Output = u64;

    async fn execute(&self, job: &JobContext) -> JobResult<u64> {
        // The context can be cloned, and used on any thread.
        let (below, context) = (self.below(), job.clone());
        let counted = job.run_blocking(move || count_primes(below, &context)).await;
        Ok(counted.ok_or("stopped")?)
    }
}

/// Returns `None` if it was asked to stop. Computing code can't be stopped from outside.
fn count_primes(below: u64, job: &JobContext) -> Option<u64> {
    let mut primes = 0;
    for number in 2..below {
        // Every thousand numbers: often enough to stop soon, rarely enough to cost nothing.
        if number % 1000 == 0 {
            if job.stop_reason().is_some() {
                job.message(format!("stopped at {number}, with {primes} prime numbers"));
                return None;
            }
            job.set_progress_of(number, below);
        }
        let mut divisors = (2..).take_while(|divisor| divisor * divisor <= number);
        primes += u64::from(divisors.all(|divisor| number % divisor != 0));
    }
    Some(primes)
}

#[tokio::main]
async fn main() -> Result<(), jobs::BoxError> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    // The last one would take forever: its timeout ends it.
    let limits = [10_000, 20_000, 50_000, 100_000, u64::MAX];
    let jobs = jobs::schedule_all(&db, limits.map(CountPrimes::new)).await?;

    // More at once would only slow each down. Queues whose jobs wait for networks or disks can have a higher number.
    let cores = std::thread::available_parallelism()?.get();
    println!("{} jobs, at most {cores} at once", jobs.len());
    Worker::new(db.clone()).queue("computing", cores).run_until_idle().await?;

    for (job, below) in jobs.into_iter().zip(limits) {
        match job.output(&db).await {
            Ok(primes) => println!("below {below} there are {primes} prime numbers"),
            Err(jobs::Error::JobFailed { reason, .. }) => {
                let said = job.messages(&db).await?.pop().map(|message| message.text);
                println!("below {below}: {reason}; {}", said.unwrap_or_default());
            }
            Err(error) => Err(error)?,
        }
    }
    Ok(())
}
