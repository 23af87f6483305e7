//! `list`.

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, note};
use super::filter::FilterArguments;
use super::output::Output;
use super::{table, text};
use crate::{JobId, JobPage, JobRecord, JobStatus};

/// How many characters of an error are shown.
const ERROR_CHARACTERS: usize = 60;

#[derive(Debug, Args)]
pub(super) struct List {
    /// Those that match, such as 'status:failed name:Resize error:"timed out" since:2h width:>64 -queue:mail'.
    filter: Vec<String>,

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
        let mut filter = self.which.with_words(&self.filter)?.limit(self.limit);
        if let Some(after) = self.after {
            filter = filter.after(after);
        }
        let page = crate::list(db, filter).await?;
        output.show(&page, || {
            let header = ["ID", "STATUS", "NAME", "QUEUE", "ATTEMPT", "PROGRESS", "TIME", "ERROR"];
            table::table(&header, &["PROGRESS", "ATTEMPT", "QUEUE"], page.jobs.iter().map(row))
        })?;
        if !output.is_json() {
            for text in notes(&page) {
                note(&text);
            }
        }
        Ok(())
    }
}

/// What the table does not say.
fn notes(page: &JobPage) -> Vec<String> {
    let secret = |name: &String| {
        format!("{} is secret in some of these jobs, and secrets match no condition.", text::line(name))
    };
    let mut notes: Vec<_> = page.secrets.iter().map(secret).collect();
    notes.extend(page.next.map(|next| match page.searched_back_to {
        None => format!("There may be more: --after {next}"),
        Some(time) => format!("Searched back to {}. Older jobs may match, too: --after {next}", table::time(time)),
    }));
    notes
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
