use jobs::prelude::*;

#[job_fn]
pub struct Resize {
    pub file: String,
}

fn main() {
    let _ = Resize { file: "a".into() };
}
