//! The policy for times of a schedule that pass while no worker is up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The policy for times at which no worker that knows the job was up. The next worker that starts applies it.
///
/// A time is missed if a later one came before it was fired, or if no worker that knows the job was up at that time or within two
/// minutes after it. A time that only had to wait for its turn is not missed. If the database's clock is set forward by more than a
/// worker's lease, it looks as if no worker had been up: the times in between are missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missed {
    /// Schedules nothing, and continues with the next time.
    Skip,
    /// Schedules one job for all of them, whose nominal time is the latest.
    #[default]
    Once,
    /// Schedules a job for each of the latest times, up to this many (1 to 100), oldest first, each with its nominal time.
    All(u32),
}

/// The largest number that `All` accepts.
const MOST: u32 = 100;

impl Missed {
    pub(crate) fn check(self) -> Result<Self, Error> {
        match self {
            Self::All(limit) if !(1..=MOST).contains(&limit) => {
                Err(Error::invalid("missed", format!("{limit} jobs at once are not between 1 and {MOST}")))
            }
            policy => Ok(policy),
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Once => f.write_str("once"),
            Self::All(limit) => write!(f, "all({limit})"),
        }
    }
}

impl FromStr for Missed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let limit = |text: &str| text.strip_prefix("all(")?.strip_suffix(')')?.parse().ok();
        match text {
            "skip" => Ok(Self::Skip),
            "once" => Ok(Self::Once),
            _ => limit(text)
                .map(Self::All)
                .ok_or_else(|| Error::invalid("missed", format!("`{text}` is none of `skip`, `once` and `all(10)`")))?
                .check(),
        }
    }
}

impl Serialize for Missed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Missed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        for policy in [Missed::Skip, Missed::Once, Missed::All(1), Missed::All(100)] {
            assert_eq!(policy.to_string().parse::<Missed>().unwrap(), policy);
            assert_eq!(serde_json::from_value::<Missed>(serde_json::to_value(policy).unwrap()).unwrap(), policy);
        }
        for text in ["", "Skip", "all", "all()", "all(0)", "all(101)", "all(-1)", "all(10"] {
            assert!(text.parse::<Missed>().is_err(), "{text}");
        }
    }
}
