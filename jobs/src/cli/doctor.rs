//! `doctor`: runs the checks, and reports their findings.

use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::json;

use super::checks::{self, Finding};
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::{durations, table};
use crate::Level;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// How long an attempt may run before it is reported.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = durations::parse)]
    long_attempt: Duration,

    /// How long a transaction may be open before it is reported, if the database tells.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = durations::parse)]
    long_transaction: Duration,
}

impl Doctor {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> CommandResult {
        let mut findings = checks::tables(db).await?;
        // Without tables, nothing else can be checked.
        if findings.iter().all(|finding| finding.level < Level::Error) {
            findings.extend(checks::clock(db).await?);
            findings.extend(checks::workers(db).await?);
            findings.extend(checks::unserved(db).await?);
            findings.extend(checks::paused(db).await?);
            findings.extend(checks::schedules(db).await?);
            findings.extend(checks::attempts(db, self.long_attempt).await?);
            findings.extend(checks::transactions(db, self.long_transaction).await?);
        }
        let is_well = !findings.iter().any(Finding::is_wrong);
        let shown = output.show(&json!({ "is_well": is_well, "findings": findings }), || report(&findings, is_well));
        if is_well { shown } else { Err(Failure::AlreadyReported) }
    }
}

fn report(findings: &[Finding], is_well: bool) -> String {
    let row = |finding: &Finding| {
        vec![finding.level.to_string(), finding.check.to_owned(), finding.found.clone(), finding.remedy.clone()]
    };
    let table =
        || table::table(&["LEVEL", "CHECK", "FOUND", "WHAT TO DO"], &["LEVEL", "CHECK"], findings.iter().map(row));
    match (is_well, findings.is_empty()) {
        (true, true) => "nothing is wrong".into(),
        (true, false) => format!("{}\n\nnothing is wrong, as far as could be checked", table()),
        (false, _) => table(),
    }
}
