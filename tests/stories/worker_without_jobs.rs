//! A worker that forgets to name the library that has its jobs.

mod program;
mod setup;

fn main() -> std::process::ExitCode {
    program::main()
}
