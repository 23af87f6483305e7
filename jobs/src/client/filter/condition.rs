//! What a filter can ask for.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::model::{JobId, JobStatus};
use crate::store::entity::job::Column;
use crate::store::millis;

/// How long a job has been running if it is `is:long`. It is the default of `doctor`.
pub(crate) const LONG: Duration = Duration::from_hours(1);

/// A condition that must hold, or must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) is_negated: bool,
    pub(super) condition: Condition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Id(JobId),
    Status(JobStatus),
    Label(Label, String),
    Key(String),
    Error(String),
    Since(Moment),
    Until(Moment),
    Is(State),
    Parameter(Parameter),
}

impl Term {
    /// Where the term stands among the others.
    pub(super) const fn rank(&self) -> (u8, bool) {
        let kind = match &self.condition {
            Condition::Id(_) => 0,
            Condition::Status(_) => 1,
            Condition::Label(label, _) => 2 + *label as u8,
            Condition::Key(_) => 10,
            Condition::Error(_) => 11,
            // Times, which have members in JSON, come before durations.
            Condition::Since(Moment::At(_)) => 12,
            Condition::Since(Moment::Ago(_)) => 13,
            Condition::Until(Moment::At(_)) => 14,
            Condition::Until(Moment::Ago(_)) => 15,
            Condition::Is(_) => 16,
            Condition::Parameter(_) => 17,
        };
        (kind, self.is_negated)
    }
}

/// A text that a job has one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Label {
    Name,
    Queue,
    User,
    Session,
    Event,
}

impl Label {
    pub(super) const ALL: [Self; 5] = [Self::Name, Self::Queue, Self::User, Self::Session, Self::Event];

    pub(in crate::client) const fn column(self) -> Column {
        match self {
            Self::Name => Column::Name,
            Self::Queue => Column::Queue,
            Self::User => Column::UserId,
            Self::Session => Column::SessionId,
            Self::Event => Column::EventId,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// This long before now, in whole milliseconds.
    Ago(Duration),
    At(DateTime<Utc>),
}

impl Moment {
    /// This time, or the nearest one that every database can store.
    pub(super) fn at(time: DateTime<Utc>) -> Self {
        const LAST: i64 = 253_402_300_799;
        let last = DateTime::from_timestamp(LAST, 0).unwrap_or(time);
        Self::At(time.clamp(DateTime::UNIX_EPOCH, last))
    }

    pub(super) fn ago(age: Duration) -> Self {
        Self::Ago(Duration::from_millis(u64::try_from(millis(age)).unwrap_or(0)))
    }

    pub(super) fn time(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Ago(age) => now - age,
            Self::At(time) => time,
        }
    }
}

/// A state that a status alone does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Due,
    Retrying,
    Long,
    Unserved,
}

impl State {
    pub(super) const ALL: [Self; 4] = [Self::Due, Self::Retrying, Self::Long, Self::Unserved];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Retrying => "retrying",
            Self::Long => "long",
            Self::Unserved => "unserved",
        }
    }

    /// The state with this name, in upper or lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(name))
    }

    /// The status of all jobs in this state.
    pub(super) const fn status(self) -> JobStatus {
        match self {
            Self::Due | Self::Retrying | Self::Unserved => JobStatus::Scheduled,
            Self::Long => JobStatus::Running,
        }
    }
}

/// A condition on a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its name, or those of members, separated by dots.
    pub(super) path: String,
    pub(super) comparison: Comparison,
    pub(super) value: String,
    /// Whether the value is a text even if it reads like a number, `true`, `false` or `null`.
    pub(super) is_text: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// Those that have a sign; one that begins another comes after it.
    pub(super) const SIGNED: [Self; 4] = [Self::GreaterOrEqual, Self::Greater, Self::LessOrEqual, Self::Less];

    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}
