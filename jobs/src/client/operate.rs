//! Acting on a job from outside: cancel, change a parameter, run now, retry, delete.

use sea_orm::{ConnectionTrait, TransactionSession as _};
use serde::Serialize;
use serde_json::Value;

use super::wait;
use crate::error::Error;
use crate::job::limit::limit_key;
use crate::job::parameters::{self, secrets};
use crate::job::registry::{self, Definition};
use crate::model::{JobId, JobStatus};
use crate::store::connection::Connection;
use crate::store::limited::UNLIMITED;
use crate::store::{jobs, keys, maintain, notify, repeat_call, wake};

/// The result of canceling a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cancellation {
    /// The job was waiting, and is now `CANCELED`.
    Done,
    /// The job is running, and was asked to stop: it is notified within a heartbeat, usually at once. It ends `CANCELED` unless
    /// it succeeds before it notices.
    Requested,
}

/// Cancels a job: at once if it is waiting, by request if it is running. [`Error::Closed`] if it has ended.
pub async fn cancel<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<Cancellation, Error> {
    let id = id.into();
    let canceled = repeat_call(db, || cancel_once(db, id)).await?;
    canceled.announce(id);
    Ok(canceled)
}

impl Cancellation {
    /// Announces it within the process.
    pub(super) fn announce(self, id: JobId) {
        match self {
            Self::Done => wait::ended(std::iter::once(id.0)),
            Self::Requested => wake::cancel_requested(),
        }
    }
}

/// Cancels a job; the caller announces it.
pub(super) async fn cancel_once<C: ConnectionTrait>(db: &C, id: JobId) -> Result<Cancellation, Error> {
    jobs::check_before_lock(db, id).await?;
    let changed = jobs::cancel(db, id).await?;
    match jobs::status_now(db, id).await? {
        status if !changed => Err(Error::Closed { id, status }),
        JobStatus::Canceled => {
            notify::send(db, "jobs_finish", &id.to_string()).await?;
            Ok(Cancellation::Done)
        }
        _ => {
            notify::send(db, "jobs_cancel", &id.to_string()).await?;
            Ok(Cancellation::Requested)
        }
    }
}

/// Changes one parameter of a waiting job. If its definition is linked, the parameters must still decode. A secret parameter
/// stays secret; a value given as `{"$secret": value}` makes it secret. `name` is the stored name, not an alias that the
/// definition also reads (`#[serde(alias = …)]`): [`Error::InvalidValue`] says which name is stored.
///
/// [`Error::NotScheduled`] if the job is running, [`Error::Closed`] if it has ended.
pub async fn set_parameter<C: Connection, T: Serialize>(
    db: &C,
    id: impl Into<JobId>,
    name: &str,
    value: T,
) -> Result<(), Error> {
    let id = id.into();
    let value = parameters::to_value(name, value)?;
    repeat_call(db, || set_value(db, id, name, &value)).await
}

pub(super) async fn set_value<C: ConnectionTrait>(db: &C, id: JobId, name: &str, value: &Value) -> Result<(), Error> {
    jobs::check_before_lock(db, id).await?;
    loop {
        let job = jobs::find_to_change(db, id).await?;
        match job.status {
            JobStatus::Scheduled => {}
            JobStatus::Running => return Err(Error::NotScheduled { id }),
            status => return Err(Error::Closed { id, status }),
        }
        let mut changed = job.parameters.0;
        if let Some(object) = changed.as_object_mut() {
            let place = object.entry(name).or_insert(Value::Null);
            let was_secret = secrets::is_marked(place);
            place.clone_from(value);
            if was_secret {
                secrets::mark(object, &[name]);
            }
        }
        let changed = parameters::parse(&parameters::encode_value(changed, registry::secrets(&job.name))?)?;
        // Without the definition, a worker that has it writes the key.
        let mut key = UNLIMITED.to_owned();
        if let Some(definition) = registry::find(&job.name) {
            let decoded = definition
                .decode(&changed.clone().into())
                .map_err(|error| under_stored_name(definition, &changed, name, error))?;
            key = limit_key(&definition.defaults.limits, || decoded.limit_values())?;
        }
        // Someone else may have changed it in the meantime: try again.
        if jobs::replace_parameters(db, id, job.version, changed, &key).await? {
            return Ok(());
        }
    }
}

/// The error; or, if `name` is stored under another name too, an error that says so: without that one, the parameters decode.
fn under_stored_name(definition: &Definition, changed: &Value, name: &str, error: Error) -> Error {
    let decodes_without = |other: &str| {
        let mut rest = changed.clone();
        rest.as_object_mut().is_some_and(|rest| rest.remove(other).is_some()) && definition.decode(&rest.into()).is_ok()
    };
    let mut others = changed.as_object().into_iter().flat_map(|object| object.keys()).filter(|other| *other != name);
    match others.find(|other| parameters::is_duplicate(&error) && decodes_without(other)) {
        Some(stored) => Error::invalid(name, format!("this job has it under another name: set `{stored}`")),
        None => error,
    }
}

/// Makes a waiting job due now: one that was scheduled for later, or that waits for its next attempt. A job that is due already keeps its
/// place. [`Error::NotScheduled`] if the job is running, [`Error::Closed`] if it has ended.
pub async fn run_now<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<(), Error> {
    let id = id.into();
    let queue = repeat_call(db, || run_now_once(db, id)).await?;
    wake::scheduled(&queue);
    Ok(())
}

/// Makes a job due; the caller wakes the queue in which it waits, which is returned.
pub(super) async fn run_now_once<C: ConnectionTrait>(db: &C, id: JobId) -> Result<String, Error> {
    jobs::check_before_lock(db, id).await?;
    if !jobs::make_due(db, id).await? {
        return Err(match jobs::status_now(db, id).await? {
            status if status.is_closed() => Error::Closed { id, status },
            _ => Error::NotScheduled { id },
        });
    }
    let queue = jobs::find(db, id).await?.queue;
    notify::send(db, "jobs_wake", &queue).await?;
    Ok(queue)
}

/// Schedules a closed job again, due now: it keeps its id, parameters and history, loses its results and progress, and gets as
/// many further attempts as it was originally given. [`Error::NotClosed`] if it has not ended.
///
/// A unique job takes its key again: [`Error::Duplicate`] if another job holds it, and then nothing is changed.
pub async fn retry<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<(), Error> {
    let id = id.into();
    let queue = repeat_call(db, || retry_once(db, id)).await?;
    wake::scheduled(&queue);
    Ok(())
}

/// Schedules a job again; the caller wakes the queue in which it waits now, which is returned.
pub(super) async fn retry_once<C: Connection>(db: &C, id: JobId) -> Result<String, Error> {
    jobs::check_before_lock(db, id).await?;
    // Without options: inside the caller's transaction this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    if !jobs::retry(&transaction, id).await? {
        return Err(Error::NotClosed { id, status: jobs::status_now(&transaction, id).await? });
    }
    let job = jobs::find(&transaction, id).await?;
    if let Some(key) = &job.unique_key {
        keys::acquire_again(&transaction, id, key, job.version).await?;
    }
    notify::send(&transaction, "jobs_wake", &job.queue).await?;
    transaction.commit().await?;
    Ok(job.queue)
}

/// Deletes a closed job with its messages and history. [`Error::NotClosed`] if it has not ended.
pub async fn delete<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<(), Error> {
    let id = id.into();
    repeat_call(db, || delete_once(db, id)).await
}

pub(super) async fn delete_once<C: Connection>(db: &C, id: JobId) -> Result<(), Error> {
    match maintain::delete_closed(db, id).await? {
        status if status.is_closed() => Ok(()),
        status => Err(Error::NotClosed { id, status }),
    }
}
