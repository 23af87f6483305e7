//! Blocking code of a job, on threads of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::JobContext;
use crate::job::panics::Caught;

impl JobContext {
    /// Runs blocking or CPU-bound code on a new thread, one for each call, and returns its result.
    ///
    /// The code does not delay other jobs, and the process does not wait for it when it exits, unlike with tokio's `spawn_blocking`. A
    /// panic in it is the job's panic. For many short pieces of work, make one call that does them all.
    ///
    /// The code can't be stopped from outside: if it runs for long, it should check [`stop_reason`](Self::stop_reason) regularly. If
    /// `execute` does not wait for it to end (for example, because of a `select!` or a timeout), it is asked to stop when `execute` has
    /// returned, and no other attempt starts while it runs. If it was asked to stop and still runs when the
    /// [grace](crate::Worker::cancel_grace) is over, the job ends `FAILED`, and is not retried: two attempts could run at once.
    ///
    /// # Panics
    ///
    /// If the system can't start a thread: the attempt fails, and is retried.
    pub async fn run_blocking<T: Send + 'static>(&self, code: impl FnOnce() -> T + Send + 'static) -> T {
        let blocking = self.attempt.activity.blocking.enter();
        let runtime = tokio::runtime::Handle::current();
        let span = tracing::Span::current();
        let (done, result) = tokio::sync::oneshot::channel();
        // Not a thread of the runtime: the process would wait for its code before it ends.
        let thread = std::thread::Builder::new().name("jobs-blocking".into()).spawn(move || {
            let _until_it_ends = blocking;
            let _runtime = runtime.enter();
            let unheard = done.send(span.in_scope(|| catch_unwind(AssertUnwindSafe(code)).map_err(Caught::new)));
            // If the receiver is gone, the result is dropped here. That may panic, with a payload whose drop panics again: a thread
            // that ends with such a payload ends the process.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(unheard))) {
                std::mem::forget(panic);
            }
        });
        thread.unwrap_or_else(|error| panic!("no thread can be started for blocking code: {error}"));
        match result.await {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => panic.resume(),
            Err(_) => unreachable!("the thread sends what its code returns or panics with"),
        }
    }
}
