use jobs::prelude::*;

#[derive(Job)]
#[job_params]
pub struct Resize {
    file: String,
}

fn main() {}
