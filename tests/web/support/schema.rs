//! Checks answers against their description. More strictly than JSON Schema: members that are not described are mistakes.

use axum::http::Method;
use serde_json::Value;

use super::api::Reply;

/// Checks that this is an answer that the document tells of this route; for an address without a route, a failure.
#[track_caller]
pub(crate) fn assert_described(document: &Value, method: &Method, path: &str, media_type: &str, reply: &Reply) {
    let status = reply.status.as_str();
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let of_failure = schema_of_failure(document);
    let schema = match operation(document, method, path) {
        None => of_failure,
        Some(operation) => {
            let response = operation["responses"].get(status).unwrap_or(&operation["responses"]["default"]);
            if reply.status.is_success() {
                assert!(operation["responses"].get(status).is_some(), "{method} {path}: {status} is not described");
            }
            match response.get("content") {
                None => return assert_eq!(reply.body, "", "{method} {path}"),
                Some(content) => &content[media_type]["schema"],
            }
        }
    };
    assert!(schema.is_object(), "{method} {path}: {status} {media_type} is not described");
    if let Err(mistake) = check(document, schema, &reply.body) {
        panic!("{method} {path}: {status}: {mistake}");
    }
}

fn schema_of_failure(document: &Value) -> &Value {
    &document["paths"]["/jobs"]["get"]["responses"]["default"]["content"]["application/json"]["schema"]
}

/// The operation of a route.
pub(crate) fn operation<'d>(document: &'d Value, method: &Method, path: &str) -> Option<&'d Value> {
    let path = path.strip_prefix("/api")?;
    let fits = |template: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        let same = |(part, of_path): (&&str, &&str)| part.starts_with('{') || part == of_path;
        template.len() == path.len() && template.iter().zip(&path).all(same)
    };
    let paths = document["paths"].as_object()?;
    let (_, operations) = paths.iter().find(|(template, _)| fits(template))?;
    operations.get(method.as_str().to_lowercase())
}

/// Checks a value; says where it does not fit.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let named = document.pointer(name.trim_start_matches('#')).ok_or(format!("there is no {name}"))?;
        return check(document, named, value);
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let mistakes: Vec<_> = any.iter().filter_map(|schema| check(document, schema, value).err()).collect();
        return if mistakes.len() < any.len() { Ok(()) } else { Err(mistakes.join(", and ")) };
    }
    check_type(schema, value)?;
    match value {
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| inside(document, &schema["items"], item, index))
        }
        Value::Object(members) => {
            let absent = |name: &&Value| !members.contains_key(name.as_str().unwrap());
            if let Some(name) = schema["required"].as_array().into_iter().flatten().find(absent) {
                return Err(format!("{name} is missing in {value}"));
            }
            members.iter().try_for_each(|(name, member)| {
                let others = schema.get("additionalProperties");
                // An object of which nothing is described may have anything.
                let is_free = schema.get("properties").is_none();
                match schema["properties"].get(name).or(others) {
                    Some(schema) => inside(document, schema, member, name),
                    None if is_free => Ok(()),
                    None => Err(format!("`{name}` is not described: {value}")),
                }
            })
        }
        _ => Ok(()),
    }
}

fn inside(document: &Value, schema: &Value, value: &Value, at: impl std::fmt::Display) -> Result<(), String> {
    check(document, schema, value).map_err(|mistake| format!("{at}: {mistake}"))
}

fn check_type(schema: &Value, value: &Value) -> Result<(), String> {
    let wrong = || Err(format!("{value} is not {schema}"));
    let is = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    };
    let fits = match schema.get("type") {
        None => true,
        Some(Value::Array(names)) => names.iter().any(is),
        Some(name) => is(name),
    };
    let is_listed = schema["enum"].as_array().is_none_or(|texts| texts.contains(value));
    let is_time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).is_ok();
    let needs_time = schema.get("format").is_some_and(|format| format == "date-time");
    let is_at_least = schema["minimum"].as_f64().is_none_or(|least| value.as_f64().is_none_or(|value| value >= least));
    if fits && is_listed && is_at_least && (!needs_time || value.as_str().is_some_and(is_time)) {
        Ok(())
    } else {
        wrong()
    }
}
