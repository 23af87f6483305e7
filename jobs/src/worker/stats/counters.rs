//! Counting, by minute and by hour of the database's clock.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::prelude::DateTimeUtc;

use crate::model::tally::Tallies;
use crate::model::{AttemptEnd, JobStatus};
use crate::store::finish::FinishRow;
use crate::store::lock::lock;
use crate::store::row::Claimed;
use crate::store::stats::{Counted, Period};
use crate::worker::in_flight::InFlightJob;

/// The end of an attempt, which has been written.
pub(in crate::worker) struct End<'e> {
    queue: &'e str,
    name: &'e str,
    /// The status of the job since then, as its worker knows it. It does not know if somebody has asked at the last moment that the job not be
    /// retried.
    status: JobStatus,
    how: Option<AttemptEnd>,
    /// How long the job had waited, and how long the attempt ran.
    times: Option<(Duration, Duration)>,
}

impl<'e> End<'e> {
    /// The end of an attempt of this worker. `None` if it never started.
    pub(in crate::worker) fn of(job: &'e InFlightJob, end: &FinishRow) -> Option<Self> {
        let Claimed { queue, name, .. } = &job.attempt.job;
        let times = Some((job.waited(), job.ran()));
        (!end.never_started()).then(|| Self { times, ..Self::without_attempt(queue, name, end) })
    }

    /// The end of an attempt that `finish_in` has ended.
    pub(in crate::worker) fn in_transaction(job: &'e InFlightJob) -> Self {
        let Claimed { queue, name, .. } = &job.attempt.job;
        let times = Some((job.waited(), job.ran()));
        Self { queue, name, status: JobStatus::Terminated, how: None, times }
    }

    /// The end of an attempt of another worker.
    pub(in crate::worker) fn without_attempt(queue: &'e str, name: &'e str, end: &FinishRow) -> Self {
        Self { queue, name, status: end.status, how: end.how, times: None }
    }
}

/// What a worker has counted, as far as it is not over and written.
pub(in crate::worker) struct Counters {
    clock: Clock,
    sheets: Mutex<Sheets>,
}

/// The database's clock, as it was when the worker joined, and gone on since at our own pace: it never goes back, so no period begins twice.
struct Clock {
    joined_at: DateTimeUtc,
    since: Instant,
}

impl Clock {
    fn now(&self) -> DateTimeUtc {
        self.joined_at + TimeDelta::from_std(self.since.elapsed()).unwrap_or_default()
    }
}

impl Counters {
    /// `joined_at` is the database's time.
    pub(in crate::worker) fn new(joined_at: DateTimeUtc) -> Self {
        Self { clock: Clock { joined_at, since: Instant::now() }, sheets: Mutex::new(Sheets::new(joined_at)) }
    }

    /// Counts ends that have just been written.
    pub(in crate::worker) fn count<'e>(&self, ends: impl Iterator<Item = End<'e>>) {
        lock(&self.sheets).count(self.clock.now(), ends);
    }

    /// The periods of which there is something new to write. An hour gets new minutes when they are over, or if these are the last.
    pub(super) fn changed(&self, are_last: bool) -> Vec<Counted> {
        lock(&self.sheets).changed(self.clock.now(), are_last)
    }

    /// Tells whether a period was written.
    pub(super) fn written(&self, counted: &Counted, is_written: bool) {
        lock(&self.sheets).written((counted.period, counted.starts_at), is_written);
    }
}

/// How many periods wait to be written at most: the oldest are dropped.
const MOST_SHEETS: usize = 100;

/// What is counted in each period.
struct Sheets {
    /// The start of the current minute.
    minute: DateTimeUtc,
    by_period: BTreeMap<(Period, DateTimeUtc), Sheet>,
}

#[derive(Default)]
struct Sheet {
    tallies: Tallies,
    is_new: bool,
}

impl Sheet {
    fn add(&mut self, tallies: &Tallies) {
        self.tallies.add(tallies);
        self.is_new = true;
    }
}

impl Sheets {
    fn new(now: DateTimeUtc) -> Self {
        Self { minute: Period::Minute.start(now), by_period: BTreeMap::new() }
    }

    fn count<'e>(&mut self, now: DateTimeUtc, ends: impl Iterator<Item = End<'e>>) {
        let mut ends = ends.peekable();
        if ends.peek().is_none() {
            return;
        }
        self.turn_to(now);
        let sheet = self.by_period.entry((Period::Minute, self.minute)).or_default();
        sheet.is_new = true;
        for End { queue, name, status, how, times } in ends {
            let tally = sheet.tallies.of(queue, name);
            tally.count(status, how);
            if let Some((waited, ran)) = times {
                tally.record(waited, ran);
            }
        }
    }

    /// Adds the minute to its hour, if it is over.
    fn turn_to(&mut self, now: DateTimeUtc) {
        let minute = Period::Minute.start(now);
        if minute != self.minute {
            self.add_minute_to_hour();
            self.minute = minute;
        }
    }

    fn add_minute_to_hour(&mut self) {
        let Some(minute) = self.by_period.get(&(Period::Minute, self.minute)) else { return };
        let tallies = minute.tallies.clone();
        self.by_period.entry(self.hour()).or_default().add(&tallies);
    }

    fn hour(&self) -> (Period, DateTimeUtc) {
        (Period::Hour, Period::Hour.start(self.minute))
    }

    fn changed(&mut self, now: DateTimeUtc, are_last: bool) -> Vec<Counted> {
        self.turn_to(now);
        if are_last {
            self.add_minute_to_hour();
        }
        self.forget_written();
        let mut changed = Vec::new();
        for ((period, starts_at), sheet) in &mut self.by_period {
            if sheet.is_new {
                changed.push(Counted { period: *period, starts_at: *starts_at, tallies: sheet.tallies.clone() });
                sheet.is_new = false;
            }
        }
        changed
    }

    /// Forgets what is over and written. Only while nothing is being written: it may have to be written again.
    fn forget_written(&mut self) {
        let current = [(Period::Minute, self.minute), self.hour()];
        self.by_period.retain(|period, sheet| sheet.is_new || current.contains(period));
    }

    fn written(&mut self, period: (Period, DateTimeUtc), is_written: bool) {
        if let Some(sheet) = self.by_period.get_mut(&period) {
            sheet.is_new |= !is_written;
        }
        while self.by_period.len() > MOST_SHEETS {
            self.by_period.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tally::Tally;

    fn time(text: &str) -> DateTimeUtc {
        format!("2026-11-28T{text}Z").parse().unwrap()
    }

    fn count(sheets: &mut Sheets, now: &str, jobs: u64) {
        let end = || End { queue: "images", name: "Resize", status: JobStatus::Terminated, how: None, times: None };
        sheets.count(time(now), (0..jobs).map(|_| end()));
    }

    /// What is new: each period, with the number of jobs that have ended well.
    fn changed(sheets: &mut Sheets, now: &str, are_last: bool) -> Vec<(Period, DateTimeUtc, u64)> {
        let of = |counted: Counted| {
            let Tally { terminated, .. } = counted.tallies.total();
            (counted.period, counted.starts_at, terminated)
        };
        sheets.changed(time(now), are_last).into_iter().map(of).collect()
    }

    fn all_written(sheets: &mut Sheets, changed: &[(Period, DateTimeUtc, u64)], is_written: bool) {
        for (period, starts_at, _) in changed {
            sheets.written((*period, *starts_at), is_written);
        }
    }

    #[test]
    fn a_period_is_written_whole_and_only_when_it_has_changed() {
        let mut sheets = Sheets::new(time("20:58:01"));
        assert_eq!(changed(&mut sheets, "20:58:02", false), []);
        count(&mut sheets, "20:58:03", 2);
        let minute = [(Period::Minute, time("20:58:00"), 2)];
        assert_eq!(changed(&mut sheets, "20:58:05", false), minute);
        all_written(&mut sheets, &minute, true);
        assert_eq!(changed(&mut sheets, "20:58:10", false), []);
        count(&mut sheets, "20:58:11", 1);
        assert_eq!(changed(&mut sheets, "20:58:15", false), [(Period::Minute, time("20:58:00"), 3)]);
    }

    #[test]
    fn a_minute_that_is_over_is_added_to_its_hour_once() {
        let mut sheets = Sheets::new(time("20:58:01"));
        count(&mut sheets, "20:58:03", 2);
        count(&mut sheets, "20:59:01", 4);
        let first = changed(&mut sheets, "20:59:05", false);
        let of_first = [
            (Period::Minute, time("20:58:00"), 2),
            (Period::Minute, time("20:59:00"), 4),
            (Period::Hour, time("20:00:00"), 2),
        ];
        assert_eq!(first, of_first);
        all_written(&mut sheets, &first, true);
        // In another hour, and without anything new.
        let second = changed(&mut sheets, "21:00:05", false);
        assert_eq!(second, [(Period::Hour, time("20:00:00"), 6)]);
        all_written(&mut sheets, &second, true);
        assert_eq!(changed(&mut sheets, "21:00:06", false), []);
        assert!(sheets.by_period.is_empty());
        count(&mut sheets, "21:00:07", 1);
        let last = changed(&mut sheets, "21:00:08", true);
        assert_eq!(last, [(Period::Minute, time("21:00:00"), 1), (Period::Hour, time("21:00:00"), 1)]);
    }

    #[test]
    fn what_could_not_be_written_is_written_later_with_what_came_since() {
        let mut sheets = Sheets::new(time("20:58:01"));
        count(&mut sheets, "20:58:03", 2);
        let refused = changed(&mut sheets, "20:58:05", false);
        count(&mut sheets, "20:58:06", 1);
        all_written(&mut sheets, &refused, false);
        let next = changed(&mut sheets, "20:59:05", false);
        assert_eq!(next, [(Period::Minute, time("20:58:00"), 3), (Period::Hour, time("20:00:00"), 3)]);
    }

    #[test]
    fn what_can_not_be_written_for_long_takes_a_bounded_place() {
        let mut sheets = Sheets::new(time("00:00:00"));
        for minute in 0..1_000 {
            let now = format!("{:02}:{:02}:00", minute / 60, minute % 60);
            count(&mut sheets, &now, 1);
            let refused = changed(&mut sheets, &now, false);
            all_written(&mut sheets, &refused, false);
        }
        assert_eq!(sheets.by_period.len(), MOST_SHEETS);
    }
}
