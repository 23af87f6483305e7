use jobs::prelude::*;

#[job_fn]
pub extern "C" fn count() {}

fn main() {
    let _ = Count::new();
}
