//! Functions with `#[job_fn]`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jobs::prelude::*;
use jobs::{Job, JobParams};
use serde_json::json;

/// Sends a mail.
#[job_fn(queue = "mail", max_attempts = 2)]
async fn send_mail(job: &JobContext, to: String, #[param(default = 3)] copies: u32) -> JobResult<()> {
    job.message(format!("{copies} copies to {to}"));
    Ok(())
}

#[job_fn]
async fn without_context(
    mut number: u64,
    #[serde(rename = "by")] factor: Option<u64>,
) -> Result<u64, std::num::ParseIntError> {
    number += "1".parse::<u64>()?;
    Ok(number * factor.unwrap_or(2))
}

#[job_fn(name = "sum", struct = Total)]
fn sum_up(_: &JobContext, numbers: Vec<u64>, sum_up: bool) -> Result<u64, String> {
    if sum_up { Ok(numbers.iter().sum()) } else { Err("not asked to".into()) }
}

#[job_fn(limit(running = 50), limit(by(account, region), running = 3))]
async fn import(job: &JobContext, region: u32, _account: String) {
    job.message(region.to_string());
}

#[job_fn]
fn nothing() {}

#[job_fn]
fn unused(_: &JobContext, _number: u64, _type: u64, r#if: u64) -> JobResult {
    assert_eq!(r#if, 5);
    Ok(())
}

fn output_of<J: Job>(_: &J) -> &'static str {
    std::any::type_name::<J::Output>()
}

#[test]
fn the_function_defines_a_job() {
    let mail = SendMail::new("a@b.c");
    assert_eq!((mail.to(), mail.copies(), output_of(&mail)), ("a@b.c", 3, "()"));
    assert_eq!((SendMail::DEFAULTS.name(), SendMail::PARAMETERS), ("SendMail", &["to", "copies"][..]));
    assert_eq!(serde_json::to_value(mail.with_copies(1)).unwrap(), json!({"to": "a@b.c", "copies": 1}));
    assert_eq!((WithoutContext::PARAMETERS, output_of(&WithoutContext::new(1))), (&["number", "by"][..], "u64"));
    assert_eq!((Total::DEFAULTS.name(), output_of(&Total::new([1, 2], true))), ("sum", "u64"));
    assert_eq!(output_of(&Nothing::new()), "()");
}

#[test]
fn an_underscore_is_not_part_of_the_name() {
    assert_eq!(Unused::PARAMETERS, ["number", "_type", "if"]);
    assert_eq!(Unused::new(1, 2, 5).with_number(3).with_type(4).number(), 3);
}

#[test]
fn a_limit_counts_by_parameters() {
    assert_eq!(Import::new(3, "acme").limit_values().unwrap(), json!(["acme", 3]));
}

#[test]
fn the_function_stays_callable() {
    nothing();
    let _future = without_context(1, None);
}
