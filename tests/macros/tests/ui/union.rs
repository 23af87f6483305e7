use jobs::prelude::*;

#[derive(Job)]
pub union Resize {
    width: u32,
    area: f32,
}

fn main() {}
