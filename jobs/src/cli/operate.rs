//! `cancel`, `retry`, `delete`: by ids, or all jobs that match a filter.

use clap::Args;
use sea_orm::DatabaseConnection;
use serde::Serialize;

use super::failure::{CommandResult, Failure, complain};
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

    /// Confirm: all jobs that match these conditions.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Cancel,
    Retry,
    Delete,
}

/// The result for one job.
#[derive(Debug, Serialize)]
struct JobReport {
    id: JobId,
    /// What was done.
    done: Option<&'static str>,
    /// Why it was not done.
    error: Option<String>,
}

impl JobReport {
    fn done(id: JobId, done: &'static str) -> Self {
        Self { id, done: Some(done), error: None }
    }

    /// The verb can't be applied to this job.
    fn refused(id: JobId, error: &Error) -> Self {
        let error = match error {
            Error::NotFound { .. } | Error::Closed { .. } | Error::NotClosed { .. } => error.to_string(),
            // These do not name the job.
            error => format!("job {id}: {}", chain(error)),
        };
        Self { id, done: None, error: Some(error) }
    }

    fn summary(&self) -> Option<String> {
        self.done.map(|done| format!("job {} is {done}", self.id))
    }
}

/// Prints the errors.
fn report_errors(results: &[JobReport]) -> CommandResult {
    let errors: Vec<_> = results.iter().filter_map(|result| result.error.as_deref()).collect();
    for error in &errors {
        complain(error);
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::AlreadyReported) }
}

impl Verb {
    pub(super) async fn run(self, selection: Selection, db: &DatabaseConnection, output: Output) -> CommandResult {
        match (selection.ids.is_empty(), selection.which.is_empty()) {
            (true, true) => Err(Failure::Usage("which jobs? Give their ids, or conditions such as --queue".into())),
            (false, false) => Err(Failure::Usage("give ids or conditions, not both".into())),
            (false, true) => self.each(&selection.ids, db, output).await,
            (true, false) => self.all(selection, db, output).await,
        }
    }

    /// Acts on the named jobs. An error for one is reported, and the others are still done.
    async fn each(self, ids: &[JobId], db: &DatabaseConnection, output: Output) -> CommandResult {
        let mut results = Vec::with_capacity(ids.len());
        for &id in ids {
            results.push(match self.act(db, id).await {
                Ok(done) => JobReport::done(id, done),
                Err(error) => JobReport::refused(id, &error),
            });
        }
        // Last, so that everything is done even if nobody reads the output.
        let shown = output.show_lines(&results, results.iter().filter_map(JobReport::summary));
        report_errors(&results).and(shown)
    }

    /// Acts on the jobs that match a filter, newest first, so that jobs scheduled in the meantime are not among them.
    async fn all(self, selection: Selection, db: &DatabaseConnection, output: Output) -> CommandResult {
        let filter = self.filter(selection.which)?;
        if !selection.yes {
            let jobs = crate::counts(db, filter).await?.total();
            return Err(Failure::Usage(format!("this would {} {jobs} job(s): add --yes to do so", self.name())));
        }
        let mut results = Vec::new();
        let ended = self.act_on_all(db, filter, &mut results).await;
        let done = results.iter().filter(|result| result.done.is_some()).count();
        let shown = output.show(&results, || format!("{done} job(s) {}", self.past()));
        let reported = report_errors(&results);
        ended?;
        reported.and(shown)
    }

    async fn act_on_all(
        self,
        db: &DatabaseConnection,
        filter: JobFilter,
        results: &mut Vec<JobReport>,
    ) -> Result<(), Error> {
        let mut page = crate::list(db, filter.clone()).await?;
        while let Some(last) = page.last().map(|job| job.id) {
            for id in page.iter().map(|job| job.id) {
                match self.act(db, id).await {
                    Ok(done) => results.push(JobReport::done(id, done)),
                    // It has changed since it was listed, and no longer matches.
                    Err(Error::Closed { .. } | Error::NotClosed { .. } | Error::NotFound { .. }) => {}
                    Err(error @ Error::Duplicate { .. }) => results.push(JobReport::refused(id, &error)),
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

    /// Restricts the filter to statuses that the verb applies to. By default, `retry` leaves succeeded and canceled jobs alone.
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
                "{} does nothing to waiting jobs, and unserved jobs are waiting",
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
