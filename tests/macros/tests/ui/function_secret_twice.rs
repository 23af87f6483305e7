use jobs::prelude::*;

#[job_fn]
pub async fn log_in(user: String, #[param(secret, default, secret)] password: String) -> JobResult {
    let _ = (user, password);
    Ok(())
}

fn main() {
    let _ = (log_in("ada".into(), "1234".into()), LogIn::new("ada"));
}
