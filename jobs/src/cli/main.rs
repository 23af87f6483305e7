//! The command line without any jobs: everything but executing. See [`jobs::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    jobs::cli::main().await
}
