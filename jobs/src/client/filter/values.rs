//! Reading the values of fields.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::ParseFilterError;
use super::condition::{Condition, Label, Moment, State};
use super::field::{Field, nearest};
use super::words::{Part, Words};
use crate::client::durations;
use crate::job::parameters::check_name;
use crate::model::{JobId, JobStatus};

/// Reads the value of a field: a condition, or several that are separated by commas.
pub(super) fn read(words: &Words<'_>, field: Field, value: &Part) -> Result<Vec<Condition>, ParseFilterError> {
    let text = &value.text;
    let condition = match field {
        Field::Status => return statuses(words, value),
        Field::Id => id(words, value),
        Field::Label(label) => name(words, field, value).map(|()| Condition::Label(label, text.clone())),
        Field::Key => name(words, field, value).map(|()| Condition::Key(text.clone())),
        Field::Since => moment(words, value).map(Condition::Since),
        Field::Until => moment(words, value).map(Condition::Until),
        Field::Is => State::named(text).map(Condition::Is).ok_or_else(|| unknown_state(words, value)),
        Field::Error => Ok(Condition::Error(text.clone())),
    };
    condition.map(|condition| vec![condition])
}

fn statuses(words: &Words<'_>, value: &Part) -> Result<Vec<Condition>, ParseFilterError> {
    let read = |text: &str| {
        text.trim().parse().map(Condition::Status).map_err(|error| {
            let all = JobStatus::ALL.iter().map(|status| status.as_str());
            let known = format!("write {}", list(error.allowed()));
            let help = nearest(text.trim(), all).map_or(known, |nearest| format!("did you mean `{nearest}`?"));
            words.error(value.span.clone(), format!("`{text}` is not a status"), help)
        })
    };
    value.text.split(',').map(read).collect()
}

pub(super) fn id(words: &Words<'_>, value: &Part) -> Result<Condition, ParseFilterError> {
    let id = value.text.parse::<JobId>().ok().filter(|id| id.get() > 0);
    id.map(Condition::Id).ok_or_else(|| {
        let reason = format!("`{}` is not the id of a job", value.text);
        words.error(value.span.clone(), reason, "write a number, such as `42`")
    })
}

/// Refuses a name that no job can have.
fn name(words: &Words<'_>, field: Field, value: &Part) -> Result<(), ParseFilterError> {
    check_name(field.as_str(), &value.text).map_err(|error| {
        let help = format!("write {}", example(field));
        words.error(value.span.clone(), error.to_string(), help)
    })
}

fn unknown_state(words: &Words<'_>, value: &Part) -> ParseFilterError {
    let states = State::ALL.map(State::as_str);
    let help = match (value.text.parse::<JobStatus>(), nearest(&value.text, states.into_iter())) {
        (Ok(meant), _) => format!("write `status:{}`", meant.as_str()),
        (_, Some(nearest)) => format!("did you mean `{nearest}`?"),
        _ => format!("write {}", list(&states)),
    };
    words.error(value.span.clone(), format!("`{}` is not a state", value.text), help)
}

fn moment(words: &Words<'_>, value: &Part) -> Result<Moment, ParseFilterError> {
    let text = &value.text;
    if let Ok(age) = durations::parse(text) {
        return Ok(Moment::Ago(age));
    }
    let day = text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = day.or_else(|| text.parse::<DateTime<Utc>>().ok());
    // What every database can store.
    if let Some(time) = time.filter(|time| (1970..=9999).contains(&time.year())) {
        return Ok(Moment::at(time));
    }
    let help = if text.replace(' ', "T").parse::<NaiveDateTime>().is_ok() {
        "add the time zone: `Z` for UTC, or as in `+02:00`"
    } else {
        "write how long ago, such as `2h` or `1d12h`, or a time, such as `2026-11-28` or `2026-11-28T10:30:00Z`"
    };
    Err(words.error(value.span.clone(), format!("`{text}` is not a time"), help))
}

pub(super) const fn example(field: Field) -> &'static str {
    match field {
        Field::Id => "the id of a job, such as `42`",
        Field::Status => "a status, such as `status:failed`",
        Field::Label(Label::Name) => "the name of a definition, such as `name:Resize`",
        Field::Label(Label::Queue) => "the name of a queue, such as `queue:images`",
        Field::Label(Label::User) => "who it is, such as `user:ada`",
        Field::Label(Label::Session) => "which session, such as `session:4f1c`",
        Field::Label(Label::Event) => "which event, such as `event:order-7`",
        Field::Key => "a key, such as `key:acme`",
        Field::Error => "a part of the error, such as `error:timeout`",
        Field::Since | Field::Until => "how long ago, such as `2h`, or a time, such as `2026-11-28T10:30:00Z`",
        Field::Is => "`is:due`, `is:retrying`, `is:long` or `is:unserved`",
    }
}

/// `a, b or c`, each as code.
fn list(texts: &[&str]) -> String {
    let quoted: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
    match &quoted[..] {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        all => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::JobFilter;

    #[test]
    fn a_time_is_read_in_every_usual_form() {
        let at = |text: &str| JobFilter::new().created_from(text.parse().unwrap());
        for (text, time) in [
            ("since:2026-11-28", "2026-11-28T00:00:00Z"),
            ("since:2026-11-28T10:30:00Z", "2026-11-28T10:30:00Z"),
            ("since:2026-11-28T10:30:00.25+02:00", "2026-11-28T08:30:00.25Z"),
            ("since:\"2026-11-28 10:30:00Z\"", "2026-11-28T10:30:00Z"),
        ] {
            assert_eq!(text.parse::<JobFilter>().unwrap(), at(time), "{text}");
        }
    }

    #[test]
    fn a_time_that_no_database_can_store_is_the_nearest_that_they_can() {
        for (filter, text) in [
            (JobFilter::new().created_until(chrono::DateTime::<chrono::Utc>::MAX_UTC), "until:9999-12-31T23:59:59Z"),
            (JobFilter::new().created_from(chrono::DateTime::<chrono::Utc>::MIN_UTC), "since:1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(filter.to_string(), text);
            assert_eq!(text.parse(), Ok(filter));
        }
    }
}
