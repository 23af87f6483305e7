//! What a session reads of schedules, and does to them.

use super::Cron;
use super::manage::{add_once, checked, history, list, pause_once, remove_once, replace_once, resume_once, run_once};
use super::record::{CronRecord, Firing};
use crate::client::schedule::{IntoRow as _, Schedulable};
use crate::client::session::{Entry, Session};
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::model::{Action, AuditAction, JobId};
use crate::store::cron::NewSchedule;
use crate::store::row::NewJob;
use crate::store::wake;

impl Session {
    /// Lists all schedules, by name. Takes [`Action::View`]; without [`Action::ViewPayload`], the parameters and unique keys of their jobs
    /// read `"•••"`.
    pub async fn schedules(&self) -> Result<Vec<CronRecord>, Error> {
        let mut schedules = list(self.to_read(Action::View)?).await?;
        self.hide(&mut schedules, CronRecord::hide_payload);
        Ok(schedules)
    }

    /// Lists the latest times for which a schedule has fired. See [`cron::history`](crate::cron::history). Takes [`Action::View`].
    pub async fn firings(&self, name: &str) -> Result<Vec<Firing>, Error> {
        let db = self.to_read(Action::View)?;
        check_name("name", name)?;
        history(db, name).await
    }

    /// Adds a schedule. See [`cron::add`](crate::cron::add). Takes [`Action::ManageCron`], and what it takes to
    /// [schedule](Self::schedule) its job.
    pub async fn add_schedule<S: Schedulable>(&self, name: &str, cron: Cron, job: S) -> Result<(), Error> {
        let entry = self.schedule_entry(AuditAction::AddSchedule, name)?;
        let (cron, new) = (&cron, &self.new_schedule(name, &cron, job)?);
        let added = self
            .change(&entry, |change| async move {
                add_once(&change.transaction, new, cron).await?;
                change.commit(None, ()).await
            })
            .await;
        added.inspect(|()| wake::cron_changed())
    }

    /// Adds a schedule, or replaces the one of this name. See [`cron::replace`](crate::cron::replace). Takes the same as
    /// [`add_schedule`](Self::add_schedule).
    pub async fn replace_schedule<S: Schedulable>(&self, name: &str, cron: Cron, job: S) -> Result<(), Error> {
        let entry = self.schedule_entry(AuditAction::ReplaceSchedule, name)?;
        let (cron, new) = (&cron, &self.new_schedule(name, &cron, job)?);
        let replaced = self
            .change(&entry, |change| async move {
                replace_once(&change.transaction, new, cron).await?;
                change.commit(None, ()).await
            })
            .await;
        replaced.inspect(|()| wake::cron_changed())
    }

    /// Pauses a schedule. See [`cron::pause`](crate::cron::pause). Takes [`Action::ManageCron`].
    pub async fn pause_schedule(&self, name: &str) -> Result<(), Error> {
        let entry = self.schedule_entry(AuditAction::PauseSchedule, name)?;
        let paused = self
            .change(&entry, |change| async move {
                pause_once(&change.transaction, name).await?;
                change.commit(None, ()).await
            })
            .await;
        paused.inspect(|()| wake::cron_changed())
    }

    /// Resumes a paused schedule. See [`cron::resume`](crate::cron::resume). Takes [`Action::ManageCron`].
    pub async fn resume_schedule(&self, name: &str) -> Result<(), Error> {
        let entry = self.schedule_entry(AuditAction::ResumeSchedule, name)?;
        let resumed = self
            .change(&entry, |change| async move {
                resume_once(&change.transaction, name).await?;
                change.commit(None, ()).await
            })
            .await;
        resumed.inspect(|()| wake::cron_changed())
    }

    /// Removes a schedule and its history. See [`cron::remove`](crate::cron::remove). Takes [`Action::ManageCron`].
    pub async fn remove_schedule(&self, name: &str) -> Result<(), Error> {
        let entry = self.schedule_entry(AuditAction::RemoveSchedule, name)?;
        let removed = self
            .change(&entry, |change| async move {
                remove_once(&change.transaction, name).await?;
                change.commit(None, ()).await
            })
            .await;
        removed.inspect(|()| wake::cron_changed())
    }

    /// Schedules a job of a schedule now. See [`cron::run_now`](crate::cron::run_now). Takes [`Action::ManageCron`], and if the job replaces
    /// the one that holds its key ([`OnConflict::Replace`](crate::OnConflict::Replace)), also [`Action::Edit`].
    pub async fn run_schedule_now(&self, name: &str) -> Result<JobId, Error> {
        let entry = self.schedule_entry(AuditAction::RunScheduleNow, name)?;
        let fired = self
            .change(&entry, |change| async move {
                let may = |job: &NewJob| self.check_replacing(job).map(drop);
                let fired = run_once(&change.transaction, name, may).await?;
                change.commit(Some(fired.id()), fired).await
            })
            .await?;
        Ok(fired.announce())
    }

    /// A valid schedule, of a job that may be scheduled.
    fn new_schedule<S: Schedulable>(&self, name: &str, cron: &Cron, job: S) -> Result<NewSchedule, Error> {
        self.check(Action::Schedule)?;
        let (job, options) = job.into_parts();
        let job = job.into_row(options.clone())?;
        self.check_replacing(&job)?;
        checked(name, cron, job, &options)
    }

    fn schedule_entry(&self, action: AuditAction, name: &str) -> Result<Entry, Error> {
        let entry = self.entry(Action::ManageCron, action)?.of(name);
        check_name("name", name)?;
        Ok(entry)
    }
}
