use jobs::prelude::*;
use serde::{Deserialize, Serialize};

#[job_params]
#[derive(Job, Debug, Serialize)]
pub struct Resize {
    file: String,
}

#[derive(Deserialize)]
pub struct Other;

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {}
