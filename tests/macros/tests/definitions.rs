//! Structs with `#[derive(Job)]`, and where the macro may stand.

#![forbid(unsafe_code)]
#![deny(missing_docs, unused)]

use jobs::prelude::*;
use jobs::{Job, JobParams};
use serde_json::json;

mod macro_first {
    use super::*;

    /// The two macros in the one order.
    #[job_params]
    #[derive(Job, Debug, Clone)]
    #[job(name = "first", alias = "one", alias = "erste", state = String)]
    #[serde(deny_unknown_fields)]
    pub(super) struct MacroFirst {
        /// The name.
        name: String,
        #[param(default = 3)]
        copies: u32,
    }

    impl Execute for MacroFirst {
        type Output = u32;

        async fn execute(&self, _job: &JobContext) -> JobResult<u32> {
            Ok(self.copies())
        }
    }
}

/// The two macros in the other order.
#[derive(Job)]
#[job(retry = exponential("1s", cap = "1h", jitter = 25))]
#[job(queue = "second")]
#[job_params]
struct DeriveFirst;

impl Execute for DeriveFirst {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

#[jobs::job_params]
#[derive(jobs::Job)]
struct NoParameters {}

impl Execute for NoParameters {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

/// A job with every limit, in two attributes.
#[derive(Job)]
#[job(unique(by(account)), limit(by(region, account, r#type), running = 1_000_000))]
#[job(limit(running = 1))]
#[job_params]
struct Limited {
    account: String,
    region: Option<Vec<u32>>,
    #[serde(rename = "kind")]
    r#type: std::collections::BTreeSet<char>,
}

impl Execute for Limited {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

macro_rules! job {
    ($name:ident { $($field:ident: $ty:ty),* }) => {
        #[derive(Job)]
        #[job_params]
        struct $name { $($field: $ty),* }

        impl Execute for $name {
            type Output = ();

            async fn execute(&self, _job: &JobContext) -> JobResult {
                Ok(())
            }
        }
    };
}

job!(OfAMacro { text: String, maybe: Option<Vec<u8>> });

#[test]
fn the_macros_stand_in_either_order() {
    let first = macro_first::MacroFirst::new("a");
    assert_eq!((first.name(), first.copies()), ("a", 3));
    assert_eq!(macro_first::MacroFirst::DEFAULTS.name(), "first");
    let _second: DeriveFirst = DeriveFirst::new();
    assert_eq!(DeriveFirst::DEFAULTS.name(), "DeriveFirst");
    assert!(NoParameters::PARAMETERS.is_empty());
    let _none = NoParameters::new();
}

#[test]
fn types_that_pass_through_a_macro_are_recognised() {
    let job = OfAMacro::new("text");
    let (text, maybe): (&str, Option<&[u8]>) = (job.text(), job.maybe());
    assert_eq!((text, maybe), ("text", None));
}

#[test]
fn a_limit_counts_by_values_in_the_order_of_their_names() -> Result<(), jobs::Error> {
    let job = Limited::new("acme", ['b', 'a'].into());
    assert_eq!(job.limit_values()?, json!([null, "acme", ["a", "b"]]));
    assert_eq!(job.with_region([3]).limit_values()?, json!([[3], "acme", ["a", "b"]]));
    assert_eq!(Limited::new("acme", [].into()).unique_values()?, json!({"account": "acme"}));
    assert_eq!(DeriveFirst::new().limit_values()?, json!([]));
    Ok(())
}

#[test]
fn a_job_may_be_defined_in_a_function() {
    #[derive(Job)]
    #[job_params]
    struct Local {
        #[param(default = 5)]
        number: u8,
    }

    impl Execute for Local {
        type Output = ();

        async fn execute(&self, _job: &JobContext) -> JobResult {
            Ok(())
        }
    }

    assert_eq!(Local::new().with_number(6).number(), 6);
}

#[test]
fn a_job_is_registered_at_link_time() {
    let definitions = jobs::__private::inventory::iter::<jobs::__private::Definition>.into_iter();
    let definitions: Vec<String> = definitions.map(|definition| format!("{definition:?}")).collect();
    for name in ["first", "DeriveFirst", "NoParameters", "OfAMacro", "Local"] {
        let mut with_this_name = definitions.iter().filter(|definition| definition.starts_with(&format!("{name} (")));
        assert!(
            with_this_name.next().is_some_and(|definition| definition.contains("definitions.rs:")),
            "{definitions:?}"
        );
        assert_eq!(with_this_name.count(), 0);
    }
}
