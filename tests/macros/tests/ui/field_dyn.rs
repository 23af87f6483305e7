use jobs::prelude::*;

#[derive(Job)]
#[job_params]
pub struct Resize {
    file: String,
    #[param(default = 32)]
    width: u32,
    #[serde(skip)]
    listener: Option<Box<dyn Send + Sync>>,
}

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {}
