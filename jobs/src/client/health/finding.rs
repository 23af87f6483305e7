//! What a check has found, and what to do about it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Level;

/// What is checked, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Whether the tables can be read.
    Tables,
    /// Whether the tables are those that this program expects.
    Migrations,
    /// Whether this machine's clock and the database's agree.
    Clock,
    /// Whether workers renew their leases.
    Workers,
    /// Whether all due jobs are served.
    Unserved,
    /// Whether jobs wait in queues that are paused.
    PausedQueues,
    /// Whether schedules fire.
    Schedules,
    /// Whether attempts take long.
    LongAttempts,
    /// Whether transactions are left open.
    LongTransactions,
}

impl Check {
    pub(crate) const ALL: [Self; 9] = [
        Self::Tables,
        Self::Migrations,
        Self::Clock,
        Self::Workers,
        Self::Unserved,
        Self::PausedQueues,
        Self::Schedules,
        Self::LongAttempts,
        Self::LongTransactions,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Tables | Self::Migrations => "tables",
            Self::Clock => "clock",
            Self::Workers => "workers",
            Self::Unserved => "unserved",
            Self::PausedQueues => "paused queues",
            Self::Schedules => "schedules",
            Self::LongAttempts => "long attempts",
            Self::LongTransactions => "long transactions",
        }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A finding of a check.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: Check,
    /// `Info` if nothing is known to be wrong, but the check could not be performed completely.
    pub(crate) level: Level,
    pub(crate) found: String,
    pub(crate) remedy: Remedy,
}

impl Finding {
    /// A problem.
    pub(super) fn new(check: Check, found: impl Into<String>, remedy: Remedy) -> Self {
        Self { check, level: Level::Warn, found: found.into(), remedy }
    }

    /// A check that could not be performed.
    pub(super) fn unseen(check: Check, found: impl Into<String>, remedy: Remedy) -> Self {
        Self { level: Level::Info, ..Self::new(check, found, remedy) }
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.level > Level::Info
    }
}

/// What to do. Where it is a command of the command line, pages show it as one.
#[derive(Debug, Clone)]
pub(crate) struct Remedy(Vec<Step>);

/// A way to do it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) words: String,
    pub(crate) command: Option<String>,
}

impl Remedy {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(vec![Step { words: words.into(), command: None }])
    }

    pub(super) fn by(words: &str, command: impl Into<String>) -> Self {
        Self(Vec::new()).or_by(words, command)
    }

    pub(super) fn or(mut self, words: &str) -> Self {
        self.0.push(Step { words: words.to_owned(), command: None });
        self
    }

    pub(super) fn or_by(mut self, words: &str, command: impl Into<String>) -> Self {
        self.0.push(Step { words: words.to_owned(), command: Some(command.into()) });
        self
    }

    #[cfg(feature = "web")]
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.0
    }
}

/// In one line: `stop it: cancel 7; limit it: a timeout in its definition`.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Step { words, command }) in self.0.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{words}")?;
            command.iter().try_for_each(|command| write!(f, ": {command}"))?;
        }
        Ok(())
    }
}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_one_line() {
        let remedy = Remedy::by("inspect it", "show 7").or_by("stop it", "cancel 7").or("limit it: a timeout");
        assert_eq!(remedy.to_string(), "inspect it: show 7; stop it: cancel 7; limit it: a timeout");
        assert_eq!(serde_json::to_value(Remedy::new("end it")).ok(), Some("end it".into()));
    }
}
