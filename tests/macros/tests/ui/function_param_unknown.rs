use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(to: String, #[param(defult = 3)] copies: u32) -> JobResult {
    let _ = (to, copies);
    Ok(())
}

fn main() {
    let _ = (send_mail("a".into(), 1), SendMail::new("a"));
}
