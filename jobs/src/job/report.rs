//! What a running attempt says of itself, until it is written: progress, results and messages.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::parameters::{MAX_JSON_BYTES, OUTPUT, refuse_depth, value_without_nul, without_nul};
use crate::error::Error;
use crate::model::{JobId, JobStatus, Level};
use crate::store::finish::NewMessage;
use crate::store::lock::lock;

/// The longest message, and the longest reason, in bytes; more is cut off.
pub(crate) const MAX_TEXT_BYTES: usize = 16 * 1024;

/// How many messages, and bytes of them, one job may have waiting to be written; more are dropped and counted.
const MAX_MESSAGES: usize = 1_000;
const MAX_MESSAGES_BYTES: usize = 1024 * 1024;

/// The notes of one attempt. Writing to them never waits for the database.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    progress: Option<i16>,
    results: Map<String, Value>,
    results_bytes: usize,
    results_changed: bool,
    messages: Vec<Said>,
    messages_bytes: usize,
    /// The results are for the end to write: a report was refused.
    results_refused: bool,
    /// How many messages have a number.
    said: i64,
    dropped: u64,
    forced: Option<JobStatus>,
    phase: Phase,
    /// On its way to the database with a report.
    reported: Option<Unwritten>,
    /// On its way with the end that the job writes itself.
    finishing: Option<Unwritten>,
    /// The job was finished from inside: nothing more is taken.
    closed: bool,
}

/// How far the attempt is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Running,
    /// `execute` has returned: what it forced counts.
    Returned,
    /// Its end is about to be written: nothing more is taken.
    Ended,
}

#[derive(Debug, Clone)]
struct Said {
    number: i64,
    when: Instant,
    level: Level,
    text: String,
}

/// What has not been written yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unwritten {
    pub(crate) progress: Option<i16>,
    pub(crate) results: Option<String>,
    messages: Vec<Said>,
    /// Of how many that were dropped the last message tells.
    dropped: u64,
}

impl Notes {
    pub(crate) fn set_progress(&self, percent: u8) {
        let mut state = lock(&self.state);
        if !state.closed {
            state.progress = Some(i16::from(percent.min(100)));
        }
    }

    pub(crate) fn say(&self, level: Level, text: String) {
        let text = storable(text);
        let mut state = lock(&self.state);
        if state.closed || state.phase == Phase::Ended {
            return;
        }
        if state.messages.len() >= MAX_MESSAGES || state.messages_bytes + text.len() > MAX_MESSAGES_BYTES {
            state.dropped += 1;
            return;
        }
        state.messages_bytes += text.len();
        state.push(level, text);
    }

    /// Keeps a result. Refused where all results together would be over the size limit, or the job was finished.
    pub(crate) fn set_result(&self, id: JobId, name: &str, value: Value) -> Result<(), Error> {
        let (name, value) = (without_nul(name.to_owned()), value_without_nul(value));
        refuse_depth(&name, &value)?;
        let bytes = name.len() + value.to_string().len();
        let mut state = lock(&self.state);
        state.check_open(id)?;
        let before = state.results.get(&name).map_or(0, |old| name.len() + old.to_string().len());
        let total = state.results_bytes - before + bytes;
        if total > MAX_JSON_BYTES {
            let reason = format!(
                "with it the job's results have {total} bytes of JSON; at most {MAX_JSON_BYTES} are allowed: \
                 store the data elsewhere and keep a reference to it"
            );
            return Err(Error::invalid(name, reason));
        }
        state.results_bytes = total;
        state.results.insert(name, value);
        state.results_changed = true;
        Ok(())
    }

    pub(crate) fn has_result(&self, name: &str) -> bool {
        lock(&self.state).results.contains_key(name)
    }

    pub(crate) fn force(&self, id: JobId, status: JobStatus) -> Result<(), Error> {
        let mut state = lock(&self.state);
        state.check_open(id)?;
        state.forced = Some(status);
        Ok(())
    }

    /// How the job wants to end. One that was cut off before it returned did not get to say.
    pub(crate) fn forced(&self) -> Option<JobStatus> {
        let state = lock(&self.state);
        state.forced.filter(|_| state.phase >= Phase::Returned)
    }

    pub(crate) fn returned(&self) {
        lock(&self.state).phase = Phase::Returned;
    }

    /// The attempt has ended: takes what is left, and nothing more after it.
    pub(crate) fn end(&self) -> Unwritten {
        let mut state = lock(&self.state);
        state.phase = Phase::Ended;
        state.take_all().unwrap_or_default()
    }

    /// From now on nothing more is taken. Returns all that is not written, also what a report still has in hand; asked again, the same.
    pub(crate) fn close(&self) -> Unwritten {
        let mut state = lock(&self.state);
        if !state.closed {
            state.closed = true;
            state.finishing = state.take_all();
        }
        let mut all = state.reported.clone().unwrap_or_default();
        if let Some(later) = state.finishing.clone() {
            all.progress = later.progress.or(all.progress);
            all.results = later.results.or(all.results);
            all.messages.extend(later.messages);
        }
        all
    }

    /// The job has not ended so: notes are taken again, and what was to be written with its end waits to be written.
    pub(crate) fn reopen(&self) {
        let mut state = lock(&self.state);
        state.closed = false;
        if let Some(output) = state.results.remove(OUTPUT) {
            state.results_bytes -= OUTPUT.len() + output.to_string().len();
            // The only result was that which does not count.
            let nothing = state.results.is_empty();
            state.finishing.iter_mut().filter(|_| nothing).for_each(|finishing| finishing.results = None);
        }
        let finishing = state.finishing.take();
        state.put_back(finishing);
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// The same for a report, which then says whether it was [`reported`](Self::reported).
    pub(crate) fn report(&self) -> Option<Unwritten> {
        let mut state = lock(&self.state);
        state.reported = state.take();
        state.reported.clone()
    }

    /// What became of the report. What was not written stands before what was said since.
    pub(crate) fn reported(&self, written: bool) {
        let mut state = lock(&self.state);
        let reported = state.reported.take();
        if !written {
            state.put_back(reported);
        }
    }

    /// The database refuses the report: its messages are dropped, and counted. Its results are for the end, which says why where they are
    /// refused again.
    pub(crate) fn refused(&self) {
        let mut state = lock(&self.state);
        let Some(refused) = state.reported.take() else { return };
        state.progress = state.progress.or(refused.progress);
        // The last message may be the one that says how many were dropped before.
        let said = refused.messages.len() as u64 - u64::from(refused.dropped > 0);
        state.dropped += refused.dropped + said;
        state.results_refused |= refused.results.is_some();
    }
}

impl State {
    /// Whether results are still taken.
    fn check_open(&self, id: JobId) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Closed { id, status: JobStatus::Terminated });
        }
        if self.phase == Phase::Ended { Err(Error::Lost { id }) } else { Ok(()) }
    }

    fn push(&mut self, level: Level, text: String) {
        self.said += 1;
        self.messages.push(Said { number: self.said, when: Instant::now(), level, text });
    }

    fn take(&mut self) -> Option<Unwritten> {
        // Results that were refused are for the end, whatever is set besides.
        let has_results = self.results_changed && !self.results_refused;
        if self.progress.is_none() && !has_results && self.messages.is_empty() && self.dropped == 0 {
            return None;
        }
        if self.dropped > 0 {
            let text = format!(
                "{} messages were dropped: they came faster than they could be written, or the database refused them",
                self.dropped
            );
            self.push(Level::Warn, text);
        }
        let dropped = std::mem::take(&mut self.dropped);
        let results = has_results.then(|| Value::Object(self.results.clone()).to_string());
        self.results_changed &= !has_results;
        self.messages_bytes = 0;
        Some(Unwritten {
            progress: self.progress.take(),
            results,
            messages: std::mem::take(&mut self.messages),
            dropped,
        })
    }

    /// The same for the end, with what only that is to write.
    fn take_all(&mut self) -> Option<Unwritten> {
        self.results_changed |= std::mem::take(&mut self.results_refused);
        self.take()
    }

    fn put_back(&mut self, unwritten: Option<Unwritten>) {
        let Some(unwritten) = unwritten else { return };
        self.progress = self.progress.or(unwritten.progress);
        self.results_changed |= unwritten.results.is_some();
        let later = std::mem::replace(&mut self.messages, unwritten.messages);
        self.messages.extend(later);
        self.dropped += self.messages.len().saturating_sub(MAX_MESSAGES) as u64;
        self.messages.truncate(MAX_MESSAGES);
        self.messages_bytes = self.messages.iter().map(|said| said.text.len()).sum();
    }
}

impl Unwritten {
    /// The messages as rows.
    pub(crate) fn messages(&self, job_id: i64, attempt: i32, version: i64) -> Vec<NewMessage> {
        let row = |said: &Said| NewMessage {
            job_id,
            attempt,
            version,
            number: said.number,
            level: said.level as i16,
            age_ms: age_ms(said.when.elapsed()),
            text: said.text.clone(),
        };
        self.messages.iter().map(row).collect()
    }
}

fn age_ms(age: Duration) -> i64 {
    i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
}

/// A message, or the reason of an end, as every database takes it. An error can be as long as the parameters it quotes.
pub(crate) fn storable(text: String) -> String {
    shortened(without_nul(text))
}

fn shortened(text: String) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let kept = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
    format!("{kept}… (cut off: it had {} bytes)", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_messages_is_bounded_and_says_how_many_were_dropped() {
        let notes = Notes::default();
        for number in 0..MAX_MESSAGES + 7 {
            notes.say(Level::Info, number.to_string());
        }
        let rows = notes.report().expect("there are messages").messages(1, 1, 1);
        assert_eq!(rows.len(), MAX_MESSAGES + 1);
        assert!(rows.last().expect("the last").text.starts_with("7 messages were dropped"));
    }

    #[test]
    fn what_was_put_back_stands_before_what_was_said_since() {
        let notes = Notes::default();
        notes.say(Level::Info, "first".into());
        notes.set_progress(10);
        notes.report().expect("something was said");
        notes.say(Level::Info, "second".into());
        notes.set_progress(20);
        notes.reported(false);
        let again = notes.report().expect("both");
        assert_eq!(again.progress, Some(20));
        let texts: Vec<_> = again.messages(1, 1, 1).into_iter().map(|message| message.text).collect();
        assert_eq!(texts, ["first", "second"]);
    }

    #[test]
    fn an_end_that_does_not_count_leaves_all_but_its_output_to_be_written() {
        let notes = Notes::default();
        notes.say(Level::Info, "first".into());
        notes.report().expect("something was said");
        notes.say(Level::Info, "second".into());
        notes.set_result(JobId(1), OUTPUT, Value::Null).expect("it fits");
        let texts = |unwritten: &Unwritten| -> Vec<_> {
            unwritten.messages(1, 1, 1).into_iter().map(|message| message.text).collect()
        };
        assert_eq!(texts(&notes.close()), ["first", "second"]);
        notes.reopen();
        notes.reported(true);
        let again = notes.report().expect("the second");
        assert_eq!(texts(&again), ["second"]);
        assert_eq!(again.results, None);
    }

    #[test]
    fn what_is_written_again_has_the_same_numbers() {
        let notes = Notes::default();
        let numbers = |unwritten: Unwritten| -> Vec<_> {
            unwritten.messages(1, 1, 1).into_iter().map(|message| message.number).collect()
        };
        notes.say(Level::Info, "first".into());
        notes.say(Level::Info, "second".into());
        assert_eq!(notes.report().map(numbers), Some(vec![1, 2]));
        notes.say(Level::Info, "third".into());
        notes.reported(false);
        assert_eq!(numbers(notes.end()), [1, 2, 3]);
    }

    #[test]
    fn of_a_refused_report_the_messages_are_counted_and_the_results_are_for_the_end() {
        let notes = Notes::default();
        notes.set_progress(30);
        notes.say(Level::Info, "refused".into());
        notes.set_result(JobId(1), "a", Value::Bool(true)).expect("it fits");
        notes.report().expect("there is something");
        notes.refused();
        let next = notes.report().expect("that messages were dropped");
        assert_eq!((next.progress, &next.results), (Some(30), &None));
        assert!(next.messages[0].text.starts_with("1 messages were dropped"), "{}", next.messages[0].text);
        notes.reported(true);
        let end = notes.end();
        assert_eq!((end.results.as_deref(), end.messages.len()), (Some(r#"{"a":true}"#), 0));
    }

    #[test]
    fn refused_results_wait_for_the_end_whatever_is_set_besides_and_the_count_of_dropped_messages_is_kept() {
        let notes = Notes::default();
        notes.set_result(JobId(1), "a", Value::Bool(true)).expect("it fits");
        for text in ["one", "two"] {
            notes.say(Level::Info, text.into());
        }
        notes.report().expect("there is something");
        notes.refused();
        notes.set_result(JobId(1), "b", Value::Null).expect("it fits");
        // The notice is refused, too.
        notes.report().expect("that messages were dropped");
        notes.refused();
        let next = notes.report().expect("that messages were dropped");
        assert_eq!(next.results, None);
        assert!(next.messages[0].text.starts_with("2 messages were dropped"), "{}", next.messages[0].text);
        notes.reported(true);
        assert_eq!(notes.end().results.as_deref(), Some(r#"{"a":true,"b":null}"#));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let text = shortened("é".repeat(MAX_TEXT_BYTES));
        assert!(text.len() < MAX_TEXT_BYTES + 60 && text.contains("cut off"));
    }

    #[test]
    fn results_over_the_limit_are_refused_and_replacing_one_frees_its_room() {
        let notes = Notes::default();
        let large = Value::String("x".repeat(MAX_JSON_BYTES * 2 / 3));
        notes.set_result(JobId(1), "a", large.clone()).expect("it fits");
        assert!(notes.set_result(JobId(1), "b", large.clone()).is_err());
        notes.set_result(JobId(1), "a", large).expect("it replaces the first");
    }
}
