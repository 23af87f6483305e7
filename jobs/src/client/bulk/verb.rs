//! What can be done to many jobs.

use crate::client::{JobCounts, JobFilter};
use crate::error::Error;
use crate::model::JobStatus::{self, Canceled, Failed, Running, Scheduled, Terminated};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Cancel,
    Retry,
    Delete,
    RunNow,
}

impl Verb {
    /// The name of its function.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Delete => "delete",
            Self::RunNow => "run_now",
        }
    }

    /// Returns the statuses of the jobs that it can change.
    pub(crate) const fn possible(self) -> &'static [JobStatus] {
        match self {
            Self::Cancel => &[Scheduled, Running],
            Self::Retry | Self::Delete => &[Failed, Canceled, Terminated],
            Self::RunNow => &[Scheduled],
        }
    }

    /// Returns the statuses that are meant if a filter names none: `retry` leaves succeeded and canceled jobs alone.
    const fn meant(self) -> &'static [JobStatus] {
        match self {
            Self::Retry => &[Failed],
            _ => self.possible(),
        }
    }

    /// Returns those statuses of the jobs that match a filter that it can change.
    fn statuses(self, filter: &JobFilter) -> Vec<JobStatus> {
        let among = if filter.given_statuses().is_empty() { self.meant() } else { self.possible() };
        let matching = filter.statuses();
        among.iter().copied().filter(|status| matching.contains(status)).collect()
    }

    /// Returns why it can't change any job that matches the filter, to be read after its name, and what in the filter is the reason.
    pub(crate) fn refusal(self, filter: &JobFilter) -> Option<(&'static str, String)> {
        let texts =
            |statuses: &[JobStatus]| statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(" or ");
        let named = filter.given_statuses();
        if let Some(reason) = self.not_for_unserved().filter(|_| filter.is_of_unserved()) {
            return Some(("unserved", format!("does nothing to unserved jobs: {reason}")));
        }
        if !self.statuses(filter).is_empty() {
            None
        } else if !named.is_empty() && !named.iter().any(|status| self.possible().contains(status)) {
            Some(("status", format!("does nothing to jobs that are {}", texts(&named))))
        } else {
            let meant = texts(self.meant());
            Some(("status", format!("does nothing to the jobs that match: it is for jobs that are {meant}")))
        }
    }

    /// Returns why it can't change unserved jobs, which wait and are due.
    const fn not_for_unserved(self) -> Option<&'static str> {
        match self {
            Self::Cancel => None,
            Self::Retry | Self::Delete => Some("they have not ended"),
            Self::RunNow => Some("they are already due"),
        }
    }

    /// Returns the filter, restricted to jobs that it can change.
    pub(crate) fn restrict(self, filter: &JobFilter) -> Result<JobFilter, Error> {
        match self.refusal(filter) {
            Some((field, reason)) => Err(Error::invalid(field, format!("`{}` {reason}", self.name()))),
            None => Ok(filter.clone().in_statuses(&self.statuses(filter))),
        }
    }

    /// Returns how many of the jobs that match the filter it can change.
    pub(super) fn jobs(self, filter: &JobFilter, counts: &JobCounts) -> u64 {
        self.statuses(filter).into_iter().map(|status| counts.of(status)).sum()
    }
}
