use jobs::prelude::*;

#[derive(Job)]
#[job(limit(by(acount, region), running = 3))]
#[job_params]
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
