use jobs::prelude::*;

#[job_fn(queue = )]
pub async fn send_mail(to: String) -> JobResult {
    let _ = to;
    Ok(())
}

fn main() {
    let _ = SendMail::new("a");
}
