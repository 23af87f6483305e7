use jobs::prelude::*;

#[job_params]
#[derive(Job, Debug)]
#[job(queue = "images")]
pub struct Resize(String, #[param(default = 32)] u32);

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {}
