//! What people may do, and the roles that say so.

use std::fmt;

use super::texts::texts;

/// Something that a [`Principal`](super::Principal) may do, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// See jobs, queues, workers and schedules, without their payload.
    View,
    /// See the payload of jobs: parameters, results, errors, messages and unique keys. Never secret parameters.
    ViewPayload,
    /// Schedule jobs.
    Schedule,
    /// Cancel jobs.
    Cancel,
    /// Schedule closed jobs again.
    Retry,
    /// Make waiting jobs due now.
    RunNow,
    /// Change parameters of waiting jobs.
    Edit,
    /// Delete closed jobs.
    Delete,
    /// Read any parameter of a job, even if it is secret.
    Reveal,
    /// Pause and resume queues.
    PauseQueue,
    /// Add, replace, pause, resume, run and remove schedules. Adding and replacing also take [`Schedule`](Self::Schedule).
    ManageCron,
    /// See what was done by whom to all jobs, queues and schedules.
    ViewAudit,
}

texts!(Action, "an action", {
    View = "view",
    ViewPayload = "view_payload",
    Schedule = "schedule",
    Cancel = "cancel",
    Retry = "retry",
    RunNow = "run_now",
    Edit = "edit",
    Delete = "delete",
    Reveal = "reveal",
    PauseQueue = "pause_queue",
    ManageCron = "manage_cron",
    ViewAudit = "view_audit",
});

impl Action {
    /// What it allows, for a sentence with "may".
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::View => "see jobs, queues, workers and schedules",
            Self::ViewPayload => "see or search parameters, results, errors, messages and unique keys of jobs",
            Self::Schedule => "schedule jobs",
            Self::Cancel => "cancel jobs",
            Self::Retry => "retry jobs",
            Self::RunNow => "make jobs due",
            Self::Edit => "change parameters of jobs",
            Self::Delete => "delete jobs",
            Self::Reveal => "reveal parameters of jobs",
            Self::PauseQueue => "pause or resume queues",
            Self::ManageCron => "change or run schedules",
            Self::ViewAudit => "see the audit",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of [`Action`]s that a [`Principal`](super::Principal) begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// May [`View`](Action::View).
    Viewer,
    /// May keep jobs going: besides what a viewer may, [`ViewPayload`](Action::ViewPayload), [`Cancel`](Action::Cancel),
    /// [`Retry`](Action::Retry), [`RunNow`](Action::RunNow) and [`PauseQueue`](Action::PauseQueue).
    Operator,
    /// May do everything, including what later releases add.
    Admin,
}

texts!(Role, "a role", { Viewer = "viewer", Operator = "operator", Admin = "admin" });

impl Role {
    /// Whether this role includes the action.
    #[must_use]
    pub const fn includes(self, action: Action) -> bool {
        match self {
            Self::Viewer => matches!(action, Action::View),
            Self::Operator => matches!(
                action,
                Action::View
                    | Action::ViewPayload
                    | Action::Cancel
                    | Action::Retry
                    | Action::RunNow
                    | Action::PauseQueue
            ),
            Self::Admin => true,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_and_role_is_read_as_it_is_written() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(*action));
        }
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(*role));
        }
        let error = "root".parse::<Role>().unwrap_err();
        assert_eq!(error.to_string(), "`root` is not a role: viewer, operator or admin");
    }

    #[test]
    fn a_role_includes_those_before_it() {
        for action in Action::ALL {
            assert!(Role::Operator.includes(*action) || !Role::Viewer.includes(*action), "{action}");
            assert!(Role::Admin.includes(*action), "{action}");
        }
    }
}
