//! What has failed lately, in groups: a part of the overview.

use chrono::{DateTime, Utc};

use crate::web::format::{self, Time};
use crate::{FailureGroup, FailureGroups, JobId};

/// How many groups are shown.
const SHOWN: usize = 20;

pub(super) struct Failures {
    pub(super) groups: Vec<Row>,
    /// The groups that are not shown.
    pub(super) more: Option<String>,
    pub(super) are_errors_hidden: bool,
    pub(super) searched_back_to: Option<Time>,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) error: Option<String>,
    pub(super) jobs: String,
    pub(super) last: Time,
    pub(super) last_job: JobId,
    pub(super) filter: String,
}

impl Failures {
    pub(super) fn of(failures: &FailureGroups, are_errors_hidden: bool, now: DateTime<Utc>) -> Self {
        let more = failures.groups.len().saturating_sub(SHOWN) as u64;
        Self {
            groups: failures.groups.iter().take(SHOWN).map(|group| Row::of(group, now)).collect(),
            more: (more > 0).then(|| format::counted(more, "other group", "other groups")),
            are_errors_hidden,
            searched_back_to: failures.searched_back_to.map(Time::full),
        }
    }
}

impl Row {
    fn of(group: &FailureGroup, now: DateTime<Utc>) -> Self {
        Self {
            jobs: format::number(group.jobs),
            last: Time::relative(group.last_at, now),
            last_job: group.last_job,
            filter: group.filter.to_string(),
            name: group.name.clone(),
            error: group.error.clone(),
        }
    }
}
