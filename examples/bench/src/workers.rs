//! Workers in this process, with the defaults, as any program would run them.

use std::pin::pin;
use std::time::Duration;

use jobs::sea_orm::DatabaseConnection;
use jobs::{CancellationToken, Worker};
use tokio::task::JoinSet;

use crate::Result;
use crate::database::Database;

/// How long anything may take before the run is given up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// A worker with the defaults.
pub(crate) fn worker(db: DatabaseConnection, queues: &[(&str, usize)]) -> Worker {
    queues.iter().fold(Worker::new(db), |worker, (queue, concurrency)| worker.queue(*queue, *concurrency))
}

/// Workers that run until they are stopped.
pub(crate) struct Workers {
    stop: CancellationToken,
    tasks: JoinSet<std::result::Result<(), jobs::Error>>,
}

impl Workers {
    /// Starts this many workers, each on its own connection.
    pub(crate) async fn start(database: &Database, number: u16, queues: &[(&str, usize)]) -> Result<Self> {
        Self::start_with(database, number, queues, |worker| worker).await
    }

    /// Starts workers that are set up further.
    pub(crate) async fn start_with(
        database: &Database,
        number: u16,
        queues: &[(&str, usize)],
        set_up: impl Fn(Worker) -> Worker,
    ) -> Result<Self> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for _ in 0..number {
            let worker = set_up(worker(jobs::connect(&database.url).await?, queues));
            tasks.spawn(worker.stop_on(stop.clone()).run());
        }
        Ok(Self { stop, tasks })
    }

    /// Returns the future's output; an error if a worker ends first, or if it takes too long.
    pub(crate) async fn until<T>(&mut self, done: impl Future<Output = T>) -> Result<T> {
        let done = pin!(tokio::time::timeout(PATIENCE, done));
        tokio::select! {
            done = done => done.map_err(|_| format!("not done within {PATIENCE:?}").into()),
            Some(ended) = self.tasks.join_next() => match ended? {
                Ok(()) => Err("a worker ended early".into()),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Stops them, and waits until they have left.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}
