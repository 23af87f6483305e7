use jobs::prelude::*;

#[derive(Job)]
pub struct Resize {
    file: String,
}

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {}
