//! What can be done on somebody's behalf, as the audit names it.

use std::fmt;

use super::texts::texts;

/// An action as the audit names it: by the method of [`Session`](crate::Session).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are those of the methods")]
pub enum AuditAction {
    Schedule,
    Cancel,
    Retry,
    RunNow,
    SetParameter,
    Delete,
    RevealParameter,
    PauseQueue,
    ResumeQueue,
    AddSchedule,
    ReplaceSchedule,
    PauseSchedule,
    ResumeSchedule,
    RunScheduleNow,
    RemoveSchedule,
    /// Written by a later release, with a name that this one does not know.
    Unknown,
}

texts!(AuditAction, "an action of the audit", {
    Schedule = "schedule",
    Cancel = "cancel",
    Retry = "retry",
    RunNow = "run_now",
    SetParameter = "set_parameter",
    Delete = "delete",
    RevealParameter = "reveal_parameter",
    PauseQueue = "pause_queue",
    ResumeQueue = "resume_queue",
    AddSchedule = "add_schedule",
    ReplaceSchedule = "replace_schedule",
    PauseSchedule = "pause_schedule",
    ResumeSchedule = "resume_schedule",
    RunScheduleNow = "run_schedule_now",
    RemoveSchedule = "remove_schedule",
    Unknown = "unknown",
});

impl AuditAction {
    /// The action of a row.
    pub(crate) fn stored(text: &str) -> Self {
        text.parse().unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::AuditAction;

    #[test]
    fn every_action_fits_into_its_column_and_is_read_as_it_is_written() {
        for action in AuditAction::ALL {
            assert!(action.as_str().len() <= 20, "{action}");
            assert_eq!(AuditAction::stored(action.as_str()), *action);
        }
        assert_eq!(AuditAction::stored("of_a_later_release"), AuditAction::Unknown);
    }
}
