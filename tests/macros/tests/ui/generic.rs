use jobs::prelude::*;

#[derive(Job)]
#[job_params]
pub struct Resize<T> {
    file: T,
}

fn main() {}
