//! A program with a job of its own and all commands: `migrate`, `schedule`, `worker`, `list`, `show`, `watch`, `doctor` and others.
//!
//! ```sh
//! export JOBS_DATABASE_URL=sqlite:cli.db
//! cargo run --example cli -- migrate
//! cargo run --example cli -- schedule Count --param to=20 --param label=sheep
//! cargo run --example cli -- worker                     # in another terminal, until Ctrl-C
//! cargo run --example cli -- watch 1
//! cargo run --example cli -- show 1
//! cargo run --example cli -- help
//! ```

use std::process::ExitCode;
use std::time::Duration;

use jobs::prelude::*;
use tracing_subscriber::EnvFilter;

/// Count slowly, saying each number.
#[derive(Job)]
#[job(queue = "numbers", max_attempts = 3)]
#[job_params]
struct Count {
    #[param(default = 10)]
    to: u32,
    #[param(default = "numbers".to_owned())]
    label: String,
}

impl Execute for Count {
    type Output = String;

    async fn execute(&self, job: &JobContext) -> JobResult<String> {
        for number in 1..=self.to() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            job.message(format!("{number} {}", self.label()));
            job.set_progress_of(number.into(), self.to().into());
        }
        Ok(format!("{} {}", self.to(), self.label()))
    }
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    // This one line gives the program all commands.
    jobs::cli::main().await
}
