//! How much a message matters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A normal event.
    Info,
    /// A problem that someone should know about.
    Warn,
    /// A failure.
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
