//! The schemas of simple types.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Schema, Schemas};
use crate::client::health::{Check, Remedy};
use crate::cron::{CronSource, Missed};
use crate::{AttemptEnd, JobId, JobStatus, Level, OnConflict, UniqueWhile};

macro_rules! simple {
    ($($type:ty: $schema:tt),+ $(,)?) => {
        $(
            impl Schema for $type {
                fn schema(_: &mut Schemas) -> Value {
                    json!($schema)
                }
            }
        )+
    };
}

simple! {
    bool: { "type": "boolean" },
    i16: { "type": "integer" },
    i64: { "type": "integer", "format": "int64" },
    u8: { "type": "integer", "minimum": 0 },
    u32: { "type": "integer", "format": "int64", "minimum": 0 },
    u64: { "type": "integer", "format": "int64", "minimum": 0 },
    usize: { "type": "integer", "format": "int64", "minimum": 0 },
    String: { "type": "string" },
    &'static str: { "type": "string" },
    JobId: { "type": "integer", "format": "int64" },
    DateTime<Utc>: { "type": "string", "format": "date-time" },
    Missed: { "type": "string" },
    Check: { "type": "string" },
    Remedy: { "type": "string" },
    OnConflict: { "type": "string", "enum": ["use_existing", "fail", "replace"] },
    UniqueWhile: { "type": "string", "enum": ["scheduled", "scheduled_or_running"] },
    Value: {},
}

macro_rules! texts {
    ($($type:ident),+) => {
        $(
            impl Schema for $type {
                fn schema(_: &mut Schemas) -> Value {
                    let texts: Vec<_> = Self::ALL.iter().map(|variant| variant.as_str()).collect();
                    json!({ "type": "string", "enum": texts })
                }
            }
        )+
    };
}

texts!(AttemptEnd, CronSource, JobStatus, Level);

impl<T: Schema> Schema for Vec<T> {
    fn schema(named: &mut Schemas) -> Value {
        json!({ "type": "array", "items": T::schema(named) })
    }
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    fn schema(named: &mut Schemas) -> Value {
        json!({ "type": "object", "additionalProperties": T::schema(named) })
    }
}

impl<T: Schema> Schema for Option<T> {
    const IS_OPTIONAL: bool = true;

    fn schema(named: &mut Schemas) -> Value {
        json!({ "anyOf": [T::schema(named), { "type": "null" }] })
    }
}
