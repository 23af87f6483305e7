//! Structs with `#[job_params]`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jobs::JobParams;
use jobs::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
}

fn default_quality() -> u8 {
    80
}

/// A job with a field of every kind.
#[derive(Job, Debug, Clone)]
#[job(queue = "images", priority = -5, max_attempts = 3, timeout = "1h30m", retry = fixed("10s"))]
#[job_params]
#[serde(rename_all = "camelCase")]
struct Everything {
    text: String,
    boxed_text: Box<str>,
    file: PathBuf,
    list: Vec<u64>,
    tags: Vec<String>,
    boxed_list: Box<[u8]>,
    number: u32,
    letter: char,
    address: Address,
    map: HashMap<String, i64>,
    maybe_number: Option<f64>,
    maybe_text: Option<String>,
    maybe_file: Option<PathBuf>,
    maybe_list: Option<Vec<u8>>,
    maybe_address: Option<Address>,
    r#type: bool,
    #[serde(rename = "e-mail")]
    mail: String,
    #[param(default)]
    zero: i16,
    #[param(default = 6 * 7)]
    computed: u32,
    #[param(default = "en")]
    language: String,
    #[param(default = Some(3))]
    maybe_three: Option<i8>,
    #[serde(default = "default_quality")]
    quality: u8,
    #[serde(default)]
    empty: String,
    #[serde(skip)]
    cache: Option<u64>,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

impl Execute for Everything {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

fn everything() -> Everything {
    let address = Address { street: "Main Street".into() };
    let (map, rest) = (HashMap::from([("one".into(), 1)]), HashMap::new());
    Everything::new(
        "text",
        "boxed",
        "a/file",
        [1, 2],
        ["tag".to_owned()],
        [7],
        64,
        'x',
        address,
        map,
        true,
        "a@b.c",
        rest,
    )
}

#[test]
fn accessors_have_the_types_that_one_would_write_by_hand() {
    let job = everything();
    let text: &str = job.text();
    let boxed_text: &str = job.boxed_text();
    let file: &Path = job.file();
    let list: &[u64] = job.list();
    let boxed_list: &[u8] = job.boxed_list();
    let number: u32 = job.number();
    let letter: char = job.letter();
    let address: &Address = job.address();
    let map: &HashMap<String, i64> = job.map();
    let maybe_number: Option<f64> = job.maybe_number();
    let maybe_text: Option<&str> = job.maybe_text();
    let maybe_file: Option<&Path> = job.maybe_file();
    let maybe_list: Option<&[u8]> = job.maybe_list();
    let maybe_address: Option<&Address> = job.maybe_address();
    let raw: bool = job.r#type();
    assert_eq!((text, boxed_text, file, list), ("text", "boxed", Path::new("a/file"), &[1, 2][..]));
    assert_eq!((boxed_list, number, letter, map["one"], raw), (&[7][..], 64, 'x', 1, true));
    assert_eq!(address.street, "Main Street");
    assert_eq!((maybe_number, maybe_text, maybe_file, maybe_list), (None, None, None, None));
    assert_eq!((maybe_address, job.cache()), (None, None));
}

#[test]
fn setters_take_what_one_would_like_to_pass() {
    let job = everything()
        .with_text(String::from("other"))
        .with_text("other")
        .with_file(Path::new("other"))
        .with_list(vec![3, 4])
        .with_list(Vec::new())
        .with_tags(vec![String::from("a")])
        .with_maybe_number(0.5)
        .with_maybe_text("some")
        .with_maybe_file("some")
        .with_maybe_list(b"ab")
        .with_maybe_address(Address { street: "Side Street".into() })
        .with_type(false)
        .with_computed(64);
    assert_eq!((job.text(), job.file(), job.computed()), ("other", Path::new("other"), 64));
    assert!(job.list().is_empty() && job.tags() == ["a"] && !job.r#type());
    assert_eq!((job.maybe_number(), job.maybe_text()), (Some(0.5), Some("some")));
    assert_eq!((job.maybe_file(), job.maybe_list()), (Some(Path::new("some")), Some(&b"ab"[..])));
    assert_eq!(job.maybe_address().map(|address| address.street.as_str()), Some("Side Street"));
}

#[test]
fn parameters_are_the_names_in_the_database() {
    let names = [
        "text",
        "boxedText",
        "file",
        "list",
        "tags",
        "boxedList",
        "number",
        "letter",
        "address",
        "map",
        "maybeNumber",
        "maybeText",
        "maybeFile",
        "maybeList",
        "maybeAddress",
        "type",
        "e-mail",
        "zero",
        "computed",
        "language",
        "maybeThree",
        "quality",
        "empty",
    ];
    assert_eq!(Everything::PARAMETERS, names);
    let written = serde_json::to_value(everything()).unwrap();
    let mut written: Vec<&String> = written.as_object().unwrap().keys().collect();
    let mut names = names.to_vec();
    written.sort();
    names.sort_unstable();
    assert_eq!(written, names);
}

#[test]
fn new_and_the_database_have_the_same_defaults() {
    let job = everything();
    assert_eq!((job.zero(), job.computed(), job.language(), job.maybe_three()), (0, 42, "en", Some(3)));
    assert_eq!((job.quality(), job.empty()), (80, ""));
    let complete = serde_json::to_value(&job).unwrap();
    let mut required = complete.clone();
    for optional in [
        "maybeNumber",
        "maybeText",
        "maybeFile",
        "maybeList",
        "maybeAddress",
        "zero",
        "computed",
        "language",
        "maybeThree",
        "quality",
        "empty",
    ] {
        required.as_object_mut().unwrap().remove(optional).unwrap();
    }
    let read: Everything = serde_json::from_value(required).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), complete);
}

mod hours {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "what serde passes")]
    pub(super) fn serialize<S: Serializer>(hours: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}h", hours.unwrap_or_default()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.trim_end_matches('h').parse().ok())
    }
}

#[derive(Job)]
#[job_params]
#[serde(default)]
struct Report {
    #[serde(with = "hours")]
    hours: Option<u32>,
    title: String,
    #[param(default = 9)]
    pages: u32,
}

impl Default for Report {
    fn default() -> Self {
        Self { hours: Some(24), title: "untitled".into(), pages: 1 }
    }
}

impl Execute for Report {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

#[test]
fn a_default_of_the_struct_serves_the_fields_without_one() {
    let (new, read): (_, Report) = (Report::new(), serde_json::from_value(json!({})).unwrap());
    assert_eq!((new.hours(), new.title(), new.pages()), (Some(24), "untitled", 9));
    assert_eq!((read.hours(), read.title(), read.pages()), (Some(24), "untitled", 9));
    assert_eq!(serde_json::to_value(new).unwrap(), json!({"hours": "24h", "title": "untitled", "pages": 9}));
}

#[derive(Job)]
#[job_params]
struct Timed {
    #[serde(with = "hours")]
    hours: Option<u32>,
}

impl Execute for Timed {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

#[test]
fn an_option_is_never_required() {
    assert_eq!(Timed::new().hours(), None);
    assert_eq!(serde_json::from_value::<Timed>(json!({})).unwrap().hours(), None);
}
