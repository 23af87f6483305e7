//! A worker whose jobs are in a library, which it names once.

mod program;
#[path = "../support/setup.rs"]
mod setup;

use story_jobs as _;

fn main() -> std::process::ExitCode {
    program::main()
}
