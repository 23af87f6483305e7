//! Secret parameters. Each is stored under its name as `{"$secret": value}`, so that even a program without the definition does not
//! show it.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::job::{JobParams, parameters};

/// The text shown in place of a secret value.
pub const HIDDEN: &str = "•••";

pub(crate) const MARK: &str = "$secret";

/// Whether a parameter is stored as a secret.
pub(crate) fn is_marked(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.len() == 1 && object.contains_key(MARK))
}

/// Marks the parameters of these names, unless they are marked already.
pub(crate) fn mark(parameters: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = parameters.get_mut(*name).filter(|value| !is_marked(value)) {
            *value = Value::Object(Map::from_iter([(MARK.to_owned(), value.take())]));
        }
    }
}

/// The value of a parameter without its mark, if it has one.
pub(crate) fn without_mark(value: &Value) -> &Value {
    value.as_object().filter(|_| is_marked(value)).and_then(|object| object.get(MARK)).unwrap_or(value)
}

/// Refuses a parameter that looks like a mark itself.
pub(crate) fn refuse_marked(parameters: &Value) -> Result<(), Error> {
    let marked = parameters.as_object().and_then(|object| object.iter().find(|(_, value)| is_marked(value)));
    marked.map_or(Ok(()), |(name, _)| {
        let reason = format!("an object with the one name `{MARK}` stands for a secret: give it another name");
        Err(Error::invalid(name, reason))
    })
}

/// Redacts the marked parameters, and those of these names. Returns the names of all that were redacted.
pub(crate) fn hide(parameters: &mut Value, names: &[&str]) -> Vec<String> {
    let Some(object) = parameters.as_object_mut() else {
        // Another program has written it. If it is not an object, there may be a secret anywhere in it.
        if !names.is_empty() || parameters.to_string().contains(MARK) {
            *parameters = HIDDEN.into();
        }
        return Vec::new();
    };
    let hidden = object.iter_mut().filter(|(name, value)| is_marked(value) || names.contains(&name.as_str()));
    hidden
        .map(|(name, value)| {
            *value = HIDDEN.into();
            name.clone()
        })
        .collect()
}

/// The error for a value that can't be quoted.
pub(crate) fn undecodable(name: impl Into<String>) -> Error {
    let source = serde_json::Error::custom("the reason is not shown, because it could quote a secret");
    Error::Decode { name: name.into(), source }
}

/// Parameters as a job reads them, and the names of those that were marked as secret. It has no `Debug`.
pub(crate) struct Parameters {
    values: Value,
    secrets: Vec<String>,
}

impl From<Value> for Parameters {
    fn from(stored: Value) -> Self {
        let mut values = stored;
        let mut secrets = Vec::new();
        for (name, value) in values.as_object_mut().into_iter().flatten().filter(|(_, value)| is_marked(value)) {
            *value = value[MARK].take();
            secrets.push(name.clone());
        }
        Self { values, secrets }
    }
}

impl Parameters {
    /// Whether there are no parameters, for example because the stored text is not JSON.
    pub(crate) fn is_null(&self) -> bool {
        self.values.is_null()
    }

    /// Decodes all parameters as their struct.
    pub(crate) fn decode<P: JobParams>(&self) -> Result<P, Error> {
        let marked = self.secrets.iter().map(String::as_str);
        let secrets: Vec<&str> = P::SECRETS.iter().copied().chain(marked).collect();
        parameters::decode(&self.values, &secrets)
    }

    /// Decodes one parameter. These names are secret, too.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str, secrets: &[&str]) -> Result<T, Error> {
        let value = self.values.get(name).ok_or_else(|| Error::invalid(name, "the job has no such parameter"))?;
        let is_secret = secrets.contains(&name) || self.secrets.iter().any(|secret| secret == name);
        parameters::decode_one(name, value).map_err(|error| if is_secret { undecodable(name) } else { error })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_marked_once_and_read_as_it_was() {
        let mut parameters = json!({"a": 1, "b": {"$secret": null}, "c": {"$secret": 1, "other": 2}});
        mark(parameters.as_object_mut().unwrap(), &["a", "b", "missing"]);
        assert_eq!(parameters, json!({"a": {"$secret": 1}, "b": {"$secret": null}, "c": {"$secret": 1, "other": 2}}));
        let read = Parameters::from(parameters);
        assert_eq!(read.values, json!({"a": 1, "b": null, "c": {"$secret": 1, "other": 2}}));
        assert_eq!(read.secrets, ["a", "b"]);
    }

    #[test]
    fn what_is_marked_or_known_to_be_secret_is_hidden() {
        let mut parameters = json!({"a": {"$secret": 1}, "b": 2, "c": [{"$secret": 3}]});
        assert_eq!(hide(&mut parameters, &["b"]), ["a", "b"]);
        assert_eq!(parameters, json!({"a": HIDDEN, "b": HIDDEN, "c": [{"$secret": 3}]}));
    }

    #[test]
    fn what_is_no_object_is_hidden_where_it_may_hold_a_secret() {
        for (stored, names, is_hidden) in
            [(r#"{"pin": {"$secret": 1"#, &[][..], true), ("1234", &["pin"], true), ("1234", &[], false)]
        {
            let mut parameters = json!(stored);
            assert!(hide(&mut parameters, names).is_empty());
            assert_eq!(parameters == HIDDEN, is_hidden, "{stored}");
        }
    }

    #[test]
    fn an_error_quotes_no_secret_and_nothing_that_may_be_one() {
        let texts = |error: Error| crate::error::chain(&error);
        let nested = json!({"pins": {"hunter2": "hunter3"}});
        let error = parameters::decode::<HashMap<String, HashMap<String, u8>>>(&nested, &["pins"]).unwrap_err();
        assert!(texts(error).starts_with("`pins` does not decode: the reason is not shown"));
        let error = parameters::decode::<u8>(&json!("hunter2"), &["pins"]).unwrap_err();
        assert!(texts(error).starts_with("`parameters` does not decode: the reason is not shown"));
        let open = parameters::decode::<HashMap<String, u8>>(&json!({"open": "quoted"}), &["pins"]).unwrap_err();
        assert!(texts(open).contains("quoted"));
    }
}
