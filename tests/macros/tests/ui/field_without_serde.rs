use jobs::prelude::*;

pub struct Format;

#[derive(Job)]
#[job_params]
pub struct Resize {
    file: String,
    format: Format,
}

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {}
