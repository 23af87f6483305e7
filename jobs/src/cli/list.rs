//! `list`.

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, note};
use super::filter::FilterArguments;
use super::output::Output;
use super::{table, text};
use crate::{JobId, JobRecord, JobStatus};

/// How many characters of an error are shown.
const ERROR_CHARACTERS: usize = 60;

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    which: FilterArguments,

    /// The most jobs to list, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,

    /// List the jobs that follow this one: the next page.
    #[arg(long, value_name = "ID")]
    after: Option<JobId>,
}

impl List {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> CommandResult {
        let mut filter = self.which.filter().limit(self.limit);
        if let Some(after) = self.after {
            filter = filter.after(after);
        }
        let jobs = crate::list(db, filter).await?;
        output.show(&jobs, || {
            let header = ["ID", "STATUS", "NAME", "QUEUE", "ATTEMPT", "PROGRESS", "TIME", "ERROR"];
            table::table(&header, &["PROGRESS", "ATTEMPT", "QUEUE"], jobs.iter().map(row))
        })?;
        let is_full = u64::try_from(jobs.len()) == Ok(self.limit);
        if let Some(last) = jobs.last().filter(|_| is_full && !output.is_json()) {
            note(&format!("There may be more: --after {}", last.id));
        }
        Ok(())
    }
}

fn row(job: &JobRecord) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.status.to_string(),
        text::line(&job.name),
        text::line(&job.queue),
        format!("{}/{}", job.attempt, job.max_attempts),
        format!("{} %", job.progress),
        time(job),
        job.last_error.as_deref().map(|error| text::beginning(error, ERROR_CHARACTERS)).unwrap_or_default(),
    ]
}

/// The time that matters most.
fn time(job: &JobRecord) -> String {
    let (what, time) = match job.status {
        JobStatus::Scheduled => ("due", Some(job.scheduled_at)),
        JobStatus::Running => ("since", job.started_at),
        JobStatus::Canceled | JobStatus::Failed | JobStatus::Terminated => ("ended", job.finished_at),
    };
    time.map(|time| format!("{what} {}", table::time(time))).unwrap_or_default()
}
