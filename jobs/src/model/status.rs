//! The states of a job, and which may follow which.

use std::fmt;

use sea_orm::{DeriveActiveEnum, EnumIter};

use super::texts::texts;

/// The status of a job.
///
/// Messages show it in capitals and JSON in lower case; both are read in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
#[non_exhaustive]
pub enum JobStatus {
    /// Waiting: for its time, for a worker, or for its next attempt.
    #[sea_orm(num_value = 0)]
    Scheduled,
    /// Owned by a worker.
    #[sea_orm(num_value = 1)]
    Running,
    /// Ended because someone, or the job itself, asked for it.
    #[sea_orm(num_value = 2)]
    Canceled,
    /// Ended without success; `last_error` says why.
    #[sea_orm(num_value = 3)]
    Failed,
    /// Ended with success.
    #[sea_orm(num_value = 4)]
    Terminated,
}

texts!(JobStatus, "a job status", {
    Scheduled = "scheduled",
    Running = "running",
    Canceled = "canceled",
    Failed = "failed",
    Terminated = "terminated",
});

impl JobStatus {
    /// Whether the job has ended: its parameters, results and status no longer change.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Canceled | Self::Failed | Self::Terminated)
    }

    /// Whether a job in this status may go to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use JobStatus::{Canceled, Failed, Running, Scheduled, Terminated};
        match self {
            Scheduled => matches!(next, Running | Canceled),
            Running => matches!(next, Scheduled | Canceled | Failed | Terminated),
            // Only an operator's retry leads out of a closed status.
            Canceled | Failed | Terminated => matches!(next, Scheduled),
        }
    }

    /// The bit of this status in a set of statuses.
    pub(crate) const fn bit(self) -> i16 {
        1 << self.code()
    }

    /// The number that stands for this status in the database.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().to_ascii_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::JobStatus::{self, Failed, Scheduled, Terminated};

    #[test]
    fn a_closed_job_can_only_be_scheduled_again() {
        for status in JobStatus::ALL.iter().filter(|status| status.is_closed()) {
            let next: Vec<_> = JobStatus::ALL.iter().copied().filter(|next| status.may_become(*next)).collect();
            assert_eq!(next, [Scheduled], "{status}");
        }
    }

    #[test]
    fn a_waiting_job_cannot_fail_or_terminate_without_running() {
        assert!(!Scheduled.may_become(Failed));
        assert!(!Scheduled.may_become(Terminated));
    }

    #[test]
    fn codes_are_the_ones_that_the_tables_document() {
        let codes: Vec<_> = JobStatus::ALL.iter().copied().map(JobStatus::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn every_status_is_read_as_it_is_written() {
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(status.to_string().parse(), Ok(*status));
            let json = serde_json::to_string(status).unwrap();
            assert_eq!(json, format!("\"{}\"", status.as_str()));
            assert_eq!(serde_json::from_str::<JobStatus>(&json).unwrap(), *status);
        }
    }

    #[test]
    fn what_is_no_status_is_refused_with_those_that_there_are() {
        let error = "done".parse::<JobStatus>().unwrap_err();
        assert_eq!(error.to_string(), "`done` is not a job status: scheduled, running, canceled, failed or terminated");
        assert_eq!(error.allowed().len(), JobStatus::ALL.len());
    }
}
