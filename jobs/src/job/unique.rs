//! Unique jobs: which jobs count as the same, for how long, and what happens to the second one.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::parameters::check_name;
use crate::error::Error;
use crate::model::{OnConflict, UniqueWhile};
use crate::store::row::NewKey;
use crate::store::{LONGEST, millis};

/// Options for jobs of which only one may exist with the same values. `#[job(unique(…))]` generates it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unique {
    pub(crate) holds: UniqueWhile,
    pub(crate) within: Option<Duration>,
    pub(crate) on_conflict: OnConflict,
}

impl Unique {
    /// Holds the key until the job has ended, and returns the handle of an existing job.
    #[must_use]
    pub const fn new() -> Self {
        Self { holds: UniqueWhile::ScheduledOrRunning, within: None, on_conflict: OnConflict::UseExisting }
    }

    /// Sets how long the key is held: while the job waits, or until it has ended.
    #[must_use]
    pub const fn unique_while(mut self, holds: UniqueWhile) -> Self {
        self.holds = holds;
        self
    }

    /// Also holds the key for this long after the job was scheduled, even if it has ended.
    #[must_use]
    pub const fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Sets what happens to the second job.
    #[must_use]
    pub const fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }
}

/// The uniqueness options of a single job, which override its definition's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UniqueOptions {
    pub(crate) key: Option<String>,
    pub(crate) holds: Option<UniqueWhile>,
    pub(crate) within: Option<Duration>,
    pub(crate) on_conflict: Option<OnConflict>,
}

impl UniqueOptions {
    /// The key of a job of this name, if it has one; `values` returns what its definition compares.
    pub(crate) fn into_key(
        self,
        name: &str,
        definition: Option<Unique>,
        values: impl FnOnce() -> Result<Value, Error>,
    ) -> Result<Option<NewKey>, Error> {
        let key = match (&self.key, definition) {
            (Some(key), _) => {
                check_name("unique_key", key)?;
                digest_of_key(name, key)
            }
            (None, Some(_)) => digest(name, "values", &ordered(&values()?).to_string()),
            (None, None) if self == Self::default() => return Ok(None),
            (None, None) => {
                let reason = "the job has no key: say `unique_key`, or `#[job(unique)]` in its definition";
                return Err(Error::invalid("unique", reason));
            }
        };
        let definition = definition.unwrap_or_default();
        let within = self.within.or(definition.within);
        if within.is_some_and(|within| within.is_zero() || within > LONGEST) {
            return Err(Error::invalid("unique_within", "it is not between a millisecond and a hundred years"));
        }
        Ok(Some(NewKey {
            key,
            statuses: self.holds.unwrap_or(definition.holds).statuses(),
            within_ms: within.map(millis),
            on_conflict: self.on_conflict.unwrap_or(definition.on_conflict),
        }))
    }
}

/// What is stored of a key that is given to jobs of this name.
pub(crate) fn digest_of_key(name: &str, key: &str) -> String {
    digest(name, "key", key)
}

/// A digest, whose length does not depend on what is compared. (Names and keys have no NUL characters, and JSON escapes them.)
pub(super) fn digest(name: &str, what: &str, text: &str) -> String {
    let mut digest = Sha256::new();
    for part in [name, what, text] {
        digest.update(part);
        digest.update([0]);
    }
    // 144 bits: nobody can find a collision.
    URL_SAFE_NO_PAD.encode(&digest.finalize()[..18])
}

/// The value with all names sorted: maps have no order, and JSON objects may keep the order they were given.
pub(super) fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object.iter().map(|(name, value)| (name, ordered(value))).collect();
            sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Array(values) => values.iter().map(ordered).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(options: UniqueOptions, definition: Option<Unique>) -> NewKey {
        options.into_key("Resize", definition, || Ok(json!({"b": 1, "a": {"d": 2, "c": 3}}))).unwrap().unwrap()
    }

    #[test]
    fn the_order_of_names_does_not_count() {
        let one = serde_json::from_str(r#"{"a": {"c": [1, {"x": 1, "y": 2}]}, "b": 2}"#).unwrap();
        let other = serde_json::from_str(r#"{"b": 2, "a": {"c": [1, {"y": 2, "x": 1}]}}"#).unwrap();
        assert_eq!(ordered(&one).to_string(), ordered(&other).to_string());
        assert_ne!(ordered(&json!([1, 2])).to_string(), ordered(&json!([2, 1])).to_string());
    }

    #[test]
    fn a_key_is_of_its_jobs_name() {
        let options = || UniqueOptions { key: Some("7".into()), ..UniqueOptions::default() };
        let other = options().into_key("Mail", None, || Ok(Value::Null)).unwrap().unwrap();
        assert_eq!(other.key.len(), 24);
        assert_ne!(key(options(), None).key, other.key);
    }

    #[test]
    fn options_are_laid_over_the_definition() {
        let hour = Duration::from_hours(1);
        let definition = Unique::new().unique_while(UniqueWhile::Scheduled).on_conflict(OnConflict::Fail);
        let options = UniqueOptions { within: Some(hour), ..UniqueOptions::default() };
        let key = key(options, Some(definition));
        assert_eq!((key.statuses, key.within_ms, key.on_conflict), (1, Some(3_600_000), OnConflict::Fail));
    }

    #[test]
    fn options_without_a_key_are_refused() {
        let options = UniqueOptions { within: Some(Duration::from_secs(1)), ..UniqueOptions::default() };
        let error = options.into_key("Resize", None, || Ok(Value::Null)).unwrap_err();
        assert!(error.to_string().contains("say `unique_key`"), "{error}");
    }
}
