use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(execute: bool) -> JobResult {
    let _ = execute;
    Ok(())
}

fn main() {
    let _ = SendMail::new(true);
}
