//! A definition with a parameter of each kind.

use jobs::prelude::*;

/// Measures `something`.
///
/// As often
/// as it is told.
#[derive(Job)]
#[job(alias = "Weigh", queue = "scales", priority = 3, max_attempts = 2, timeout = "5m", cron = "0 3 * * *")]
#[job_params]
pub(crate) struct Measure {
    /// What is measured.
    #[param(default = "a stone")]
    #[serde(alias = "thing")]
    what: String,
    #[param(default = 1)]
    times: u8,
    #[param(default = 0.5)]
    weight: f64,
    #[param(default = true)]
    exact: bool,
    #[param(default)]
    loud: bool,
    sure: Option<bool>,
    note: Option<String>,
    #[param(default)]
    tags: Vec<String>,
    #[param(secret, default = 1234)]
    pin: u32,
    #[param(default)]
    #[serde(with = "as_text")]
    cents: u64,
}

/// A number that is stored as a text.
mod as_text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Execute for Measure {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        Ok(())
    }
}

/// What must be given.
#[derive(Job)]
#[job_params]
pub(crate) struct Demand {
    text: String,
    number: i32,
    #[param(secret)]
    password: String,
    #[param(secret)]
    pin: u16,
    /// As the option is named.
    queue: u8,
}

impl Execute for Demand {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        Ok(())
    }
}

/// One at a time.
#[derive(Job)]
#[job(unique)]
#[job_params]
pub(crate) struct Single {
    name: String,
}

impl Execute for Single {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        Ok(())
    }
}

/// The latest counts.
#[derive(Job)]
#[job(unique(by(name), on_conflict = "replace"))]
#[job_params]
pub(crate) struct Latest {
    name: String,
    #[param(default)]
    number: u8,
}

impl Execute for Latest {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        Ok(())
    }
}

/// Takes whatever it is given.
#[derive(Job)]
#[job_params]
pub(crate) struct Open {
    id: u8,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, serde_json::Value>,
}

impl Execute for Open {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        Ok(())
    }
}
