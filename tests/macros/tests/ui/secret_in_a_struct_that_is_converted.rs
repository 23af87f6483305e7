use jobs::prelude::*;

#[derive(serde::Serialize)]
pub struct Stored(String);

impl From<LogIn> for Stored {
    fn from(job: LogIn) -> Self {
        Self(job.password().to_owned())
    }
}

#[derive(Job)]
#[job_params]
#[derive(Clone)]
#[serde(into = "Stored")]
pub struct LogIn {
    user: String,
    #[param(secret)]
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
