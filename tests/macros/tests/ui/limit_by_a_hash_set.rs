use std::collections::HashSet;

use jobs::prelude::*;

#[derive(Job)]
#[job(limit(by(tags), running = 3))]
#[job_params]
pub struct Import {
    tags: HashSet<String>,
    others: HashSet<String>,
}

impl Execute for Import {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = Import::new(HashSet::new(), HashSet::new());
}
