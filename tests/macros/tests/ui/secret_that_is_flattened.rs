use jobs::prelude::*;

#[derive(Job)]
#[job_params]
pub struct LogIn {
    user: String,
    #[param(secret)]
    #[serde(flatten)]
    password: std::collections::HashMap<String, String>,
}

impl Execute for LogIn {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {}
