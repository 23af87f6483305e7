use jobs::prelude::*;

struct Mailer;

impl Mailer {
    #[job_fn]
    pub async fn send_mail(&self, to: String) -> JobResult {
        let _ = to;
        Ok(())
    }
}

fn main() {
    let _ = Mailer.send_mail("a".into());
}
