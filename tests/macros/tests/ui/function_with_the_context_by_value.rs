use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(job: JobContext, to: String) -> JobResult {
    job.message(to);
    Ok(())
}

fn main() {
    let _ = SendMail::new("a");
}
