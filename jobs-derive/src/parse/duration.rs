//! Durations as people write them: `"5m"`, `"1h30m"`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A century is more than any job waits, and far from every overflow.
const MAX_MILLISECONDS: u64 = 36_500 * 86_400_000;

/// Reads numbers with their units, the largest first.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let malformed = || {
        format!("`{text}` is no duration: write numbers with `ms`, `s`, `m`, `h` or `d`, as in `\"5m\"` or `\"1h30m\"`")
    };
    let too_long = || format!("`{text}` is too long: the longest duration is `\"36500d\"`");
    let mut rest = text;
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let (digits, after) = split(rest, |letter| letter.is_ascii_digit());
        let (unit, after) = split(after, |letter| letter.is_ascii_alphabetic());
        let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if digits.is_empty() || unit >= smallest {
            return Err(malformed());
        }
        let part = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(too_long)?;
        (rest, smallest) = (after, unit);
    }
    match total {
        0 if text.is_empty() => Err(malformed()),
        0 => Err(format!("`{text}` is no time at all: a duration is at least `\"1ms\"`")),
        1..=MAX_MILLISECONDS => Ok(Duration::from_millis(total)),
        _ => Err(too_long()),
    }
}

/// Splits the text before the first letter that does not belong.
fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !belongs(letter)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_understood() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("36500d", MAX_MILLISECONDS),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", " ", "5", "m", "5 m", "5m ", "-5m", "1.5h", "5min", "30m1h", "1h1h", "5M", "٥m", "5m€"] {
            assert!(parse(text).unwrap_err().contains("is no duration"), "{text}");
        }
    }

    #[test]
    fn no_time_and_too_much_time_are_refused() {
        assert!(parse("0s").unwrap_err().contains("no time at all"));
        for text in ["36501d", "99999999999999999999d", "18446744073709551615d", "36500d1ms"] {
            assert!(parse(text).unwrap_err().contains("too long"), "{text}");
        }
    }
}
