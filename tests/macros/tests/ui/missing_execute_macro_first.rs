use jobs::prelude::*;

#[job_params]
#[derive(Job)]
pub struct Resize {
    file: String,
}

fn main() {}
