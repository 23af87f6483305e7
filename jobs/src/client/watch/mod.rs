//! Following single jobs.

mod event;
#[cfg(feature = "web")]
mod place;
mod reader;
mod told;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use futures_util::future::BoxFuture;
use sea_orm::DatabaseConnection;

use crate::error::Error;
use crate::model::JobId;
pub use event::{JobEvent, JobEventId, JobEventKind, JobState};
use reader::Reader;
use told::Batch;

/// Follows a job until it has ended: its states, its messages in order, and its record at the end.
///
/// ```standalone_crate
/// use jobs::JobEventKind;
/// # use jobs::prelude::*;
/// # #[job_fn] async fn greet(job: &JobContext) -> JobResult { job.message("hello"); Ok(()) }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// # let handle = Greet::new().schedule(&db).await?;
/// # jobs::testing::drain(&db).await?;
/// let mut events = jobs::watch(&db, handle);
/// while let Some(event) = events.next().await {
///     match event?.kind {
///         JobEventKind::State(state) => println!("{}, {}%", state.status, state.progress),
///         JobEventKind::Message(message) => println!("{}", message.text),
///         JobEventKind::End(job) => println!("{}: {:?}", job.status, job.results),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
///
/// Each message is told once, after all before it, and after the state of its attempt if that still runs. If several states follow within
/// half a second, you get only the last.
///
/// All who follow jobs through one pool of connections share one read of the database: usually every half second, sooner while there is more
/// than one read returns (200 jobs, 100 messages of each), and later if reads are slow: the pause is ten times as long as the read took, up
/// to ten seconds. A slow reader misses nothing: events stay in the database until it asks for them. A stream that was asked for its next
/// event is read for until there is one, or until the stream is dropped; otherwise no statement is sent for it. `MariaDB` and `MySQL`
/// walk all messages of a job to find its new ones: a job with very many makes reads slower there.
///
/// [`JobEvents::after`] goes on after an event that is known, in any process. If the database can't be reached, or does not answer within
/// 30 seconds, it is asked again until it does; the first failure is logged as a warning. After an error, nothing follows:
/// [`Error::NotFound`] if there is no such job, or if it is deleted.
#[must_use = "a stream does nothing unless it is read"]
pub fn watch(db: &DatabaseConnection, id: impl Into<JobId>) -> JobEvents {
    JobEvents {
        db: db.clone(),
        id: id.into(),
        told: JobEventId::START,
        batch: VecDeque::new(),
        asked: None,
        is_over: false,
        hides_payload: false,
    }
}

/// The events of a job: [`watch`] returns it.
///
/// [`next`](Self::next) is all it takes. It is also a [`Stream`](https://docs.rs/futures/latest/futures/stream/trait.Stream.html), for the
/// combinators of `futures` and for web frameworks.
#[must_use = "a stream does nothing unless it is read"]
pub struct JobEvents {
    db: DatabaseConnection,
    id: JobId,
    /// The last event that was returned.
    told: JobEventId,
    /// Those that follow.
    batch: VecDeque<JobEvent>,
    /// The request for the next ones.
    asked: Option<BoxFuture<'static, Result<Batch, Error>>>,
    is_over: bool,
    hides_payload: bool,
}

impl JobEvents {
    /// Goes on after this event of the same job, which another stream has returned, perhaps in another process.
    ///
    /// ```standalone_crate
    /// # use jobs::prelude::*;
    /// # #[job_fn] async fn greet(job: &JobContext) -> JobResult { job.message("hello"); Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
    /// # let db = jobs::testing::database().await?;
    /// # let handle = Greet::new().schedule(&db).await?;
    /// # jobs::testing::drain(&db).await?;
    /// let first = handle.watch(&db).next().await.expect("a job has at least one event")?;
    /// let kept = first.id.to_string();
    /// // Later, or elsewhere:
    /// let mut rest = jobs::watch(&db, handle.id()).after(kept.parse()?);
    /// # let mut count = 0;
    /// while let Some(event) = rest.next().await {
    ///     assert_ne!(event?, first);
    /// #   count += 1;
    /// }
    /// # assert_eq!(count, 1);
    /// # Ok(()) }
    /// ```
    pub fn after(self, event: JobEventId) -> Self {
        Self { told: event, hides_payload: self.hides_payload, ..watch(&self.db, self.id) }
    }

    /// The same events, with results, errors and texts of messages hidden.
    pub(super) fn hiding_payload(self) -> Self {
        Self { hides_payload: true, ..self }
    }

    /// The next event; `None` after the end of the job.
    ///
    /// Nothing is lost if the returned future is dropped before it is ready, as in `tokio::select!`.
    pub async fn next(&mut self) -> Option<Result<JobEvent, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for JobEvents {
    type Item = Result<JobEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(mut event) = this.batch.pop_front() {
                this.told = event.id;
                if this.hides_payload {
                    event.hide_payload();
                }
                return Poll::Ready(Some(Ok(event)));
            }
            if this.is_over {
                return Poll::Ready(None);
            }
            let asked = this.asked.get_or_insert_with(|| {
                let (db, id, told) = (this.db.clone(), this.id, this.told);
                Box::pin(Reader::of(&db).next(db, id, told))
            });
            let answer = ready!(asked.as_mut().poll(context));
            this.asked = None;
            match answer {
                Ok(Batch { events, is_last }) => (this.batch, this.is_over) = (events.into(), is_last),
                Err(error) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl fmt::Debug for JobEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobEvents({} after {})", self.id, self.told)
    }
}
