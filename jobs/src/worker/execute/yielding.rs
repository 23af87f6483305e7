//! Giving way to other tasks.

use std::future::poll_fn;
use std::task::Poll;

/// Lets other tasks run. Then any thread may resume this one: `tokio::task::yield_now` leaves that to the thread that ran it, which the next
/// job may occupy forever.
pub(super) async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_that_has_yielded_goes_on_while_another_occupies_its_thread() {
        let (send, receive) = mpsc::channel();
        let yielding = tokio::spawn(async move {
            // It is the next task of this thread.
            let occupying = tokio::spawn(async move { receive.recv_timeout(Duration::from_secs(10)) });
            yield_now().await;
            send.send(()).expect("the other task waits for it");
            occupying.await.expect("it does not panic")
        });
        assert_eq!(yielding.await.expect("it does not panic"), Ok(()));
    }
}
