use jobs::prelude::*;

#[job_fn(limit(by(account), running = 3))]
pub async fn import(_: &JobContext) -> JobResult {
    Ok(())
}

fn main() {
    let _ = Import::new();
}
