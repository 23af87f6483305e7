//! How much a message matters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// What happens.
    Info,
    /// What someone should know.
    Warn,
    /// What went wrong.
    Error,
}

impl Level {
    pub(crate) fn from_code(code: i16) -> Self {
        match code {
            0 => Self::Info,
            1 => Self::Warn,
            _ => Self::Error,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        })
    }
}
