//! `worker`.

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, note};
use crate::Worker;

#[derive(Debug, Args)]
pub(super) struct RunWorker {
    /// Serve this queue, with at most this many jobs at once; may be given more than once [default: as this program configures, or the
    /// default queue and every queue that a definition names].
    #[arg(long, value_name = "NAME:CONCURRENCY", value_parser = queue)]
    queue: Vec<(String, usize)>,
}

fn queue(text: &str) -> Result<(String, usize), String> {
    let (name, concurrency) =
        text.rsplit_once(':').ok_or("a name and a number of jobs at once are needed, such as mail:10")?;
    let concurrency =
        concurrency.parse().map_err(|error| format!("`{concurrency}` is not a number of jobs: {error}"))?;
    Ok((name.to_owned(), concurrency))
}

impl RunWorker {
    pub(super) async fn run(self, db: DatabaseConnection, set_up: impl FnOnce(Worker) -> Worker) -> CommandResult {
        let mut worker = set_up(Worker::new(db));
        if !self.queue.is_empty() {
            worker = worker.only_queues(self.queue);
        }
        note("Executing jobs, until Ctrl-C or SIGTERM.");
        worker.run().await?;
        Ok(())
    }
}
