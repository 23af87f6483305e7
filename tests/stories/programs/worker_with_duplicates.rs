//! A worker with two jobs of one name.

mod program;
#[path = "../support/setup.rs"]
mod setup;

mod one {
    #[jobs::job_fn]
    pub(super) fn twice() {}
}

mod other {
    #[jobs::job_fn]
    pub(super) fn twice() {}
}

fn main() -> std::process::ExitCode {
    // Both are functions still.
    one::twice();
    other::twice();
    program::main()
}
