use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(to: impl Into<String>) -> JobResult {
    let _ = to.into();
    Ok(())
}

fn main() {
    let _ = (send_mail("a"), SendMail::new("a"));
}
