//! A worker that forgets to name the library that has its jobs.

mod program;
#[path = "../support/setup.rs"]
mod setup;

fn main() -> std::process::ExitCode {
    program::main()
}
