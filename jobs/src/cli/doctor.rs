//! `doctor`: runs the checks, and says what they have found.

use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::json;

use super::failure::{Done, Failure};
use super::findings::{self, Finding};
use super::output::Output;
use super::{durations, table};
use crate::Level;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// How long an attempt may run before it is found.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = durations::parse)]
    long_attempt: Duration,

    /// How long a transaction may be open before it is found, where the database tells.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = durations::parse)]
    long_transaction: Duration,
}

impl Doctor {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> Done {
        let mut findings = findings::tables(db).await?;
        // Without tables, nothing else can be looked at.
        if findings.iter().all(|finding| finding.level < Level::Error) {
            findings.extend(findings::clock(db).await?);
            findings.extend(findings::workers(db).await?);
            findings.extend(findings::unserved(db).await?);
            findings.extend(findings::paused(db).await?);
            findings.extend(findings::schedules(db).await?);
            findings.extend(findings::attempts(db, self.long_attempt).await?);
            findings.extend(findings::transactions(db, self.long_transaction).await?);
        }
        let is_well = !findings.iter().any(Finding::is_wrong);
        let shown = output.show(&json!({ "is_well": is_well, "findings": findings }), || said(&findings, is_well));
        if is_well { shown } else { Err(Failure::Said) }
    }
}

fn said(findings: &[Finding], is_well: bool) -> String {
    let row = |finding: &Finding| {
        vec![finding.level.to_string(), finding.check.to_owned(), finding.found.clone(), finding.remedy.clone()]
    };
    let table =
        || table::table(&["LEVEL", "CHECK", "FOUND", "WHAT TO DO"], &["LEVEL", "CHECK"], findings.iter().map(row));
    match (is_well, findings.is_empty()) {
        (true, true) => "nothing is wrong".into(),
        (true, false) => format!("{}\n\nnothing is wrong, as far as could be seen", table()),
        (false, _) => table(),
    }
}
