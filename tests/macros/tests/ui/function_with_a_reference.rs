use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(to: &str) -> JobResult {
    let _ = to;
    Ok(())
}

fn main() {
    let _ = (send_mail("a"), SendMail::new("a"));
}
