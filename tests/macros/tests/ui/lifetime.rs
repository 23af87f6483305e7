use jobs::prelude::*;

#[derive(Job)]
#[job_params]
pub struct Resize<'a> {
    #[serde(borrow)]
    file: &'a str,
}

fn main() {}
