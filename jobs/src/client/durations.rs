//! Durations as people write them: `10m`, `1h30m`.

use std::time::Duration;

use crate::store::LONGEST;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Parses numbers with their units, the largest first.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: write numbers with d, h, m, s or ms, such as 10m or 1h30m");
    let (mut rest, mut total, mut units) = (text, Duration::ZERO, UNITS.iter());
    while !rest.is_empty() {
        let (digits, after) = split(rest, |letter| letter.is_ascii_digit());
        let (unit, after) = split(after, |letter| letter.is_ascii_alphabetic());
        let (_, milliseconds) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let part = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(*milliseconds)).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_millis(part)).ok_or_else(wrong)?;
        rest = after;
    }
    match total {
        _ if text.is_empty() => Err(wrong()),
        total if total > LONGEST => Err(format!("`{text}` is longer than a hundred years")),
        total => Ok(total),
    }
}

/// Formats the two largest units that are not zero.
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) fn show(duration: Duration) -> String {
    write(counts(duration).skip_while(|(count, _)| *count == 0).take(2))
}

/// Formats all units that are not zero, as [`parse`] reads them.
pub(crate) fn exact(duration: Duration) -> String {
    write(counts(duration))
}

/// How many of each unit there are, the largest first.
fn counts(duration: Duration) -> impl Iterator<Item = (u64, &'static str)> {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    UNITS.into_iter().map(move |(unit, milliseconds)| {
        let count = rest / milliseconds;
        rest %= milliseconds;
        (count, unit)
    })
}

fn write(counts: impl Iterator<Item = (u64, &'static str)>) -> String {
    let parts: Vec<_> = counts.filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if parts.is_empty() { "0s".into() } else { parts.concat() }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !belongs(letter)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, seconds) in [("0s", 0.0), ("250ms", 0.25), ("10m", 600.0), ("1h30m", 5400.0), ("2d", 172_800.0)] {
            assert_eq!(parse(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
            assert_eq!(exact(Duration::from_secs_f64(seconds)), text);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "10", "m", "10 m", "-1s", "1m1h", "1m1m", "1w", "99999999999999999999s", "99999999999999999d"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn more_than_a_hundred_years_are_refused() {
        assert_eq!(parse("36500d"), Ok(LONGEST));
        assert_eq!(parse("36500d1ms"), Err("`36500d1ms` is longer than a hundred years".into()));
    }

    #[test]
    fn every_unit_is_written_where_it_counts() {
        assert_eq!(exact(Duration::from_millis(93_784_005)), "1d2h3m4s5ms");
        assert_eq!(exact(Duration::from_millis(3_600_005)), "1h5ms");
    }

    #[cfg(any(feature = "cli", feature = "web"))]
    #[test]
    fn only_the_two_largest_units_are_written() {
        assert_eq!(show(Duration::from_secs(90_061)), "1d1h");
        assert_eq!(show(Duration::from_millis(3_600_005)), "1h");
    }
}
