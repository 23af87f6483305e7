use jobs::prelude::*;

#[job_params]
#[derive(Job)]
pub struct LogIn {
    user: String,
    #[param(secret)]
    #[cfg_attr(unix, serde(rename = "passphrase"))]
    password: String,
    #[param(secret)]
    #[cfg_attr(unix, cfg_attr(unix, serde(rename = "number")))]
    pin: u16,
    #[cfg_attr(unix, cfg_attr(unix, param(secret)))]
    key: String,
}

impl Execute for LogIn {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = LogIn::new("ada", "1234", 1, "2").with_options(jobs::JobOptions::default());
}
