//! The parameters and results of a job, by name.

use serde_json::Value;

use crate::JobRecord;
use crate::web::format;

/// A longer value is cut, and has a page of its own.
const LONGEST: usize = 4_000;

/// A longer text is written in one line: indentation may make it many times as long.
const LONGEST_INDENTED: usize = 100_000;

/// What stands for the name of parameters that are no object.
const NO_OBJECT: &str = "not an object";

/// A named value.
pub(super) struct Named {
    pub(super) name: String,
    /// The value, or its beginning.
    pub(super) text: String,
    pub(super) is_secret: bool,
    /// The number of characters of a value that is cut.
    pub(super) cut_from: Option<String>,
}

pub(super) fn parameters(job: &JobRecord) -> Vec<Named> {
    if job.payload_hidden {
        return Vec::new();
    }
    let is_secret = |name: &str| job.secrets.iter().any(|secret| secret == name);
    match &job.parameters {
        Value::Object(named) => named.iter().map(|(name, value)| Named::of(name, value, is_secret(name))).collect(),
        // Another program has written it.
        Value::Null => Vec::new(),
        other => vec![Named::of(NO_OBJECT, other, false)],
    }
}

pub(super) fn results(job: &JobRecord) -> Vec<Named> {
    if job.payload_hidden {
        return Vec::new();
    }
    job.results.iter().map(|(name, value)| Named::of(name, value, false)).collect()
}

/// The parameter of this name, as the job's page has it.
pub(in crate::web) fn parameter<'j>(job: &'j JobRecord, name: &str) -> Option<&'j Value> {
    match &job.parameters {
        Value::Object(named) => named.get(name),
        other => Some(other).filter(|_| name == NO_OBJECT),
    }
}

/// A value as JSON, in lines if it is not too long.
pub(in crate::web) fn text(value: &Value) -> String {
    let line = value.to_string();
    if line.len() > LONGEST_INDENTED {
        return line;
    }
    serde_json::to_string_pretty(value).unwrap_or(line)
}

impl Named {
    fn of(name: &str, value: &Value, is_secret: bool) -> Self {
        let text = text(value);
        let beginning = format::beginning(&text, LONGEST);
        let is_cut = beginning.len() < text.len();
        let characters = || format::number(u64::try_from(text.chars().count()).unwrap_or(u64::MAX));
        Self { name: name.to_owned(), is_secret, cut_from: is_cut.then(characters), text: beginning.to_owned() }
    }
}
