//! Durations as numbers of seconds, which scripts can compute with.

use std::time::Duration;

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

#[expect(clippy::ref_option, reason = "serde gives it so")]
pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

/// Rounds to the microsecond, the precision of databases: an `f64` has no more digits for a duration of a hundred years.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(seconds) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    let micros = Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)?.as_nanos().saturating_add(500) / 1_000;
    Ok(Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))))
}
