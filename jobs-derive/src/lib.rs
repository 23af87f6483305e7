//! The macros of the crate `jobs`, which re-exports them: depend on `jobs` instead.
//!
//! Each macro has a file that shows its pipeline: `parse`, `validate`, `expand`. Mistakes are collected on the way, and expansion
//! continues as well as it can, so that one mistake gives one error. Generated code names nothing but `::jobs::__private`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod derive_job;
mod errors;
mod expand;
#[cfg(test)]
mod golden;
mod job_fn;
mod job_params;
mod parse;
mod validate;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Turns a struct into the definition of a job: writes `schedule` and `with_options`, and registers it at link time.
///
/// The struct also carries [`#[job_params]`](macro@job_params), and implements `Execute`.
///
/// `#[job(…)]` below the derive takes the options, all of them optional:
///
/// | option | meaning |
/// | --- | --- |
/// | `name = "resize"` | the job's name in the database; by default the struct's |
/// | `alias = "shrink"` | an old name, whose waiting jobs are still executed; may be repeated |
/// | `queue = "images"` | the queue; by default the environment's `JOBS_QUEUE`, or `long-running` |
/// | `priority = -5` | from -100 to 100, smaller runs first; by default 0 |
/// | `max_attempts = 3` | the most attempts, from 1 to 32767; by default 5 |
/// | `timeout = "5m"` | the longest time of an attempt (`ms`, `s`, `m`, `h`, `d`, as in `"1h30m"`); by default none |
/// | `retry = fixed("10s")` | the delay after each failed attempt |
/// | `retry = exponential("1s", cap = "1h", jitter = 20)` | a delay that doubles after each failed attempt up to `cap`, plus or minus up to `jitter` percent; both may be left out |
/// | `state = AppState` | a worker without this state refuses to start |
/// | `unique` | of jobs with the same parameters, one waits or runs at a time; scheduling another returns the handle of the first |
/// | `unique(by(file), while(scheduled), within = "1h", on_conflict = "replace")` | jobs with the same `file` count as the same, until the first starts, and for an hour from when it was scheduled; another is handled by `"use_existing"`, `"fail"` or `"replace"` (which changes the parameters and due time of the waiting one). Each may be left out |
/// | `limit(running = 50)` | at most this many jobs of the definition run at once, from 1 to 1,000,000; by default any number. See [limits](#limits) |
/// | `limit(by(account), running = 3)` | the same, for each value of the parameter `account`; `by` may name several. May stand beside a `limit` without `by` |
/// | `cron = "0 3 * * *"` | workers schedule it at these times, with its parameters' defaults; see the module `jobs::cron` |
/// | `timezone = "Europe/Paris"` | the time zone of `cron`; by default UTC |
/// | `missed = skip`, `once` or `all(10)` | how times of `cron` at which no worker was up are made up for: not at all, by one job, or by one for each of the latest ten; by default `once` |
/// | `crate = path` | the path of the crate `jobs`, if not `::jobs` |
///
/// # Limits
///
/// A limit holds over all workers and processes. A job that must wait for it stays `SCHEDULED`, and takes no slot of a worker. What counts
/// is the jobs that are `RUNNING` in the database, so nothing is left behind if a worker dies. See the guide `jobs::guide::limits`.
///
/// With `by(account, region)`, jobs count together if both values are the same. The values are stored and shown with the job, so a
/// secret parameter can't be one of them. A float or a `HashSet` can't either, because equal ones may look different (inside your own
/// types this can't be detected). A job has at most one limit without `by`, and one with it; if both are given, both hold.
#[proc_macro_derive(Job, attributes(job, param))]
pub fn derive_job(input: TokenStream) -> TokenStream {
    derive_job::expand(&parse_macro_input!(input as DeriveInput)).into()
}

/// Turns the fields of a struct into the parameters of a job: writes serde's derives, `new`, and an accessor and a `with_…`
/// setter for each field.
///
/// `new` takes the required fields: those without `#[param(default)]` (the type's default), `#[param(default = expr)]`,
/// one of serde's defaults, or the type `Option`. A parameter that is missing in the database gets the same default.
/// Other serde attributes of the fields stay as they are; those of the struct stand below `#[job_params]`.
///
/// # Secrets
///
/// A parameter with `#[param(secret)]`, or `#[param(secret, default = expr)]`, is for `execute` alone, which reads it with its
/// accessor. Elsewhere it is redacted to `"•••"`: in the job's record, in lists, in the `Debug` of the struct, and in errors and
/// logs about parameters that do not decode. `reveal_parameter` returns it to callers that ask for it by name.
///
/// - It is not encrypted: the database holds the value as it is, marked with `{"$secret": …}`, and anyone who can read the table
///   can read it.
/// - `#[job_params]` writes the struct's `Debug`; a second one, derived or by hand, does not compile. The types of the other
///   fields also need `Debug`.
/// - Messages, results and errors that `execute` itself writes are not redacted, and neither is serde's serialization of the struct.
/// - With `NamedJob` or `set_parameter`, a program that does not know the definition passes `{"$secret": …}` instead of
///   the plain value. No other parameter can be an object whose only name is `$secret`.
///
/// The macro may stand above or below `#[derive(Job)]`.
#[proc_macro_attribute]
pub fn job_params(arguments: TokenStream, item: TokenStream) -> TokenStream {
    job_params::expand(&arguments.into(), item.into()).into()
}

/// Turns a function into a job: `send_mail` stays as it is, and the job `SendMail` calls it.
///
/// The parameters of the function are those of the job, except for a first one of type `&JobContext`, which may be left
/// out. They are owned values that can be cloned, and take `#[param(…)]` and `#[serde(…)]` as fields do. A function that
/// is not `async` runs on a blocking thread. It returns `()` or a `Result`.
///
/// The options are those of [`#[job(…)]`](macro@Job), and `struct = Mailer` if the struct's name is not the function's in
/// camel case.
#[proc_macro_attribute]
pub fn job_fn(arguments: TokenStream, item: TokenStream) -> TokenStream {
    job_fn::expand(arguments.into(), item.into()).into()
}
