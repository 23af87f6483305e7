//! What JSON looks like, told by the types that are written and read: [JSON Schema](https://json-schema.org), as OpenAPI 3.1 has it.

mod members;
mod of_std;
mod records;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(super) use members::{LeftOut, Member, Seconds, extended, object, object_of, reduced};

/// A type that is written as JSON, or read from it.
pub(in crate::web::api) trait Schema {
    /// Whether a request may leave it out.
    const IS_OPTIONAL: bool = false;

    /// Whether an answer may leave it out.
    const IS_LEFT_OUT: bool = false;

    /// Its schema, which may refer to named ones.
    fn schema(named: &mut Schemas) -> Value;
}

/// The named schemas of a document.
#[derive(Debug, Default)]
pub(in crate::web::api) struct Schemas(BTreeMap<&'static str, Value>);

impl Schemas {
    /// Refers to the schema of this name, which is made if there is none.
    pub(super) fn named(&mut self, name: &'static str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.0.contains_key(name) {
            let schema = make(self);
            self.0.insert(name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// The schema to which this one refers.
    pub(super) fn get(&self, schema: &Value) -> Option<&Value> {
        let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
        self.0.get(name)
    }

    /// Takes out the schema to which this one refers: nothing else may refer to it.
    pub(super) fn take(&mut self, schema: &Value) -> Option<Value> {
        let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
        self.0.remove(name)
    }

    pub(super) fn into_value(self) -> Value {
        json!(self.0)
    }
}
