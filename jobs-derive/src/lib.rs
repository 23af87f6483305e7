//! The macros of the crate `jobs`, which re-exports them: depend on that one.
//!
//! Each macro is a pipeline: read the attributes, check them, expand. Mistakes are collected on the way, and the expansion
//! goes on as well as it can, so that one mistake gives one error. Generated code names nothing but `::jobs::__private`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod accessors;
mod cron;
mod derives;
mod duration;
mod errors;
mod expand_job;
mod expand_params;
mod expression;
mod fields;
#[cfg(test)]
mod golden;
mod job_fn;
mod literals;
mod option_list;
mod options;
mod private;
mod rename;
mod reserved;
mod retry;
mod secrets;
mod serde_attributes;
mod shape;
mod signature;
mod types;
mod unique;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct the definition of a job: `schedule` and `with_options` for it, and its registration at link time.
///
/// The struct also carries [`#[job_params]`](macro@job_params), and implements `Execute`.
///
/// `#[job(…)]` below the derive takes the options, all of them optional:
///
/// | option | meaning |
/// | --- | --- |
/// | `name = "resize"` | the name under which the database knows the job; by default the struct's |
/// | `alias = "shrink"` | an old name whose waiting jobs are still found; may be repeated |
/// | `queue = "images"` | the queue; by default the worker's `jobs_queue` |
/// | `priority = -5` | from -100 to 100, smaller runs first; by default 0 |
/// | `max_attempts = 3` | how often it is started at most, from 1 to 32767; by default 5 |
/// | `timeout = "5m"` | the longest time of an attempt (`ms`, `s`, `m`, `h`, `d`, as in `"1h30m"`); by default none |
/// | `retry = fixed("10s")` | wait this long after each attempt that failed |
/// | `retry = exponential("1s", cap = "1h", jitter = 20)` | wait twice as long each time, up to `cap`, and up to `jitter` percent more or less; both may be left out |
/// | `state = AppState` | a worker without this state refuses to start |
/// | `unique` | of jobs with the same parameters, one waits or runs at a time; scheduling another gives the handle of the first |
/// | `unique(by(file), while(scheduled), within = "1h", on_conflict = "replace")` | the same for jobs with the same `file`; only until it runs, and for an hour from when it is scheduled; and what becomes of another: `"use_existing"`, `"fail"` or `"replace"` (the parameters and due time of the one that waits). Each may be left out |
/// | `cron = "0 3 * * *"` | workers schedule it at these times, with its parameters' defaults; see the module `jobs::cron` |
/// | `timezone = "Europe/Paris"` | the time zone of `cron`; by default UTC |
/// | `missed = skip`, `once` or `all(10)` | what becomes of times of `cron` at which no worker was up: nothing, one job, or one for each of the latest ten; by default `once` |
/// | `crate = path` | where the crate `jobs` is, if not at `::jobs` |
#[proc_macro_derive(Job, attributes(job, param))]
pub fn derive_job(input: TokenStream) -> TokenStream {
    expand_job::expand(&parse_macro_input!(input as DeriveInput)).into()
}

/// Makes the fields of a struct the parameters of a job: serde's derives, `new`, an accessor and a `with_…` setter for
/// each field.
///
/// `new` takes the required fields: those without `#[param(default)]` (the type's default), `#[param(default = expr)]`,
/// one of serde's defaults, or the type `Option`. A parameter that is missing in the database gets the same default.
/// Other serde attributes of the fields stay as they are; those of the struct stand below `#[job_params]`.
///
/// # Secrets
///
/// A parameter with `#[param(secret)]`, or `#[param(secret, default = expr)]`, is for `execute` alone, which reads it with its
/// accessor. Where a job is shown, it reads `"•••"`: in the job's record, in lists, in the `Debug` of the struct, and in errors and
/// logs about parameters that do not decode. `reveal_parameter` reads it where somebody asks for it by name.
///
/// - It is not encrypted: the database holds the value as it is, marked with `{"$secret": …}`, and whoever can read the table
///   can read it.
/// - `#[job_params]` writes the struct's `Debug`; a second one, derived or by hand, does not compile. The types of the other
///   fields need a `Debug` of their own.
/// - What `execute` itself writes into messages, results and errors is kept as it is, and so is what `serde` makes of the struct.
/// - With `NamedJob` or `set_parameter`, a program that does not know the definition says `{"$secret": …}` instead of the
///   plain value. No other parameter can be an object that has the one name `$secret`.
///
/// The macro may stand above or below `#[derive(Job)]`.
#[proc_macro_attribute]
pub fn job_params(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand_params::expand(&arguments.into(), item.into()).into()
}

/// Makes a function a job: `send_mail` stays what it is, and is what the job `SendMail` executes.
///
/// The parameters of the function are those of the job, except for a first one of type `&JobContext`, which may be left
/// out. They are owned values that can be cloned, and take `#[param(…)]` and `#[serde(…)]` as fields do. A function that
/// is not `async` runs on a blocking thread. What it returns is `()` or a `Result`.
///
/// The options are those of [`#[job(…)]`](macro@Job), and `struct = Mailer` where the struct is to have another name than
/// the function's in camel case.
#[proc_macro_attribute]
pub fn job_fn(arguments: TokenStream, item: TokenStream) -> TokenStream {
    job_fn::expand(arguments.into(), item.into()).into()
}
