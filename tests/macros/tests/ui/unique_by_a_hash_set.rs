use std::collections::HashSet;

use jobs::prelude::*;

#[derive(Job)]
#[job(unique(by(tags)))]
#[job_params]
pub struct Label {
    tags: Option<HashSet<String>>,
    others: HashSet<String>,
}

impl Execute for Label {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = Label::new(HashSet::new()).with_tags(HashSet::new());
}
