use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(_: String) -> JobResult {
    Ok(())
}

fn main() {
    let _ = send_mail("a".into());
}
