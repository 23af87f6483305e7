//! `doctor`: runs the checks, and reports their findings.

use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::{durations, table};
use crate::client::answers::Diagnosis;
use crate::client::health::{Check, Examination, Finding, Limits};

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
        let limits = Limits { attempt: self.long_attempt, transaction: self.long_transaction };
        let findings = Examination::new(db, limits, true).perform(&Check::ALL, |_, error| Err(error)).await?;
        let diagnosis = Diagnosis::of(findings);
        let shown = output.show(&diagnosis, || report(&diagnosis));
        if diagnosis.is_well { shown } else { Err(Failure::AlreadyReported) }
    }
}

fn report(Diagnosis { is_well, findings }: &Diagnosis) -> String {
    let row = |finding: &Finding| {
        vec![
            finding.level.to_string(),
            finding.check.as_str().to_owned(),
            finding.found.clone(),
            finding.remedy.to_string(),
        ]
    };
    let table =
        || table::table(&["LEVEL", "CHECK", "FOUND", "WHAT TO DO"], &["LEVEL", "CHECK"], findings.iter().map(row));
    match (*is_well, findings.is_empty()) {
        (true, true) => "nothing is wrong".into(),
        (true, false) => format!("{}\n\nnothing is wrong, as far as could be checked", table()),
        (false, _) => table(),
    }
}
