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
}

texts!(Level, "a level", { Info = "info", Warn = "warn", Error = "error" });

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
        assert_eq!("debug".parse::<Level>().unwrap_err().to_string(), "`debug` is not a level: info, warn or error");
    }
}
