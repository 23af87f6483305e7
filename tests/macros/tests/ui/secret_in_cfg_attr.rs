use jobs::prelude::*;

#[job_params]
#[derive(Job)]
pub struct LogIn {
    user: String,
    #[cfg_attr(unix, param(secret))]
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
