//! The handle of a scheduled job, typed by its job.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::operate::{self, Cancellation};
use super::record::{self, Attempt, JobRecord, Message};
use super::watch::{self, JobEvents};
use super::{wait, why};
use crate::error::Error;
use crate::job::{Execute, Job};
use crate::model::{JobId, JobStatus, Why};
use crate::store::connection::Connection;
use crate::store::insert::InsertResult;

/// A scheduled job: its id, typed by its job. `Copy`, and serialized as the number.
pub struct JobHandle<J> {
    id: JobId,
    existed: bool,
    job: PhantomData<fn() -> J>,
}

impl<J> JobHandle<J> {
    /// The identifier.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Whether the job already existed: scheduling found it holding the unique key. False for a handle made from a number or
    /// deserialized.
    #[must_use]
    pub const fn existed(&self) -> bool {
        self.existed
    }

    pub(crate) const fn from_result(result: InsertResult) -> Self {
        Self { id: JobId(result.id), existed: result.existed, job: PhantomData }
    }
}

impl<J: Job> JobHandle<J> {
    /// The job's status.
    pub async fn status<C: Connection>(&self, db: &C) -> Result<JobStatus, Error> {
        record::status(db, self.id).await
    }

    /// The progress of the latest attempt, 0 to 100.
    pub async fn progress<C: Connection>(&self, db: &C) -> Result<u8, Error> {
        record::progress(db, self.id).await
    }

    /// Everything that is stored about the job.
    pub async fn record<C: Connection>(&self, db: &C) -> Result<JobRecord, Error> {
        record::record(db, self.id).await
    }

    /// One parameter, even if it is secret. See [`reveal_parameter`](crate::reveal_parameter).
    pub async fn reveal_parameter<T: DeserializeOwned>(&self, db: &impl Connection, name: &str) -> Result<T, Error> {
        record::reveal_parameter(db, self.id, name).await
    }

    /// The job's messages, oldest first.
    pub async fn messages<C: Connection>(&self, db: &C) -> Result<Vec<Message>, Error> {
        record::messages(db, self.id).await
    }

    /// All results of the latest attempt, by name.
    pub async fn results<C: Connection>(&self, db: &C) -> Result<BTreeMap<String, Value>, Error> {
        record::results(db, self.id).await
    }

    /// The result of this name.
    pub async fn result<T: DeserializeOwned>(&self, db: &impl Connection, name: &str) -> Result<T, Error> {
        record::result(db, self.id, name).await
    }

    /// The value that `execute` returned, or why there is none.
    pub async fn output<C: Connection>(&self, db: &C) -> Result<<J as Execute>::Output, Error> {
        record::output(db, self.id).await
    }

    /// The job's unsuccessful attempts, in order.
    pub async fn failed_attempts<C: Connection>(&self, db: &C) -> Result<Vec<Attempt>, Error> {
        record::failed_attempts(db, self.id).await
    }

    /// Why the job waits. See [`why`](crate::why).
    pub async fn why<C: Connection>(&self, db: &C) -> Result<Why, Error> {
        why::why(db, self.id).await
    }

    /// Waits until the job has ended, and returns the value that `execute` returned, or why there is none.
    pub async fn wait(&self, db: &DatabaseConnection) -> Result<<J as Execute>::Output, Error> {
        wait::wait(db, self.id).await?.output()
    }

    /// Like [`wait`](Self::wait), for at most `limit`: [`Error::WaitTimeout`] after that. The job keeps running.
    pub async fn wait_timeout(
        &self,
        db: &DatabaseConnection,
        limit: Duration,
    ) -> Result<<J as Execute>::Output, Error> {
        wait::wait_timeout(db, self.id, limit).await?.output()
    }

    /// Follows the job while it runs. See [`watch`](crate::watch()).
    pub fn watch(&self, db: &DatabaseConnection) -> JobEvents {
        watch::watch(db, self.id)
    }

    /// Cancels the job. See [`cancel`](crate::cancel).
    pub async fn cancel<C: Connection>(&self, db: &C) -> Result<Cancellation, Error> {
        operate::cancel(db, self.id).await
    }

    /// Changes one parameter while the job waits. See [`set_parameter`](crate::set_parameter).
    pub async fn set_parameter<C: Connection, T: Serialize>(&self, db: &C, name: &str, value: T) -> Result<(), Error> {
        operate::set_parameter(db, self.id, name, value).await
    }

    /// Makes the job due now while it waits. See [`run_now`](crate::run_now).
    pub async fn run_now<C: Connection>(&self, db: &C) -> Result<(), Error> {
        operate::run_now(db, self.id).await
    }

    /// Schedules the job again after it has ended. See [`retry`](crate::retry).
    pub async fn retry<C: Connection>(&self, db: &C) -> Result<(), Error> {
        operate::retry(db, self.id).await
    }

    /// Deletes the job after it has ended.
    pub async fn delete<C: Connection>(&self, db: &C) -> Result<(), Error> {
        operate::delete(db, self.id).await
    }
}

// By hand, because derives would add bounds on `J`.

impl<J> Clone for JobHandle<J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<J> Copy for JobHandle<J> {}

impl<J> PartialEq for JobHandle<J> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<J> Eq for JobHandle<J> {}

impl<J> Hash for JobHandle<J> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<J> fmt::Debug for JobHandle<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobHandle({})", self.id)
    }
}

impl<J> fmt::Display for JobHandle<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl<J> From<JobId> for JobHandle<J> {
    fn from(id: JobId) -> Self {
        Self { id, existed: false, job: PhantomData }
    }
}

impl<J> From<JobHandle<J>> for JobId {
    fn from(handle: JobHandle<J>) -> Self {
        handle.id
    }
}

impl<J> Serialize for JobHandle<J> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.id.serialize(serializer)
    }
}

impl<'de, J> Deserialize<'de> for JobHandle<J> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JobId::deserialize(deserializer).map(Self::from)
    }
}
