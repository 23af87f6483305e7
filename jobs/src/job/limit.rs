//! Limits: how many jobs of a definition run at once, and which jobs count together.

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

use super::unique::{digest, ordered};
use crate::error::Error;
use crate::store::limited::UNLIMITED;

/// How many jobs run at once, over all workers and processes. `#[job(limit(…))]` generates it.
///
/// A job that must wait for its turn stays `SCHEDULED`, and takes no slot of a worker. What counts is the jobs that are `RUNNING` in the
/// database, so that nothing is left behind by a worker that dies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Limit {
    pub(crate) running: Option<u32>,
}

impl Limit {
    /// No limit yet.
    pub const fn new() -> Self {
        Self { running: None }
    }

    /// Sets the number of jobs that run at once (1–1,000,000; less or more counts as the nearest).
    pub const fn running(mut self, running: u32) -> Self {
        self.running = Some(match running {
            0 => 1,
            1..=MOST => running,
            _ => MOST,
        });
        self
    }
}

/// The largest number of `running`.
const MOST: u32 = 1_000_000;

/// The limits of a definition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// That of all its jobs.
    pub(crate) all: Option<Limit>,
    /// That of its jobs with the same values of these parameters.
    pub(crate) each: Option<(&'static [&'static str], Limit)>,
}

impl Limits {
    pub(crate) const NONE: Self = Self { all: None, each: None };
}

/// The key of a job that counts among all jobs of its definition, and no others.
pub(crate) const ALL: &str = "*";

/// The key of a job whose parameters do not decode.
pub(crate) const UNKNOWN: &str = "?";

/// The longest key, in characters: the size of its column.
const MAX_CHARS: usize = 200;

/// The characters of a digest, at the end of a key that would be too long.
const DIGEST_CHARS: usize = 24;

/// The key under which a job is counted: jobs of a definition with the same key count together.
///
/// - no limit: `-`
/// - only a limit of all jobs: `*`
/// - a limit by parameters: their names and values, as in `account="acme",region=3`. What would be too long is cut, and ends with `~` and
///   a digest of the whole.
///
/// - parameters that do not decode: `?`
///
/// `values` returns those of [`Job::limit_values`](super::Job::limit_values), or null if the parameters do not decode. Keys may differ in
/// case alone.
pub(crate) fn limit_key(limits: &Limits, values: impl FnOnce() -> Result<Value, Error>) -> Result<String, Error> {
    let Some((names, _)) = limits.each else {
        return Ok(if limits.all.is_some() { ALL } else { UNLIMITED }.to_owned());
    };
    let values = values()?;
    if values.is_null() {
        return Ok(UNKNOWN.to_owned());
    }
    let values = values.as_array().filter(|values| values.len() == names.len()).ok_or_else(|| {
        Error::invalid("limit", format!("`limit_values` does not return an array of {} values", names.len()))
    })?;
    let parts = names.iter().zip(values).map(|(name, value)| format!("{name}={}", ordered(value)));
    Ok(shortened(parts.collect::<Vec<_>>().join(",")))
}

/// The key, cut if it is too long, so that different keys stay different.
fn shortened(key: String) -> String {
    if key.chars().count() <= MAX_CHARS {
        return key;
    }
    let kept: String = key.chars().take(MAX_CHARS - DIGEST_CHARS - 1).collect();
    // No job has the name "", so it is no digest of another kind.
    format!("{kept}~{}", digest("", "limit", &key))
}

/// Whether a stored key has the form that these limits give, as opposed to that of an earlier release of the definition.
///
/// `?` has every form: it stands for parameters that do not decode, whatever the limits are.
pub(crate) fn has_form(limits: &Limits, key: &str) -> bool {
    match limits.each {
        _ if key == UNKNOWN => true,
        None if limits.all.is_some() => key == ALL,
        None => key == UNLIMITED,
        Some((names, _)) => match kept(key) {
            Some(kept) => names.first().is_some_and(|first| begins_with(kept, &format!("{first}="))),
            None => has_names(names, key),
        },
    }
}

/// What is left of a key that was cut. A whole key never ends in this way: if there is a `~` in a text, the text's quote comes after it.
fn kept(key: &str) -> Option<&str> {
    let is_of_digest = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let (kept, digest) = key.rsplit_once('~')?;
    (digest.len() == DIGEST_CHARS && digest.chars().all(is_of_digest)).then_some(kept)
}

/// Whether the text begins with this, as far as it was kept.
fn begins_with(kept: &str, first: &str) -> bool {
    kept.starts_with(first) || first.starts_with(kept)
}

/// Whether the key has a value for each of these names, in their order, and nothing else.
fn has_names(names: &[&str], key: &str) -> bool {
    let mut rest = key;
    for (place, name) in names.iter().enumerate() {
        let after_comma = if place == 0 { Some(rest) } else { rest.strip_prefix(',') };
        let value = after_comma.and_then(|rest| rest.strip_prefix(name)).and_then(|rest| rest.strip_prefix('='));
        let Some(after) = value.and_then(after_value) else { return false };
        rest = after;
    }
    rest.is_empty()
}

/// What comes after the JSON value at the beginning.
fn after_value(text: &str) -> Option<&str> {
    let mut values = Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    text.get(values.byte_offset()..)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIMIT: Limit = Limit::new().running(3);

    fn by(names: &'static [&'static str]) -> Limits {
        Limits { each: Some((names, LIMIT)), ..Limits::NONE }
    }

    fn key(names: &'static [&'static str], values: &Value) -> String {
        let key = limit_key(&by(names), || Ok(values.clone())).unwrap();
        assert!(has_form(&by(names), &key), "{key}");
        key
    }

    #[test]
    fn a_number_out_of_range_counts_as_the_nearest() {
        for (given, taken) in [(0, 1), (1, 1), (1_000_000, 1_000_000), (1_000_001, 1_000_000), (u32::MAX, 1_000_000)] {
            assert_eq!(Limit::new().running(given).running, Some(taken));
        }
    }

    #[test]
    fn without_parameters_the_key_is_a_constant() {
        let unused = || -> Result<Value, Error> { unreachable!("no parameter counts") };
        let all = Limits { all: Some(LIMIT), ..Limits::NONE };
        assert_eq!(limit_key(&Limits::NONE, unused).unwrap(), "-");
        assert_eq!(limit_key(&all, unused).unwrap(), "*");
        let both = Limits { all: Some(LIMIT), ..by(&["account"]) };
        assert_eq!(limit_key(&both, || Ok(json!(["acme"]))).unwrap(), r#"account="acme""#);
    }

    #[test]
    fn the_key_has_names_and_values() {
        assert_eq!(key(&["account", "region"], &json!(["acme", 3])), r#"account="acme",region=3"#);
        for (value, text) in [
            (json!("a\"b"), r#"a="a\"b""#),
            (json!("x\",b=\"y"), r#"a="x\",b=\"y""#),
            (json!("a,b=1"), r#"a="a,b=1""#),
            (json!("🦀 ~"), r#"a="🦀 ~""#),
            (json!(""), r#"a="""#),
            (json!("a  "), r#"a="a  ""#),
            (json!("a\u{0}\n"), r#"a="a\u0000\n""#),
            (Value::Null, "a=null"),
            (json!(-7), "a=-7"),
            (json!([1, true]), "a=[1,true]"),
            (json!({"z": 1, "b": {"d": 1, "c": [{"y": 2, "x": 1}]}}), r#"a={"b":{"c":[{"x":1,"y":2}],"d":1},"z":1}"#),
        ] {
            assert_eq!(key(&["a"], &json!([value])), text);
            assert_eq!(key(&["a", "b"], &json!([value, 3])), format!("{text},b=3"));
            assert_eq!(key(&["b", "a"], &json!([3, value])), format!("b=3,{text}"));
        }
    }

    #[test]
    fn parameters_that_do_not_decode_have_a_key_of_their_own() {
        assert_eq!(limit_key(&by(&["a"]), || Ok(Value::Null)).unwrap(), UNKNOWN);
    }

    #[test]
    fn the_order_of_names_in_a_value_does_not_count() {
        let one: Value = serde_json::from_str(r#"[{"x": 1, "y": {"b": 2, "a": 3}}]"#).unwrap();
        let other: Value = serde_json::from_str(r#"[{"y": {"a": 3, "b": 2}, "x": 1}]"#).unwrap();
        assert_eq!(key(&["a"], &one), key(&["a"], &other));
    }

    #[test]
    fn a_long_key_is_cut_and_stays_different() {
        for letter in ["a", "ä", "🦀", "~"] {
            // `a=""` has four characters.
            let of_length = |length: usize| key(&["a"], &json!([letter.repeat(length - 4)]));
            assert_eq!(of_length(200), format!("a=\"{}\"", letter.repeat(196)));
            let (cut, longer) = (of_length(201), of_length(202));
            assert!(cut.starts_with(&format!("a=\"{}~", letter.repeat(172))), "{cut}");
            assert_eq!((cut.chars().count(), longer.chars().count()), (200, 200));
            assert_ne!(cut, longer);
            assert_eq!(cut, of_length(201));
        }
    }

    #[test]
    fn values_that_do_not_belong_to_the_names_are_refused() {
        for values in [json!([]), json!([1]), json!([1, 2, 3]), json!({"a": 1, "b": 2}), json!(1)] {
            let error = limit_key(&by(&["a", "b"]), || Ok(values.clone())).unwrap_err().to_string();
            assert!(error.contains("array of 2 values"), "{values}: {error}");
        }
    }

    #[test]
    fn the_form_of_other_limits_is_recognized() {
        let all = Limits { all: Some(LIMIT), ..Limits::NONE };
        let forms = [Limits::NONE, all, by(&["a"]), by(&["a", "b"]), by(&["b", "a"]), by(&["ab"])];
        let keys = ["-", "*", r#"a="x,b=1""#, r#"a="x",b=1"#, r#"b=1,a="x""#, "ab=1.5"];
        for (limits, own) in forms.iter().zip(keys) {
            for key in keys {
                assert_eq!(has_form(limits, key), key == own, "{limits:?}: {key}");
            }
            assert!(has_form(limits, "?"));
        }
    }

    #[test]
    fn what_is_no_key_has_no_form() {
        for key in ["a", "a=", "a=x", r#"a="x"#, "a=1,", "a=1 ", "a=1,b=2,c=3", ",a=1", r#"A="x""#, "a=1~", "a~x=1"] {
            assert!(!has_form(&by(&["a"]), key), "{key}");
        }
        for key in ["a=1", "a=1,", "a=1b=2", "a=1,b", "a=1,,b=2", r#"a="x"b=2"#] {
            assert!(!has_form(&by(&["a", "b"]), key), "{key}");
        }
    }

    #[test]
    fn of_a_key_that_was_cut_the_first_name_counts() {
        let long = json!(["x".repeat(300), 1]);
        let cut = key(&["a", "b"], &long);
        for (names, has) in [(&["a"][..], true), (&["a", "c"], true), (&["b", "a"], false), (&["ab"], false)] {
            assert_eq!(has_form(&by(names), &cut), has, "{names:?}");
        }
        assert!(!has_form(&Limits::NONE, &cut));
        assert!(!has_form(&Limits { all: Some(LIMIT), ..Limits::NONE }, &cut));
    }

    #[test]
    fn a_name_may_be_longer_than_a_key() {
        const NAME: &str = "a_parameter_with_a_name_that_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_\
                            and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on";
        assert_ne!(key(&[NAME], &json!([1])), key(&[NAME], &json!([2])));
    }
}
