use jobs::prelude::*;

#[job_fn(queu = "mail")]
pub async fn send_mail(to: String) -> JobResult {
    let _ = to;
    Ok(())
}

fn main() {
    let _ = (send_mail("a".into()), SendMail::new("a"));
}
