use jobs::prelude::*;

#[derive(Job)]
#[job_params]
pub struct LogIn {
    user: String,
    #[param(secret, secret)]
    password: String,
}

impl Execute for LogIn {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = LogIn::new("ada", "1234").with_options(jobs::JobOptions::default());
}
