//! Parsing cron expressions. `jobs-derive` has a copy of this file, so that macro and runtime accept the same.

use chrono::NaiveDateTime;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// The longest expression, in characters: the size of its column.
const MAX_CHARACTERS: usize = 200;

const FORM: &str =
    "write five fields (minute, hour, day of month, month, day of week), or six with seconds before them";

/// A field of an expression.
struct Field {
    name: &'static str,
    /// The values it accepts, besides `*`, lists, ranges and steps.
    values: &'static str,
    first: u16,
    last: u16,
    /// The names of its values, from the first on.
    names: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field { name: "second", values: "0 to 59", first: 0, last: 59, names: &[] },
    Field { name: "minute", values: "0 to 59", first: 0, last: 59, names: &[] },
    Field { name: "hour", values: "0 to 23", first: 0, last: 23, names: &[] },
    Field {
        name: "day of the month",
        values: "1 to 31, `L` (the last), `15W` (the weekday nearest to the 15th)",
        first: 1,
        last: 31,
        names: &[],
    },
    Field {
        name: "month",
        values: "1 to 12, `JAN` to `DEC`",
        first: 1,
        last: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    },
    Field {
        name: "day of the week",
        values: "0 to 7 (0 and 7 are Sunday), `SUN` to `SAT`, `FRI#2` (the second), `FRI#L` (the last)",
        first: 0,
        last: 6,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

/// Parses an expression. The error says what is wrong with it, and what to write.
pub(crate) fn read(expression: &str) -> Result<Cron, String> {
    if expression.chars().count() > MAX_CHARACTERS {
        return Err(format!("it is longer than {MAX_CHARACTERS} characters: shorten it"));
    }
    let fields = match expression.trim() {
        nickname if nickname.starts_with('@') => of_nickname(nickname)?,
        fields => fields,
    };
    let times = of_fields(expression, &fields.split_whitespace().collect::<Vec<_>>())?;
    if times.find_next_occurrence(&NaiveDateTime::default(), false).is_err() {
        return Err(format!("`{expression}` never comes: no calendar has such a day"));
    }
    Ok(times)
}

fn of_nickname(nickname: &str) -> Result<&'static str, String> {
    match nickname.to_ascii_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * SUN"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        _ => Err(format!(
            "`{nickname}` is not one of `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`: {FORM}, such as `*/5 * * * *` for \
             every five minutes"
        )),
    }
}

fn of_fields(expression: &str, written: &[&str]) -> Result<Cron, String> {
    let fields = match written.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        7 => return Err(format!("`{expression}` has seven fields, and no year can be given: {FORM}")),
        1 => return Err(format!("`{expression}` has one field: {FORM}")),
        number => return Err(format!("`{expression}` has {number} fields: {FORM}")),
    };
    let understood: Vec<_> = fields.iter().zip(written).map(|(field, text)| field.with_ranges_in_order(text)).collect();
    parse(&understood.join(" ")).map_err(|error| {
        let is_wrong = |place: &usize| {
            let alone = (0..fields.len()).map(|other| if other == *place { understood[other].as_str() } else { "*" });
            parse(&alone.collect::<Vec<_>>().join(" ")).is_err()
        };
        match (0..fields.len()).find(is_wrong) {
            Some(place) => fields[place].refuse(expression, written[place]),
            None => format!("`{expression}` can't be read ({error}): {FORM}"),
        }
    })
}

/// `5/15` is `5-59/15`.
fn parse(expression: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).sloppy_ranges(true).build();
    parser.parse(expression).map_err(|error| error.to_string())
}

impl Field {
    /// Replaces ranges that wrap around, such as `22-2`, with the values that they mean.
    fn with_ranges_in_order(&self, text: &str) -> String {
        let parts = text.split(',').map(|part| self.values_past_the_last(part).unwrap_or_else(|| part.to_owned()));
        parts.collect::<Vec<_>>().join(",")
    }

    fn values_past_the_last(&self, part: &str) -> Option<String> {
        // `+`: both days must match.
        let (both, part) = part.strip_prefix('+').map_or(("", part), |part| ("+", part));
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (from, to) = range.split_once('-')?;
        let (from, to, step) = (self.value(from)?, self.value(to)?, step.parse().ok().filter(|step| *step > 0)?);
        if from <= to {
            return None;
        }
        let count = self.last - self.first + 1;
        // Sunday is 0 and 7.
        let from = if from > self.last { from - count } else { from };
        let length = (to + count - from) % count;
        let values = (0..=length).step_by(step).map(|place| self.first + (from - self.first + place) % count);
        Some(format!("{both}{}", values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")))
    }

    fn value(&self, text: &str) -> Option<u16> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = named.map_or_else(|| text.parse().ok(), |place| Some(self.first + u16::try_from(place).ok()?))?;
        let has_sunday_twice = u16::from(self.first == 0 && self.last == 6);
        (self.first..=self.last + has_sunday_twice).contains(&value).then_some(value)
    }

    fn refuse(&self, expression: &str, written: &str) -> String {
        let Self { name, values, .. } = self;
        format!(
            "`{written}` in `{expression}` is not a valid {name}: write `*`, {values}, a list (`1,5`), a range (`1-5`) or a step (`*/5`)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next five times, as days and times.
    fn times(expression: &str) -> Vec<String> {
        let times = read(expression).unwrap_or_else(|reason| panic!("{reason}"));
        let start = NaiveDateTime::parse_from_str("2024-01-01 00:00:00", "%F %T").unwrap();
        let next = |time: &NaiveDateTime| times.find_next_occurrence(time, false).ok();
        std::iter::successors(next(&start), next).take(5).map(|time| time.format("%m-%d %H:%M").to_string()).collect()
    }

    #[test]
    fn what_other_crons_take_is_taken() {
        for (expression, same) in [
            ("5/15 * * * *", "5,20,35,50 * * * *"),
            ("0 22-2 * * *", "0 22,23,0,1,2 * * *"),
            ("0 22-2/2 * * *", "0 22,0,2 * * *"),
            ("0 20-23,23-1 * * *", "0 20-23,0,1 * * *"),
            ("50-10/5 * * * *", "50,55,0,5,10 * * * *"),
            ("0 0 28-3 * *", "0 0 28-31,1-3 * *"),
            ("0 0 1 NOV-FEB *", "0 0 1 11,12,1,2 *"),
            ("0 0 * * FRI-MON", "0 0 * * 5,6,0,1"),
            ("0 0 * * fri-sun", "0 0 * * 5-7"),
            ("0 0 * * 7-2", "0 0 * * 0-2"),
            ("0 0 1 * +SAT-MON", "0 0 1 * +6,0,1"),
            ("0 9 ? * MON", "0 9 * * MON"),
            ("0 9 1 * ?", "0 9 1 * *"),
            ("@midnight", "0 0 * * *"),
            ("@Daily", "0 0 * * *"),
            ("@annually", "@yearly"),
            (" 0  3 * * * ", "0 3 * * *"),
        ] {
            assert_eq!(times(expression), times(same), "{expression}");
        }
        assert_eq!(times("0 0 L * *")[..2], ["01-31 00:00", "02-29 00:00"]);
    }

    #[test]
    fn what_is_wrong_is_said_by_its_field() {
        for (expression, part, field) in [
            ("60 * * * *", "60", "minute"),
            ("* 25 * * *", "25", "hour"),
            ("* 24-2 * * *", "24-2", "hour"),
            ("0 0 32 * *", "32", "day of the month"),
            ("0 0 L-3 * *", "L-3", "day of the month"),
            ("0 0 1 Januar *", "Januar", "month"),
            ("0 0 * * 8", "8", "day of the week"),
            ("? * * * *", "?", "minute"),
            ("*/0 * * * *", "*/0", "minute"),
            ("H * * * *", "H", "minute"),
            ("99 0 0 * * *", "99", "second"),
        ] {
            let reason = read(expression).unwrap_err();
            assert!(
                reason.starts_with(&format!("`{part}` in `{expression}` is not a valid {field}: write")),
                "{reason}"
            );
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_with_what_to_write() {
        for (expression, said) in [
            ("", "has 0 fields"),
            ("hourly", "has one field"),
            ("* * * *", "has 4 fields"),
            ("0 0 0 1 1 ? 2030", "no year can be given"),
            ("@sometimes", "not one of `@hourly`"),
            ("@every 5m", "`*/5 * * * *`"),
            ("@reboot", "not one of `@hourly`"),
        ] {
            let reason = read(expression).unwrap_err();
            assert!(reason.contains(said) && reason.contains("five fields"), "{reason}");
        }
        assert!(read(&"*".repeat(201)).unwrap_err().contains("longer than 200"));
    }

    #[test]
    fn a_day_that_no_calendar_has_is_refused() {
        for expression in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            assert!(read(expression).unwrap_err().contains("never comes"), "{expression}");
        }
    }
}
