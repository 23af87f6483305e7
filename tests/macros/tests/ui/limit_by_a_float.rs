use jobs::prelude::*;

#[derive(Job)]
#[job(limit(by(account, amount), running = 3))]
#[job_params]
pub struct Import {
    account: String,
    amount: Option<f64>,
    rate: f32,
}

impl Execute for Import {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = Import::new("acme", 3.0);
}
