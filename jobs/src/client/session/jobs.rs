//! What a session does to single jobs.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Session;
use crate::client::schedule::{IntoRow as _, Schedulable, insert};
use crate::client::{Cancellation, JobHandle, operate, record};
use crate::error::Error;
use crate::job::parameters;
use crate::model::{Action, AuditAction, JobId, OnConflict};
use crate::store::row::NewJob;
use crate::store::wake;

impl Session {
    /// Schedules a job, which may have [options](crate::WithOptions): usually a [`NamedJob`](crate::NamedJob). Takes [`Action::Schedule`], and
    /// with [`OnConflict::Replace`] also [`Action::Edit`].
    ///
    /// The audit has no row if another job that holds its key is used. If that is replaced, it is the job of the row, which names the new
    /// parameters.
    pub async fn schedule<S: Schedulable>(&self, job: S) -> Result<JobHandle<S::Job>, Error> {
        let entry = self.entry(Action::Schedule, AuditAction::Schedule)?;
        let (job, options) = job.into_parts();
        let row = &job.into_row(options)?;
        let replaces = self.check_replacing(row)?;
        let entry = entry.of(&row.name);
        let replacing = &entry.clone().changing(parameters::names(&row.parameters)?);
        let result = self
            .change(&entry, |change| async move {
                let result = insert::insert_unannounced(&change.transaction, row).await?;
                match (result.existed, replaces) {
                    (false, _) => change.commit(Some(JobId(result.id)), result).await,
                    (true, true) => change.told_as(replacing).commit(Some(JobId(result.id)), result).await,
                    (true, false) => change.commit_unchanged(result).await,
                }
            })
            .await?;
        insert::announce(std::iter::once((row, &result)));
        Ok(JobHandle::from_result(result))
    }

    /// Whether a job that is scheduled replaces the one that holds its key. That changes the parameters of the other, which must be allowed.
    pub(crate) fn check_replacing(&self, job: &NewJob) -> Result<bool, Error> {
        let replaces = job.key.as_ref().is_some_and(|key| key.on_conflict == OnConflict::Replace);
        if replaces {
            self.check(Action::Edit)?;
        }
        Ok(replaces)
    }

    /// Cancels a job. See [`cancel`](crate::cancel). Takes [`Action::Cancel`].
    pub async fn cancel(&self, id: impl Into<JobId>) -> Result<Cancellation, Error> {
        let (id, entry) = (id.into(), self.entry(Action::Cancel, AuditAction::Cancel)?);
        let canceled = self
            .change(&entry, |change| async move {
                let canceled = operate::cancel_once(&change.transaction, id).await?;
                change.commit(Some(id), canceled).await
            })
            .await?;
        canceled.announce(id);
        Ok(canceled)
    }

    /// Schedules a closed job again. See [`retry`](crate::retry). Takes [`Action::Retry`].
    pub async fn retry(&self, id: impl Into<JobId>) -> Result<(), Error> {
        let (id, entry) = (id.into(), self.entry(Action::Retry, AuditAction::Retry)?);
        let queue = self
            .change(&entry, |change| async move {
                let queue = operate::retry_once(&change.transaction, id).await?;
                change.commit(Some(id), queue).await
            })
            .await?;
        wake::scheduled(&queue);
        Ok(())
    }

    /// Makes a waiting job due now. See [`run_now`](crate::run_now). Takes [`Action::RunNow`].
    pub async fn run_now(&self, id: impl Into<JobId>) -> Result<(), Error> {
        let (id, entry) = (id.into(), self.entry(Action::RunNow, AuditAction::RunNow)?);
        let queue = self
            .change(&entry, |change| async move {
                let queue = operate::run_now_once(&change.transaction, id).await?;
                change.commit(Some(id), queue).await
            })
            .await?;
        wake::scheduled(&queue);
        Ok(())
    }

    /// Changes one parameter of a waiting job. See [`set_parameter`](crate::set_parameter). The audit has its name, not its value. Takes
    /// [`Action::Edit`].
    pub async fn set_parameter<T: Serialize>(&self, id: impl Into<JobId>, name: &str, value: T) -> Result<(), Error> {
        let (id, entry) = (id.into(), self.entry(Action::Edit, AuditAction::SetParameter)?.changing([name.to_owned()]));
        let value = &parameters::to_value(name, value)?;
        self.change(&entry, |change| async move {
            operate::set_value(&change.transaction, id, name, value).await?;
            change.commit(Some(id), ()).await
        })
        .await
    }

    /// Deletes a closed job. See [`delete`](crate::delete). Its rows in the audit stay. Takes [`Action::Delete`].
    pub async fn delete(&self, id: impl Into<JobId>) -> Result<(), Error> {
        let (id, entry) = (id.into(), self.entry(Action::Delete, AuditAction::Delete)?);
        self.change(&entry, |change| async move {
            operate::delete_once(&change.transaction, id).await?;
            change.commit(Some(id), ()).await
        })
        .await
    }

    /// Reads one parameter of a job, even if it is secret. See [`reveal_parameter`](crate::reveal_parameter). The audit has its name,
    /// even if it turns out to have another type. Takes [`Action::Reveal`].
    pub async fn reveal_parameter<T>(&self, id: impl Into<JobId>, name: &str) -> Result<T, Error>
    where
        T: DeserializeOwned + Send,
    {
        let (id, entry) = (id.into(), self.entry(Action::Reveal, AuditAction::RevealParameter)?.of(name));
        let (parameters, secrets) = self
            .change(&entry, |change| async move {
                let (parameters, secrets) = record::parameters_and_secrets(&change.transaction, id).await?;
                parameters.get::<Value>(name, secrets)?;
                change.commit(Some(id), (parameters, secrets)).await
            })
            .await?;
        // Afterwards: the error of a value that does not decode may quote it.
        parameters.get(name, secrets)
    }
}
