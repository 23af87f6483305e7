//! `cancel`, `retry`, `delete`: by ids, or all that a filter lets through.

use clap::Args;
use sea_orm::DatabaseConnection;
use serde::Serialize;

use super::failure::{Done, Failure, complain};
use super::filter::FilterArguments;
use super::output::Output;
use crate::error::chain;
use crate::{Cancellation, Error, JobFilter, JobId, JobStatus};

#[derive(Debug, Args)]
pub(super) struct Selection {
    /// The jobs.
    ids: Vec<JobId>,

    #[command(flatten)]
    which: FilterArguments,

    /// Yes, all jobs that these conditions let through.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Cancel,
    Retry,
    Delete,
}

/// What came of one job.
#[derive(Debug, Serialize)]
struct Outcome {
    id: JobId,
    /// What was done.
    done: Option<&'static str>,
    /// Why nothing was.
    error: Option<String>,
}

impl Outcome {
    fn done(id: JobId, done: &'static str) -> Self {
        Self { id, done: Some(done), error: None }
    }

    /// It can't be done to this job.
    fn refused(id: JobId, error: &Error) -> Self {
        let error = match error {
            Error::NotFound { .. } | Error::Closed { .. } | Error::NotClosed { .. } => error.to_string(),
            // These do not name the job.
            error => format!("job {id}: {}", chain(error)),
        };
        Self { id, done: None, error: Some(error) }
    }

    fn sentence(&self) -> Option<String> {
        self.done.map(|done| format!("job {} is {done}", self.id))
    }
}

/// Says what could not be done.
fn complain_of(outcomes: &[Outcome]) -> Done {
    let errors: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.error.as_deref()).collect();
    for error in &errors {
        complain(error);
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::Said) }
}

impl Verb {
    pub(super) async fn run(self, selection: Selection, db: &DatabaseConnection, output: Output) -> Done {
        match (selection.ids.is_empty(), selection.which.is_empty()) {
            (true, true) => Err(Failure::Usage("which jobs? Give their ids, or conditions such as --queue".into())),
            (false, false) => Err(Failure::Usage("give ids or conditions, not both".into())),
            (false, true) => self.each(&selection.ids, db, output).await,
            (true, false) => self.all(selection, db, output).await,
        }
    }

    /// Those that are named. What can't be done to one is said, and the others are done.
    async fn each(self, ids: &[JobId], db: &DatabaseConnection, output: Output) -> Done {
        let mut outcomes = Vec::with_capacity(ids.len());
        for &id in ids {
            outcomes.push(match self.act(db, id).await {
                Ok(done) => Outcome::done(id, done),
                Err(error) => Outcome::refused(id, &error),
            });
        }
        // At the end: where nobody reads it, everything is done all the same.
        let shown = output.show_lines(&outcomes, outcomes.iter().filter_map(Outcome::sentence));
        complain_of(&outcomes).and(shown)
    }

    /// Those that a filter lets through, the newest first: jobs that are scheduled meanwhile are not among them.
    async fn all(self, selection: Selection, db: &DatabaseConnection, output: Output) -> Done {
        let filter = self.filter(selection.which)?;
        if !selection.yes {
            let jobs = crate::counts(db, filter).await?.total();
            return Err(Failure::Usage(format!("this would {} {jobs} job(s): add --yes to do so", self.name())));
        }
        let mut outcomes = Vec::new();
        let ended = self.act_on_all(db, filter, &mut outcomes).await;
        let done = outcomes.iter().filter(|outcome| outcome.done.is_some()).count();
        let shown = output.show(&outcomes, || format!("{done} job(s) {}", self.past()));
        let complained = complain_of(&outcomes);
        ended?;
        complained.and(shown)
    }

    async fn act_on_all(
        self,
        db: &DatabaseConnection,
        filter: JobFilter,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Error> {
        let mut page = crate::list(db, filter.clone()).await?;
        while let Some(last) = page.last().map(|job| job.id) {
            for id in page.iter().map(|job| job.id) {
                match self.act(db, id).await {
                    Ok(done) => outcomes.push(Outcome::done(id, done)),
                    // It has changed since it was listed: the filter no longer means it.
                    Err(Error::Closed { .. } | Error::NotClosed { .. } | Error::NotFound { .. }) => {}
                    Err(error @ Error::Duplicate { .. }) => outcomes.push(Outcome::refused(id, &error)),
                    Err(error) => return Err(error),
                }
            }
            page = crate::list(db, filter.clone().after(last)).await?;
        }
        Ok(())
    }

    async fn act(self, db: &DatabaseConnection, id: JobId) -> Result<&'static str, Error> {
        match self {
            Self::Cancel => crate::cancel(db, id).await.map(|cancellation| match cancellation {
                Cancellation::Done => "canceled",
                Cancellation::Requested => "asked to stop",
            }),
            Self::Retry => crate::retry(db, id).await.map(|()| "scheduled again"),
            Self::Delete => crate::delete(db, id).await.map(|()| "deleted"),
        }
    }

    /// Only what this can be done to. Where no status is asked for, `retry` leaves alone what has succeeded or was canceled.
    fn filter(self, mut which: FilterArguments) -> Result<JobFilter, Failure> {
        use JobStatus::{Canceled, Failed, Running, Scheduled, Terminated};
        let (possible, default): (&[_], &[_]) = match self {
            Self::Cancel => (&[Scheduled, Running], &[Scheduled, Running]),
            Self::Retry => (&[Failed, Canceled, Terminated], &[Failed]),
            Self::Delete => (&[Failed, Canceled, Terminated], &[Failed, Canceled, Terminated]),
        };
        if let Some(status) = which.status.iter().find(|status| !possible.contains(status)) {
            return Err(Failure::Usage(format!("{} does nothing to jobs that are {status}", self.name())));
        }
        if which.unserved && self != Self::Cancel {
            return Err(Failure::Usage(format!(
                "{} does nothing to jobs that wait, as those that are unserved do",
                self.name()
            )));
        }
        if which.status.is_empty() {
            which.status = default.to_vec();
        }
        Ok(which.filter())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Delete => "delete",
        }
    }

    const fn past(self) -> &'static str {
        match self {
            Self::Cancel => "canceled, or asked to stop",
            Self::Retry => "scheduled again",
            Self::Delete => "deleted",
        }
    }
}
