//! A filter as JSON, or as the query of a URL: a member for each condition that has a method.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::condition::{Condition, Label, Moment, State, Term};
use super::{JobFilter, ParseFilterError};
use crate::model::{JobId, JobStatus};

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Members {
    #[serde(with = "statuses", skip_serializing_if = "Vec::is_empty")]
    status: Vec<JobStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_from: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_until: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unserved: bool,
    /// All other conditions, in the language.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

impl Members {
    fn label(&mut self, label: Label) -> &mut Option<String> {
        match label {
            Label::Name => &mut self.name,
            Label::Queue => &mut self.queue,
            Label::User => &mut self.user,
            Label::Session => &mut self.session,
            Label::Event => &mut self.event,
        }
    }

    /// Takes a term over, or returns it if it has no member, or its member has a value already.
    fn take(&mut self, term: Term) -> Option<Term> {
        match &term.condition {
            _ if term.is_negated => return Some(term),
            Condition::Status(status) => self.status.push(*status),
            Condition::Label(label, text) if self.label(*label).is_none() => *self.label(*label) = Some(text.clone()),
            Condition::Since(Moment::At(time)) if self.created_from.is_none() => self.created_from = Some(*time),
            Condition::Until(Moment::At(time)) if self.created_until.is_none() => self.created_until = Some(*time),
            Condition::Is(State::Unserved) => self.unserved = true,
            _ => return Some(term),
        }
        None
    }
}

impl From<JobFilter> for Members {
    fn from(filter: JobFilter) -> Self {
        let mut members = Self { after: filter.after, limit: filter.limit, ..Self::default() };
        let terms = filter.terms.into_iter().filter_map(|term| members.take(term)).collect();
        let others = JobFilter { terms, ..JobFilter::new() }.to_string();
        members.filter = Some(others).filter(|text| !text.is_empty());
        members
    }
}

impl TryFrom<Members> for JobFilter {
    type Error = ParseFilterError;

    fn try_from(mut members: Members) -> Result<Self, ParseFilterError> {
        let mut filter = members.status.iter().fold(Self::new(), |filter, status| filter.status(*status));
        for label in Label::ALL {
            if let Some(text) = members.label(label).take() {
                filter = filter.with(Condition::Label(label, text));
            }
        }
        let moments = [
            members.created_from.map(Moment::at).map(Condition::Since),
            members.created_until.map(Moment::at).map(Condition::Until),
        ];
        filter = moments.into_iter().flatten().fold(filter, Self::with);
        if members.unserved {
            filter = filter.unserved();
        }
        if let Some(text) = members.filter {
            filter = filter.and_words(&text)?;
        }
        Ok(Self { after: members.after, limit: members.limit, ..filter })
    }
}

/// Statuses as one text that fits into the query of a URL.
mod statuses {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use crate::model::JobStatus;

    pub(super) fn serialize<S: Serializer>(statuses: &[JobStatus], serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
        serializer.serialize_str(&texts.join(","))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<JobStatus>, D::Error> {
        struct Statuses;

        impl<'de> Visitor<'de> for Statuses {
            type Value = Vec<JobStatus>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("statuses, separated by commas or in a list")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
                texts.map(|text| text.parse().map_err(E::custom)).collect()
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut statuses = Vec::new();
                while let Some(status) = list.next_element()? {
                    statuses.push(status);
                }
                Ok(statuses)
            }
        }

        deserializer.deserialize_any(Statuses)
    }
}
