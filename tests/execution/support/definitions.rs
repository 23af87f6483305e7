//! The jobs that the cases schedule. Most of them do what their case says: the script, which is their worker's state.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jobs::prelude::*;
use jobs_tests::{Database, soon};
use serde::Serialize;
use serde_json::Value;

/// The code of a case's jobs. Every worker here needs one.
#[derive(Clone)]
pub(crate) struct Script(Arc<dyn Fn(JobContext) -> Played + Send + Sync>);

type Played = Pin<Box<dyn Future<Output = JobResult<Value>> + Send>>;

impl Script {
    pub(crate) fn new<R, T>(script: impl Fn(JobContext) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = JobResult<T>> + Send + 'static,
        T: Serialize,
    {
        Self(Arc::new(move |job| {
            let played = script(job);
            Box::pin(async move { Ok(serde_json::to_value(played.await?)?) })
        }))
    }
}

/// A worker whose jobs do what the script says.
pub(crate) fn worker<R, T>(t: &Database, script: impl Fn(JobContext) -> R + Send + Sync + 'static) -> Worker
where
    R: Future<Output = JobResult<T>> + Send + 'static,
    T: Serialize,
{
    Worker::new(t.db().clone()).state(Script::new(script))
}

/// A worker whose jobs have nothing to do.
pub(crate) fn idle_worker(t: &Database) -> Worker {
    worker(t, |_| async { Ok(()) })
}

/// Executes what is due.
pub(crate) async fn work<R, T>(t: &Database, script: impl Fn(JobContext) -> R + Send + Sync + 'static)
where
    R: Future<Output = JobResult<T>> + Send + 'static,
    T: Serialize,
{
    soon(worker(t, script).run_until_idle()).await.unwrap();
}

/// The error of a script that went wrong.
pub(crate) fn wrong(error: impl Into<JobError>) -> JobResult {
    Err(error.into())
}

/// Plays the script. If it fails, it waits until the case makes it due.
#[derive(Job, Debug)]
#[job(queue = "play", retry = fixed("1h"), state = Script)]
#[job_params]
pub(crate) struct Play {
    #[param(default)]
    name: String,
}

/// Plays the script, under another name in the same queue.
#[derive(Job, Debug)]
#[job(queue = "play", retry = fixed("1h"), state = Script)]
#[job_params]
pub(crate) struct Encore {
    #[param(default)]
    name: String,
}

/// Plays the script in its own queue.
#[derive(Job, Debug)]
#[job(queue = "aside", retry = fixed("1ms"), max_attempts = 2, state = Script)]
#[job_params]
pub(crate) struct Aside {
    #[param(default)]
    name: String,
}

/// Plays the script, once.
#[derive(Job, Debug)]
#[job(queue = "play", retry = fixed("1ms"), max_attempts = 1, state = Script)]
#[job_params]
pub(crate) struct Once {
    #[param(default)]
    name: String,
}

/// Plays the script, for a tenth of a second.
#[derive(Job, Debug)]
#[job(queue = "play", retry = fixed("1ms"), max_attempts = 2, timeout = "100ms", state = Script)]
#[job_params]
pub(crate) struct Timed {
    #[param(default)]
    name: String,
}

macro_rules! plays_the_script {
    ($($job:ident),*) => {
        $(impl Execute for $job {
            type Output = Value;

            async fn execute(&self, job: &JobContext) -> JobResult<Value> {
                (job.state::<Script>().0)(job.clone()).await
            }
        })*
    };
}

plays_the_script!(Play, Encore, Aside, Once, Timed);

/// Adds two numbers.
#[derive(Job, Debug)]
#[job(max_attempts = 2, retry = fixed("1h"))]
#[job_params]
pub(crate) struct Add {
    a: i64,
    #[param(default = 1)]
    b: i64,
}

impl Execute for Add {
    type Output = i64;

    async fn execute(&self, _job: &JobContext) -> JobResult<i64> {
        Ok(self.a() + self.b())
    }
}

/// Returns a value that JSON can't represent.
#[derive(Job, Debug)]
#[job_params]
pub(crate) struct Unspeakable;

impl Execute for Unspeakable {
    type Output = std::collections::HashMap<(u8, u8), u8>;

    async fn execute(&self, _job: &JobContext) -> JobResult<Self::Output> {
        Ok([((1, 2), 3)].into())
    }
}
