use jobs::prelude::*;

#[job_fn(limit(by(account), running = 3))]
pub async fn import(#[param(secret)] account: String) -> JobResult {
    let _ = account;
    Ok(())
}

fn main() {
    let _ = (import("acme".into()), Import::new("acme"));
}
