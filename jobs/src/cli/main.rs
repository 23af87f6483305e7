//! The commands without jobs of one's own: everything but executing. See [`jobs::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    jobs::cli::main().await
}
