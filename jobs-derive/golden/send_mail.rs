/// Sends a mail.
#[job_fn(queue = "mail", retry = exponential("1s", cap = "10m"), unique(by(to)), limit(running = 50), limit(by(to, copies), running = 3))]
pub async fn send_mail(job: &JobContext, to: String, #[param(default = 3)] copies: u32) -> JobResult<()> {
    job.message(to);
    Ok(())
}
