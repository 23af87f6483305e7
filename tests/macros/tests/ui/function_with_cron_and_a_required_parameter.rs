use jobs::prelude::*;

#[job_fn(cron = "0 3 * * *")]
async fn resize(file: String, #[param(default = 32)] width: u32) -> JobResult {
    let _ = (file, width);
    Ok(())
}

fn main() {
    let _ = Resize::new("a").with_width(3);
}
