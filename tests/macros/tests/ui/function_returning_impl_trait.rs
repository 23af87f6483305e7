use jobs::prelude::*;

#[job_fn]
pub fn count(words: Vec<String>) -> impl Iterator<Item = usize> {
    words.into_iter().map(|word| word.len())
}

fn main() {
    let _ = (count(Vec::new()), Count::new([]));
}
