use jobs::prelude::*;

#[job_fn(limit(by(acount), running = 3))]
pub async fn import(_account: String) -> JobResult {
    Ok(())
}

fn main() {
    let _ = (import("acme".into()), Import::new("acme"));
}
