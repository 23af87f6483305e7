//! Limits that the library checks again at run time. `tests/macros` holds both equal.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest name of a job or a queue, in characters.
const MAX_NAME_CHARS: usize = 200;

/// The values of `priority`.
pub(crate) const PRIORITY: RangeInclusive<i64> = -100..=100;

/// The values of `max_attempts`.
pub(crate) const MAX_ATTEMPTS: RangeInclusive<i64> = 1..=32_767;

/// The values of `jitter`, in percent.
pub(crate) const JITTER: RangeInclusive<i64> = 0..=100;

/// The values of `running` in `limit(…)`.
pub(crate) const RUNNING: RangeInclusive<i64> = 1..=1_000_000;

/// The most missed times that `missed = all(…)` makes up for.
pub(crate) const MAX_MISSED: u32 = 100;

/// The cap of exponential delays if none is given.
pub(crate) const DEFAULT_CAP: Duration = Duration::from_hours(1);

/// Checks the name of a job or a queue. The error says what is wrong with it, and what to do.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("is empty: write at least one character")
    } else if name.trim() != name {
        Err("begins or ends with white space: remove it")
    } else if name.contains(char::is_control) {
        Err("contains a control character: remove it")
    } else if name.chars().count() > MAX_NAME_CHARS {
        Err("is longer than 200 characters: shorten it")
    } else {
        Ok(())
    }
}
