//! The job: orders are read from a file. Its messages are written for the user who waits.

use std::time::Duration;

use jobs::prelude::*;

const ORDERS: u64 = 250;

/// Reads orders from a file.
#[job_fn(queue = "imports", max_attempts = 1)]
pub(crate) async fn import_orders(job: &JobContext, file: String) -> JobResult<u64> {
    job.message(format!("Reading {file}"));
    let mut imported = 0;
    for order in 1..=ORDERS {
        tokio::time::sleep(Duration::from_millis(20)).await; // in place of work
        if order % 80 == 0 {
            job.warn(format!("Line {order} has no price, and is left out"));
        } else {
            imported += 1;
        }
        job.set_progress_of(order, ORDERS);
    }
    job.message("Adding up");
    Ok(imported)
}
