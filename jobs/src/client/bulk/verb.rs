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

    /// Returns those statuses of a filter that it can change.
    pub(super) fn statuses(self, filter: &JobFilter) -> Vec<JobStatus> {
        match filter.statuses() {
            [] => self.meant().to_vec(),
            named => self.possible().iter().copied().filter(|status| named.contains(status)).collect(),
        }
    }

    /// Returns why it can't change unserved jobs, which wait and are due.
    pub(crate) const fn not_for_unserved(self) -> Option<&'static str> {
        match self {
            Self::Cancel => None,
            Self::Retry | Self::Delete => Some("they have not ended"),
            Self::RunNow => Some("they are already due"),
        }
    }

    /// Returns the filter, restricted to jobs that it can change.
    pub(super) fn restrict(self, filter: &JobFilter) -> Result<JobFilter, Error> {
        let statuses = self.statuses(filter);
        if statuses.is_empty() {
            let named: Vec<_> = filter.statuses().iter().map(|status| status.as_str()).collect();
            let reason = format!("`{}` does nothing to jobs that are {}", self.name(), named.join(" or "));
            return Err(Error::invalid("status", reason));
        }
        if let (true, Some(reason)) = (filter.is_unserved(), self.not_for_unserved()) {
            return Err(Error::invalid(
                "unserved",
                format!("`{}` does nothing to unserved jobs: {reason}", self.name()),
            ));
        }
        Ok(filter.clone().in_statuses(statuses))
    }

    /// Returns how many of the jobs that match the filter it can change.
    pub(super) fn jobs(self, filter: &JobFilter, counts: &JobCounts) -> u64 {
        self.statuses(filter).into_iter().map(|status| counts.of(status)).sum()
    }
}
