//! Named JSON values: how parameters and results are checked, encoded and decoded.

mod finite;
pub(crate) mod secrets;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::error::Error;
use crate::job::JobParams;
use finite::{refuse_not_finite, refuse_not_finite_fields};

/// The name of the result that `execute` returns.
pub(crate) const OUTPUT: &str = "output";

/// The largest size of a job's parameters, and of its results, in bytes of JSON: 1 MiB.
pub const MAX_JSON_BYTES: usize = 1024 * 1024;

/// How deeply a parameter or result may be nested: MariaDB reads 32 levels, with those around it.
const MAX_DEPTH: usize = 28;

/// The longest name of a job or queue, and of a user, session or event, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 200;

/// A job's parameters as they are stored: an object, within the size limit, without NUL characters.
pub(crate) fn encode<P: JobParams>(parameters: &P) -> Result<String, Error> {
    refuse_not_finite_fields("parameters", parameters)?;
    let value = json_of("parameters", parameters)?;
    secrets::refuse_marked(&value)?;
    encode_value(value, P::SECRETS)
}

/// Converts a value to JSON.
pub fn to_value<T: Serialize>(name: &str, value: T) -> Result<Value, Error> {
    refuse_not_finite(name, &value)?;
    json_of(name, value)
}

fn json_of<T: Serialize>(name: &str, value: T) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|source| Error::Encode { name: name.into(), source })
}

/// Encodes parameters given as JSON, and marks those of the `secret` names. `null` stands for no parameters.
pub(crate) fn encode_value(value: Value, secret: &[&str]) -> Result<String, Error> {
    let mut object = match value {
        Value::Object(object) => object,
        Value::Null => Map::new(),
        other => {
            let kind = kind_of(&other);
            return Err(Error::invalid("parameters", format!("a JSON object of named values is needed, not {kind}")));
        }
    };
    secrets::mark(&mut object, secret);
    for (name, value) in &object {
        refuse_nul(name, name)?;
        refuse_nul_in(name, value)?;
        refuse_depth(name, secrets::without_mark(value))?;
    }
    let text = serde_json::to_string(&object).map_err(|source| Error::Encode { name: "parameters".into(), source })?;
    if text.len() > MAX_JSON_BYTES {
        let (largest, size) = largest(&object);
        return Err(Error::invalid(
            largest,
            format!(
                "the parameters have {} bytes of JSON, of which this one has {size}; at most {MAX_JSON_BYTES} are allowed: \
                 store the data elsewhere and pass a reference to it",
                text.len()
            ),
        ));
    }
    Ok(text)
}

/// Parses stored text as JSON.
pub(crate) fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|source| Error::Decode { name: "parameters".into(), source })
}

/// The names in parameters that are given as text.
pub(crate) fn names(text: &str) -> Result<Vec<String>, Error> {
    Ok(parse(text)?.as_object().map(|values| values.keys().cloned().collect()).unwrap_or_default())
}

/// Decodes named values as `T`. The error names the value that does not decode, and never quotes a secret one.
pub(crate) fn decode<T: DeserializeOwned>(values: &Value, secret: &[&str]) -> Result<T, Error> {
    serde_path_to_error::deserialize(values).or_else(|error| {
        // A unit struct has no parameters: stored, they are an object, whose values it does not know; to serde, they are `null`.
        if values.is_object()
            && let Ok(unit) = T::deserialize(Value::Null)
        {
            return Ok(unit);
        }
        let path = error.path().to_string();
        let first = match error.path().iter().next() {
            Some(Segment::Map { key }) => Some(key.clone()),
            _ => None,
        };
        let source = error.into_inner();
        let (name, may_be_secret) = match first {
            // Names nested in a secret are secret, too.
            Some(first) if secret.contains(&first.as_str()) => (first, true),
            Some(_) => (path, false),
            None => match wrong_field(&source) {
                Some(name) => (name, false),
                None => ("parameters".to_owned(), !secret.is_empty()),
            },
        };
        Err(if may_be_secret { secrets::undecodable(name) } else { Error::Decode { name, source } })
    })
}

/// Encodes the value that `execute` returned, and checks that it decodes again: otherwise, no caller could read it.
pub(crate) fn encode_output<T: Serialize + DeserializeOwned>(output: T) -> Result<Value, Error> {
    let value = to_value(OUTPUT, output)?;
    decode_one::<T>(OUTPUT, &value).map(|_| value)
}

/// Decodes one named value.
pub(crate) fn decode_one<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, Error> {
    T::deserialize(value).map_err(|source| Error::Decode { name: name.into(), source })
}

/// Checks a name of a job, queue, user, session or event, which every database must store alike.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME_CHARS {
        "it is longer than 200 characters"
    } else if name.trim() != name {
        "it begins or ends with white space"
    } else if name.chars().any(char::is_control) {
        "it contains a control character"
    } else {
        return Ok(());
    };
    Err(Error::invalid(what, reason))
}

/// Replaces NUL characters, which PostgreSQL refuses, with U+FFFD.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

/// Replaces the NUL characters in every string of a JSON value.
pub(crate) fn value_without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(values) => values.into_iter().map(value_without_nul).collect(),
        Value::Object(values) => {
            values.into_iter().map(|(name, value)| (without_nul(name), value_without_nul(value))).collect()
        }
        other => other,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn refuse_nul(name: &str, text: &str) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error::invalid(
            name.replace('\0', "\\0"),
            "it contains a NUL character, which databases can't store",
        ));
    }
    Ok(())
}

fn refuse_nul_in(name: &str, value: &Value) -> Result<(), Error> {
    match value {
        Value::String(text) => refuse_nul(name, text),
        Value::Array(values) => values.iter().try_for_each(|value| refuse_nul_in(name, value)),
        Value::Object(values) => values.iter().try_for_each(|(key, value)| {
            refuse_nul(name, key)?;
            refuse_nul_in(name, value)
        }),
        _ => Ok(()),
    }
}

/// Refuses a value that is nested more deeply than every database can read.
pub(crate) fn refuse_depth(name: &str, value: &Value) -> Result<(), Error> {
    if is_deeper(value, MAX_DEPTH) {
        return Err(Error::invalid(name, format!("it is nested more than {MAX_DEPTH} levels deep")));
    }
    Ok(())
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let deeper = |value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(values) => values.iter().any(deeper),
        Value::Object(values) => values.values().any(deeper),
        _ => false,
    }
}

fn largest(object: &Map<String, Value>) -> (String, usize) {
    object
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string().len()))
        .max_by_key(|(_, size)| *size)
        .unwrap_or_default()
}

/// The parameter that serde reports as missing, or as given under two names: ``missing field `name` ``.
fn wrong_field(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let rest = text.strip_prefix("missing field `").or_else(|| text.strip_prefix(DUPLICATE))?;
    Some(rest.split('`').next()?.to_owned())
}

const DUPLICATE: &str = "duplicate field `";

/// Whether the error says that one parameter is given under two names, as serde's `alias` allows.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    matches!(error, Error::Decode { source, .. } if source.to_string().starts_with(DUPLICATE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_with_nul_is_refused_by_its_name() {
        let error = encode_value(json!({"fine": 1, "bad": [{"deep": "a\0b"}]}), &[]).unwrap_err();
        assert!(error.to_string().starts_with("`bad` is invalid"), "{error}");
    }

    #[test]
    fn parameters_over_the_limit_are_refused_by_the_name_of_the_largest() {
        let error = encode_value(json!({"small": 1, "large": "x".repeat(MAX_JSON_BYTES)}), &[]).unwrap_err();
        assert!(error.to_string().starts_with("`large` is invalid"), "{error}");
    }

    #[test]
    fn a_value_that_does_not_decode_is_named() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code, reason = "only decoded")]
        struct Size {
            width: u32,
        }
        let wrong = decode::<Size>(&json!({"width": "wide"}), &[]).unwrap_err();
        assert!(wrong.to_string().starts_with("`width` does not decode"), "{wrong}");
        let missing = decode::<Size>(&json!({}), &[]).unwrap_err();
        assert!(missing.to_string().starts_with("`width` does not decode"), "{missing}");
    }

    #[test]
    fn a_value_that_is_nested_too_deeply_is_refused_by_its_name() {
        let nested = |levels| (0..levels).fold(json!(1), |value, _| json!([value]));
        assert!(encode_value(json!({ "deep": nested(MAX_DEPTH) }), &[]).is_ok());
        let error = encode_value(json!({ "deep": nested(MAX_DEPTH + 1) }), &[]).unwrap_err();
        assert!(error.to_string().starts_with("`deep` is invalid"), "{error}");
    }

    #[test]
    fn nul_is_cleaned_out_of_nested_values() {
        assert_eq!(value_without_nul(json!({"a\0": ["b\0"]})), json!({"a\u{FFFD}": ["b\u{FFFD}"]}));
    }
}
