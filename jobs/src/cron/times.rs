//! The times at which a schedule fires: pure calculation, in its time zone.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};

use super::expression;
use crate::error::Error;

/// The times of an expression in a time zone.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    expression: croner::Cron,
    zone: Tz,
}

impl Times {
    /// Refuses an expression that can't be parsed or never matches, and an unknown zone.
    pub(crate) fn new(expression: &str, timezone: &str) -> Result<Self, Error> {
        let expression = expression::read(expression).map_err(|reason| Error::invalid("cron", reason))?;
        let zone = timezone.parse().map_err(|_| {
            let reason = format!("`{timezone}` is not a time zone: write one such as `Europe/Paris` or `UTC`");
            Error::invalid("timezone", reason)
        })?;
        Ok(Self { expression, zone })
    }

    /// The first time after this one; `None` at the end of the calendar.
    ///
    /// An expression that fires in every hour follows the hours as they pass: when clocks go back, in both hours that read alike; when
    /// they go forward, not in the skipped one. One with given hours fires once for each: if a time is skipped, at the first instant
    /// after it; if it occurs twice, at the first.
    pub(crate) fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&self.zone);
        if self.fires_in_every_hour() {
            return self.expression.find_next_occurrence(&local, false).ok().map(|next| next.to_utc());
        }
        let mut wall_time = local.naive_local();
        loop {
            wall_time = self.wall_time_after(wall_time)?;
            // After clocks go back, the repeated wall times are in the past.
            if let Some(next) = self.instant_of(wall_time).filter(|next| *next > after) {
                return Some(next);
            }
        }
    }

    /// The last `most` times from `first`, which is one of them, to `until`, oldest first.
    pub(crate) fn latest(&self, first: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Vec<DateTime<Utc>> {
        let mut window = TimeDelta::minutes(1);
        loop {
            let since = until.checked_sub_signed(window).unwrap_or(first);
            let is_all = since <= first;
            let mut times: Vec<_> = if is_all { vec![first] } else { Vec::new() };
            times.extend(self.between(first.max(since), until));
            if is_all || times.len() >= most {
                times.drain(..times.len().saturating_sub(most));
                return times;
            }
            window = window * 2;
        }
    }

    /// The times after `since`, up to `until`.
    pub(crate) fn between(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(self.next(since), |time| self.next(*time)).take_while(move |time| *time <= until)
    }

    /// Describes the expression in English: `At 03:00`.
    pub(crate) fn describe(&self) -> String {
        self.expression.describe().trim_end_matches('.').replacen("At every", "Every", 1)
    }

    pub(crate) const fn zone(&self) -> Tz {
        self.zone
    }

    fn fires_in_every_hour(&self) -> bool {
        (0..24).all(|hour| self.expression.pattern.hour_match(hour).unwrap_or(false))
    }

    fn wall_time_after(&self, wall_time: NaiveDateTime) -> Option<NaiveDateTime> {
        self.expression.find_next_occurrence(&wall_time, false).ok()
    }

    /// The first instant at which the zone's clocks show this time; if it is skipped, the end of the gap.
    fn instant_of(&self, wall_time: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.from_local_datetime(&wall_time) {
            MappedLocalTime::Single(instant) | MappedLocalTime::Ambiguous(instant, _) => Some(instant.to_utc()),
            MappedLocalTime::None => Some(GapInfo::new(&wall_time, &self.zone)?.end?.to_utc()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(expression: &str, timezone: &str) -> Times {
        Times::new(expression, timezone).unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        let text = if text.len() == "2024-01-01 00:00".len() { format!("{text}:00") } else { text.to_owned() };
        NaiveDateTime::parse_from_str(&text, "%F %T").unwrap().and_utc()
    }

    /// The next times after one in UTC, as local times with their UTC offset.
    fn local(expression: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
        let times = times(expression, timezone);
        let next = std::iter::successors(times.next(utc(after)), |time| times.next(*time));
        next.take(count).map(|time| time.with_timezone(&times.zone()).format("%d %H:%M %:z").to_string()).collect()
    }

    #[track_caller]
    fn refused(expression: &str, timezone: &str) -> (String, String) {
        match Times::new(expression, timezone) {
            Err(Error::InvalidValue { name, reason }) => (name, reason),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn seconds_are_optional_and_names_are_understood() {
        let after = utc("2024-02-28 12:00:30");
        for (expression, next) in [
            ("* * * * *", "2024-02-28 12:01"),
            ("*/20 * * * * *", "2024-02-28 12:00:40"),
            ("0 3 * * *", "2024-02-29 03:00"),
            ("0 9 * * MON-FRI", "2024-02-29 09:00"),
            ("30 9 1 mar *", "2024-03-01 09:30"),
            ("0 0 L * *", "2024-02-29 00:00"),
            ("0 0 29 2 *", "2024-02-29 00:00"),
            ("0 12 * * FRI#1", "2024-03-01 12:00"),
            ("@hourly", "2024-02-28 13:00"),
            ("@yearly", "2025-01-01 00:00"),
        ] {
            assert_eq!(times(expression, "UTC").next(after), Some(utc(next)), "{expression}");
        }
    }

    #[test]
    fn the_next_time_is_later_than_the_one_given_even_by_less_than_a_second() {
        let every_minute = times("* * * * *", "UTC");
        let time = utc("2024-01-01 00:01");
        assert_eq!(every_minute.next(time - TimeDelta::milliseconds(1)), Some(time));
        assert_eq!(every_minute.next(time), Some(utc("2024-01-01 00:02")));
        assert_eq!(every_minute.next(time + TimeDelta::milliseconds(1)), Some(utc("2024-01-01 00:02")));
    }

    #[test]
    fn what_is_no_time_zone_is_refused_with_what_to_write() {
        for timezone in ["", "Paris", "europe/paris", "Europe/Atlantis", "+02:00"] {
            let (name, reason) = refused("* * * * *", timezone);
            assert_eq!(name, "timezone", "{timezone}");
            assert!(reason.contains("Europe/Paris"), "{timezone}: {reason}");
        }
    }

    #[test]
    fn a_time_that_is_left_out_fires_at_the_first_instant_after_it() {
        for (expression, timezone, after, expected) in [
            // An hour, at 02:00.
            ("30 2 * * *", "Europe/Paris", "2024-03-30 12:00", ["31 03:00 +02:00", "01 02:30 +02:00"]),
            // Half an hour, at 02:00.
            ("15 2 * * *", "Australia/Lord_Howe", "2024-10-05 00:00", ["06 02:30 +11:00", "07 02:15 +11:00"]),
            // Midnight.
            ("0 0 * * *", "America/Santiago", "2024-09-07 12:00", ["08 01:00 -03:00", "09 00:00 -03:00"]),
            ("0 0 * * *", "Asia/Beirut", "2024-03-30 12:00", ["31 01:00 +03:00", "01 00:00 +03:00"]),
            // A whole day.
            ("0 9 * * *", "Pacific/Apia", "2011-12-29 20:00", ["31 00:00 +14:00", "31 09:00 +14:00"]),
            // There are two such times, and one instant after both.
            ("*/30 2 * * *", "Europe/Paris", "2024-03-30 12:00", ["31 03:00 +02:00", "01 02:00 +02:00"]),
            // The other hours of the list are unaffected.
            ("30 2,14 * * *", "Europe/Paris", "2024-03-30 14:00", ["31 03:00 +02:00", "31 14:30 +02:00"]),
            // It coincides with another time of the list.
            ("0 2,3 * * *", "Europe/Paris", "2024-03-30 12:00", ["31 03:00 +02:00", "01 02:00 +02:00"]),
        ] {
            assert_eq!(local(expression, timezone, after, 2), expected, "{expression} {timezone}");
        }
    }

    #[test]
    fn a_time_that_comes_twice_fires_once_at_the_first() {
        for (expression, timezone, after, expected) in [
            ("30 2 * * *", "Europe/Paris", "2024-10-26 12:00", ["27 02:30 +02:00", "28 02:30 +01:00"]),
            ("45 1 * * *", "Australia/Lord_Howe", "2024-04-06 00:00", ["07 01:45 +11:00", "08 01:45 +10:30"]),
            ("30 23 * * *", "America/Santiago", "2024-04-06 12:00", ["06 23:30 -03:00", "07 23:30 -04:00"]),
            ("*/30 2 * * *", "Europe/Paris", "2024-10-27 00:00", ["27 02:30 +02:00", "28 02:00 +01:00"]),
        ] {
            assert_eq!(local(expression, timezone, after, 2), expected, "{expression} {timezone}");
        }
        // Asked between the two.
        let between = "2024-10-27 01:10";
        assert_eq!(local("30 2 * * *", "Europe/Paris", between, 1), ["28 02:30 +01:00"]);
    }

    #[test]
    fn what_fires_every_hour_follows_the_hours_as_they_pass() {
        let forward = local("0 * * * *", "Europe/Paris", "2024-03-31 00:30", 2);
        assert_eq!(forward, ["31 03:00 +02:00", "31 04:00 +02:00"], "01:00 was half an hour before");
        let back = local("0 * * * *", "Europe/Paris", "2024-10-26 23:30", 4);
        assert_eq!(back, ["27 02:00 +02:00", "27 02:00 +01:00", "27 03:00 +01:00", "27 04:00 +01:00"]);
        let quarters = local("*/15 * * * *", "Australia/Lord_Howe", "2024-04-06 14:45", 4);
        assert_eq!(quarters, ["07 01:30 +10:30", "07 01:45 +10:30", "07 02:00 +10:30", "07 02:15 +10:30"]);
        let skipped = local("10,40 * * * *", "Australia/Lord_Howe", "2024-10-05 15:00", 3);
        assert_eq!(skipped, ["06 01:40 +10:30", "06 02:40 +11:00", "06 03:10 +11:00"]);
    }

    #[test]
    fn a_zone_whose_clocks_never_change_has_every_time_once() {
        let days = local("30 2 * * *", "Asia/Tokyo", "2024-03-29 00:00", 300);
        assert!(days.iter().all(|day| day.ends_with("02:30 +09:00")), "{days:?}");
        let tokyo = times("30 2 * * *", "Asia/Tokyo");
        assert_eq!(tokyo.between(utc("2024-01-01 00:00"), utc("2024-12-31 00:00")).count(), 365);
    }

    #[test]
    fn years_of_times_go_forward_and_no_day_is_left_out() {
        for timezone in ["Europe/Paris", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut", "Africa/Casablanca"]
        {
            let daily = times("15 2 * * *", timezone);
            let all: Vec<_> = daily.between(utc("2020-01-01 12:00"), utc("2030-01-01 12:00")).collect();
            assert_eq!(all.len(), 3653, "{timezone}");
            assert!(all.is_sorted_by(|one, next| one < next), "{timezone}");
        }
    }

    #[test]
    fn the_latest_times_are_found_without_counting_all() {
        let every_second = times("* * * * * *", "UTC");
        let (first, until) = (utc("2004-01-01 00:00"), utc("2024-01-01 00:00"));
        let seconds = |seconds| until - TimeDelta::seconds(seconds);
        assert_eq!(every_second.latest(first, until, 3), [seconds(2), seconds(1), seconds(0)]);
        let daily = times("0 3 * * *", "UTC");
        assert_eq!(daily.latest(first, until, 1), [utc("2023-12-31 03:00")]);
    }

    #[test]
    fn the_first_time_counts_as_one_though_the_expression_has_changed() {
        let hourly = times("0 * * * *", "UTC");
        let first = utc("2024-01-01 08:20");
        assert_eq!(hourly.latest(first, first, 5), [first]);
        let later = utc("2024-01-01 10:20");
        assert_eq!(hourly.latest(first, later, 5), [first, utc("2024-01-01 09:00"), utc("2024-01-01 10:00")]);
    }

    #[test]
    fn a_schedule_is_said_in_words() {
        assert_eq!(times("0 3 * * *", "UTC").describe(), "At 03:00");
        assert_eq!(times("*/5 * * * *", "UTC").describe(), "Every 5 minutes");
    }
}
