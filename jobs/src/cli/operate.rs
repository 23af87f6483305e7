//! `cancel`, `retry`, `delete`, `run-now`: by ids, or all jobs that match a filter.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::failure::{CommandResult, Failure, complain, note};
use super::filter::FilterArguments;
use super::output::Output;
use crate::client::answers::JobDone;
use crate::client::bulk::Verb;
use crate::error::chain;
use crate::{BulkSummary, Error, JobFilter, JobId, Session};

#[derive(Debug, Args)]
pub(super) struct Selection {
    /// The jobs: their ids, or conditions such as 'status:failed name:Resize since:2h'.
    jobs: Vec<String>,

    #[command(flatten)]
    which: FilterArguments,

    /// Confirm: all jobs that match these conditions.
    #[arg(long)]
    yes: bool,
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
    fn done(JobDone { id, done }: JobDone) -> Self {
        Self { id, done: Some(done), error: None }
    }

    /// The verb can't be applied to this job.
    fn refused(id: JobId, error: &Error) -> Self {
        let error = match error {
            Error::NotFound { .. } | Error::Closed { .. } | Error::NotClosed { .. } | Error::NotScheduled { .. } => {
                error.to_string()
            }
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

/// How often a terminal is told how far an action on many jobs is.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Acts on the jobs that are selected by their ids, or by conditions.
pub(super) async fn run(verb: Verb, selection: Selection, session: &Session, output: Output) -> CommandResult {
    // Ids alone need no confirmation.
    let ids: Result<Vec<JobId>, _> = selection.jobs.iter().map(|word| word.parse()).collect();
    match (ids, selection.which.is_empty()) {
        (Ok(ids), true) if ids.is_empty() => {
            Err(Failure::Usage("which jobs? Give their ids, or conditions such as --queue".into()))
        }
        (Ok(ids), false) if !ids.is_empty() => Err(Failure::Usage("give ids or conditions, not both".into())),
        (Ok(ids), true) => each(verb, &ids, session, output).await,
        _ => all(verb, selection, session, output).await,
    }
}

/// Acts on the named jobs. An error for one is reported, and the others are still done.
async fn each(verb: Verb, ids: &[JobId], session: &Session, output: Output) -> CommandResult {
    let mut results = Vec::with_capacity(ids.len());
    for &id in ids {
        results.push(match session.act(verb, id).await {
            Ok(done) => JobReport::done(done),
            Err(error) => JobReport::refused(id, &error),
        });
    }
    // Last, so that everything is done even if nobody reads the output.
    let shown = output.show_lines(&results, results.iter().filter_map(JobReport::summary));
    report_errors(&results).and(shown)
}

/// Acts on the jobs that match a filter, once the user has seen how many there are.
async fn all(verb: Verb, selection: Selection, session: &Session, output: Output) -> CommandResult {
    let counted = session.bulk(filter(verb, &selection)?).await?;
    let action = session.act_on_all(verb, &counted)?;
    let jobs = action.jobs();
    if !selection.yes {
        return Err(Failure::Usage(format!("this would {}: add --yes to do so", plan(verb, jobs))));
    }
    let (mut reported, mut last) = (Instant::now(), BulkSummary::default());
    let action = action.on_progress(|so_far| {
        last = *so_far;
        if io::stderr().is_terminal() && reported.elapsed() >= REPORT_EVERY {
            note(&format!("{} of {jobs} job(s)", so_far.total()));
            reported = Instant::now();
        }
    });
    match action.await {
        Ok(summary) => {
            let shown = output.show(&summary, || text(verb, summary));
            report_left(&summary).and(shown)
        }
        Err(error) => {
            // What was done before stays done.
            if last.total() > 0 {
                output.show(&last, || text(verb, last))?;
            }
            Err(error.into())
        }
    }
}

/// Returns the filter. Statuses that the verb can't change are a mistake, even beside others.
fn filter(verb: Verb, selection: &Selection) -> Result<JobFilter, Failure> {
    let filter = selection.which.with_words(&selection.jobs)?;
    if let Some(status) = filter.given_statuses().iter().find(|status| !verb.possible().contains(status)) {
        return Err(Failure::Usage(format!("{} does nothing to jobs that are {status}", name(verb))));
    }
    if let Some((_, reason)) = verb.refusal(&filter) {
        return Err(Failure::Usage(format!("{} {reason}", name(verb))));
    }
    Ok(filter)
}

/// The name of its command.
const fn name(verb: Verb) -> &'static str {
    match verb {
        Verb::RunNow => "run-now",
        verb => verb.name(),
    }
}

fn plan(verb: Verb, jobs: u64) -> String {
    match verb {
        Verb::RunNow => format!("make {jobs} job(s) due now"),
        verb => format!("{} {jobs} job(s)", name(verb)),
    }
}

fn text(verb: Verb, summary: BulkSummary) -> String {
    let done = match verb {
        Verb::Cancel => format!("canceled, {} asked to stop", summary.requested),
        Verb::Retry => "scheduled again".to_owned(),
        Verb::Delete => "deleted".to_owned(),
        Verb::RunNow => "due now".to_owned(),
    };
    let changed = match summary.changed {
        0 => String::new(),
        changed => format!("; {changed} had changed before"),
    };
    format!("{} job(s) {done}{changed}", summary.done)
}

/// Says which jobs were left as they are although they match.
fn report_left(summary: &BulkSummary) -> CommandResult {
    if summary.duplicates > 0 {
        complain(&format!(
            "{} job(s) are left, because other jobs hold their keys: use those, or try again when they have ended",
            summary.duplicates
        ));
    }
    if summary.locked > 0 {
        complain(&format!(
            "{} job(s) are left, because other transactions have locked them: try again",
            summary.locked
        ));
    }
    if summary.duplicates + summary.locked == 0 { Ok(()) } else { Err(Failure::AlreadyReported) }
}
