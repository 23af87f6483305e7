use jobs::prelude::*;

#[job_params]
#[derive(Job)]
pub struct Resize {
    file: String,
    #[cfg(unix)]
    owner: Option<u32>,
}

impl Execute for Resize {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn main() {
    let _ = Resize::new("a").with_owner(3);
}
