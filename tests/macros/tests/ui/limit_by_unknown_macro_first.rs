use jobs::prelude::*;

#[job_params]
#[derive(Job)]
#[job(limit(by(region, tenant), running = 3))]
pub struct Import {
    account: String,
    region: u32,
}

impl Execute for Import {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = Import::new("acme", 3);
}
