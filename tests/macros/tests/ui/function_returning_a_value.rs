use jobs::prelude::*;

#[job_fn]
pub async fn count(words: Vec<String>) -> usize {
    words.len()
}

fn main() {
    let _ = (count(Vec::new()), Count::new([]));
}
