//! `audit`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::failure::{CommandResult, note};
use super::output::Output;
use super::{table, text};
use crate::{AuditAction, AuditFilter, AuditRecord, JobId, Session};

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// What was done to this job.
    #[arg(long, value_name = "ID")]
    job: Option<JobId>,

    /// What was done by the principal of this name.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,

    /// Entries of this action.
    #[arg(long, value_name = "ACTION", value_parser = an_action())]
    action: Option<AuditAction>,

    /// The most entries to list, 1 to 100.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    limit: u64,

    /// List the entries that follow this one: the next page.
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
}

fn an_action() -> impl TypedValueParser<Value = AuditAction> {
    PossibleValuesParser::new(AuditAction::ALL.iter().map(|action| action.as_str())).try_map(|name| name.parse())
}

impl Audit {
    pub(super) async fn run(self, session: &Session, output: Output) -> CommandResult {
        let page = session.audit(self.filter()).await?;
        output.show(&page, || {
            let header = ["ID", "TIME", "PRINCIPAL", "FROM", "ACTION", "JOB", "OF", "OPERATION"];
            table::table(&header, &["OPERATION", "FROM", "ID"], page.records.iter().map(row))
        })?;
        if let Some(next) = page.next.filter(|_| !output.is_json()) {
            note(&match page.searched_back_to {
                None => format!("There may be more: --after {next}"),
                Some(time) => {
                    format!("Searched back to {}. Older entries may match, too: --after {next}", table::time(time))
                }
            });
        }
        Ok(())
    }

    fn filter(self) -> AuditFilter {
        let Self { job, principal, action, limit, after } = self;
        let mut filter = AuditFilter::new().limit(limit);
        if let Some(job) = job {
            filter = filter.job(job);
        }
        if let Some(principal) = principal {
            filter = filter.principal(principal);
        }
        if let Some(action) = action {
            filter = filter.action(action);
        }
        match after {
            Some(after) => filter.after(after),
            None => filter,
        }
    }
}

fn row(entry: &AuditRecord) -> Vec<String> {
    let of = entry.subject.iter().chain(&entry.changed).map(|name| text::line(name)).collect::<Vec<_>>().join(", ");
    vec![
        entry.id.to_string(),
        table::time(entry.at),
        text::line(&entry.principal),
        text::line(entry.origin.as_deref().unwrap_or_default()),
        entry.action.to_string(),
        table::or_nothing(entry.job),
        of,
        text::line(entry.operation.as_deref().unwrap_or_default()),
    ]
}
