use jobs::prelude::*;

#[derive(Job)]
#[job_params]
pub enum Resize {
    File {
        #[param(default)]
        name: String,
    },
}

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {}
