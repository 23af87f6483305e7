use jobs::prelude::*;

#[job_params]
pub async fn resize(file: String) {
    let _ = file;
}

fn main() {
    let _ = resize("a".into());
}
