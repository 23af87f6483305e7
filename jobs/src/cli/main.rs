//! The command line without any jobs: everything but executing. See [`jobs::cli`].

use std::io;
use std::process::ExitCode;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main]
async fn main() -> ExitCode {
    // The pages of the dashboard leave details of errors to the log.
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    tracing_subscriber::registry().with(log).with(Targets::new().with_target("jobs", LevelFilter::WARN)).init();
    jobs::cli::main().await
}
