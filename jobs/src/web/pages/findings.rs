//! What checks have found: a part of the overview.

use std::time::Duration;

use tokio::time::timeout;

use crate::client::health::{Check, Finding, Step, paused_queues};
use crate::web::format::{self, Time};
use crate::web::shared::Shared;
use crate::{Level, QueueRecord};

/// How long the overview waits for the checks. It is soon asked for again.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Findings {
    /// When the checks were made.
    pub(super) as_of: Option<Time>,
    /// Why they were not.
    pub(super) problem: Option<String>,
    pub(super) wrong: Vec<Row>,
    /// What could not be checked completely.
    pub(super) unseen: Vec<Row>,
}

pub(super) struct Row {
    pub(super) check: &'static str,
    /// Where there is more about it.
    pub(super) page: Option<&'static str>,
    pub(super) level: Level,
    pub(super) found: String,
    pub(super) remedy: Vec<Step>,
}

impl Findings {
    /// Asks for the findings. Those about queues come from what is known of them.
    pub(super) async fn of(shared: &Shared, queues: &[QueueRecord]) -> Self {
        let mut findings = Self::default();
        match timeout(PATIENCE, shared.findings()).await {
            Ok(Ok(found)) => {
                findings.as_of = Some(Time::clock(found.at));
                findings.add(found.to_vec());
            }
            Ok(Err(failure)) => {
                let told = failure.told();
                findings.problem = Some(format!("The checks could not be made. {}. {}", told.title, told.text));
            }
            Err(_) => findings.problem = Some("The checks take longer than usual: look again in a moment.".to_owned()),
        }
        findings.add(paused_queues(queues));
        findings
    }

    fn add(&mut self, found: Vec<Finding>) {
        for finding in found {
            let rows = if finding.is_wrong() { &mut self.wrong } else { &mut self.unseen };
            rows.push(Row::of(finding));
        }
    }

    /// Whether all is well, and known to be.
    pub(super) fn is_empty(&self) -> bool {
        self.problem.is_none() && self.wrong.is_empty() && self.unseen.is_empty()
    }

    /// Whether a remedy is a command.
    pub(super) fn has_commands(&self) -> bool {
        let steps = self.wrong.iter().chain(&self.unseen).flat_map(|row| &row.remedy);
        steps.into_iter().any(|step| step.command.is_some())
    }

    /// How many checks are not complete, in words.
    pub(super) fn unseen_in_words(&self) -> String {
        format::counted(
            self.unseen.len() as u64,
            "check could not be made completely",
            "checks could not be made completely",
        )
    }
}

impl Row {
    fn of(finding: Finding) -> Self {
        Self {
            check: finding.check.as_str(),
            page: page_of(finding.check),
            level: finding.level,
            remedy: finding.remedy.into_steps(),
            found: finding.found,
        }
    }
}

const fn page_of(check: Check) -> Option<&'static str> {
    match check {
        Check::Workers => Some("workers"),
        Check::Unserved => Some("jobs?filter=is%3Aunserved"),
        Check::PausedQueues => Some("queues"),
        Check::Schedules => Some("cron"),
        Check::LongAttempts => Some("jobs?filter=is%3Along"),
        Check::Tables | Check::Migrations | Check::Clock | Check::LongTransactions => None,
    }
}
