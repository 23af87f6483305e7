use jobs::prelude::*;

#[job_params]
#[derive(Job)]
pub struct Resize<T> {
    file: T,
}

fn main() {}
