//! `doctor`: runs the checks, and says what they have found.

use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::json;

use super::failure::{Done, Failure};
use super::findings::{self, Finding};
use super::output::Output;
use super::{durations, table};

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
        if findings.is_empty() {
            findings.extend(findings::clock(db).await?);
            findings.extend(findings::workers(db).await?);
            findings.extend(findings::unserved(db).await?);
            findings.extend(findings::paused(db).await?);
            findings.extend(findings::attempts(db, self.long_attempt).await?);
            findings.extend(findings::transactions(db, self.long_transaction).await?);
        }
        output.show(&json!({ "is_well": findings.is_empty(), "findings": findings }), || said(&findings))?;
        if findings.is_empty() { Ok(()) } else { Err(Failure::Said) }
    }
}

fn said(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "nothing is wrong".into();
    }
    let row = |finding: &Finding| vec![finding.check.to_owned(), finding.found.clone(), finding.remedy.clone()];
    table::table(&["CHECK", "FOUND", "WHAT TO DO"], findings.iter().map(row))
}
