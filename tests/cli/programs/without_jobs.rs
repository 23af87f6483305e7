//! A program with all commands and no jobs, as the crate's own binary is.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    jobs::cli::main().await
}
