use jobs::prelude::*;

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Format;

#[derive(Job)]
#[job_params]
pub struct LogIn {
    user: String,
    #[param(secret)]
    password: String,
    #[param(default)]
    format: Format,
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
