use jobs::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Address;

#[job_fn]
pub async fn send_mail(to: Address) -> JobResult {
    let _ = to;
    Ok(())
}

fn main() {
    let _ = SendMail::new(Address);
}
