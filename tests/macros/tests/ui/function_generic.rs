use jobs::prelude::*;

#[job_fn]
pub async fn send_mail<T: Into<String>>(to: T) -> JobResult {
    let _ = to.into();
    Ok(())
}

fn main() {
    let _ = send_mail("a");
}
