use jobs::prelude::*;

#[derive(Job)]
#[job(cron = "0 3 * * *")]
#[job_params]
pub struct Resize {
    file: String,
    #[param(default = 32)]
    width: u32,
}

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = Resize::new("a").with_width(3).with_options(jobs::JobOptions::default());
}
