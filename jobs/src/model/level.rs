//! How much a message matters.

use std::fmt;

use super::texts::texts;

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// A normal event.
    Info,
    /// A problem that someone should know about.
    Warn,
    /// A failure.
    Error,
    /// Written by a later release, with a severity that this one does not know. The highest, so that no filter hides it.
    Unknown,
}

texts!(Level, "a level", { Info = "info", Warn = "warn", Error = "error", Unknown = "unknown" });

impl Level {
    /// The level that a message has; [`Unknown`](Self::Unknown) if this release does not know it.
    pub(crate) const fn stored(code: i16) -> Self {
        match code {
            0 => Self::Info,
            1 => Self::Warn,
            2 => Self::Error,
            _ => Self::Unknown,
        }
    }

    /// The number that stands for this level in the database.
    pub(crate) const fn code(self) -> i16 {
        self as i16
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().to_ascii_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn every_level_is_read_as_it_is_written() {
        for level in Level::ALL {
            assert_eq!(level.as_str().parse(), Ok(*level));
            assert_eq!(level.to_string().parse(), Ok(*level));
        }
        let error = "debug".parse::<Level>().unwrap_err();
        assert_eq!(error.to_string(), "`debug` is not a level: info, warn, error or unknown");
    }

    #[test]
    fn a_level_that_is_not_known_is_not_taken_for_an_error() {
        for level in [Level::Info, Level::Warn, Level::Error] {
            assert_eq!(Level::stored(level.code()), level);
            assert!(level < Level::Unknown);
        }
        assert_eq!(Level::stored(-1), Level::Unknown);
        assert_eq!(Level::stored(7), Level::Unknown);
    }
}
