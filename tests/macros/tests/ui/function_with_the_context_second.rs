use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(to: String, job: &JobContext) -> JobResult {
    job.message(to);
    Ok(())
}

fn main() {
    let _ = SendMail::new("a");
}
