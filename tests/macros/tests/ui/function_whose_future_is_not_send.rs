use jobs::prelude::*;

#[job_fn]
pub async fn send_mail(to: String) -> JobResult {
    let to = std::rc::Rc::new(to);
    std::future::ready(()).await;
    drop(to);
    Ok(())
}

fn main() {
    let _ = SendMail::new("a");
}
