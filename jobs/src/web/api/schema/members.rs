//! The schemas of objects, made of the fields of their types.

use std::marker::PhantomData;

use serde_json::{Map, Value, json};

use super::{Schema, Schemas};

/// A member of an object.
pub(in crate::web::api) struct Member {
    name: &'static str,
    schema: Value,
    /// Whether the field may be absent in what is read; what is written has `null`.
    is_optional: bool,
    /// Whether the field may be absent in what is written, too.
    is_left_out: bool,
}

impl Member {
    pub(in crate::web::api) fn new<T: Schema>(named: &mut Schemas, name: &'static str, about: &str) -> Self {
        let mut schema = T::schema(named);
        if let Value::Object(keywords) = &mut schema {
            keywords.insert("description".to_owned(), about.into());
        }
        Self { name, schema, is_optional: T::IS_OPTIONAL, is_left_out: T::IS_LEFT_OUT }
    }

    /// A member of the type that this field has.
    pub(in crate::web::api) fn of<O, T: Schema>(
        named: &mut Schemas,
        name: &'static str,
        _: fn(&O) -> &T,
        about: &str,
    ) -> Self {
        Self::new::<T>(named, name, about)
    }
}

/// The schema of an object that is read, or else written.
pub(in crate::web::api) fn object_of(about: &str, is_read: bool, members: Vec<Member>) -> Value {
    let is_required = |member: &&Member| !(member.is_left_out || (is_read && member.is_optional));
    let required: Vec<_> = members.iter().filter(is_required).map(|member| member.name).collect();
    let properties: Map<_, _> = members.into_iter().map(|member| (member.name.to_owned(), member.schema)).collect();
    let mut schema = json!({ "type": "object", "description": about, "properties": properties, "required": required });
    if is_read {
        schema["additionalProperties"] = false.into();
    }
    schema
}

/// The schema of an object that is written with the members of another one and these.
pub(in crate::web::api) fn extended(
    named: &mut Schemas,
    name: &'static str,
    other: &Value,
    about: &str,
    members: Vec<Member>,
) -> Value {
    named.named(name, |named| {
        let mut all = named.take(other).unwrap_or_default();
        let more = object_of(about, false, members);
        for keyword in ["properties", "required"] {
            match (&mut all[keyword], &more[keyword]) {
                (Value::Object(all), Value::Object(more)) => all.extend(more.clone()),
                (Value::Array(all), Value::Array(more)) => all.extend(more.clone()),
                _ => {}
            }
        }
        all["description"] = about.into();
        all
    })
}

/// The schema of an object that is written with the members of another one but these.
pub(in crate::web::api) fn reduced(
    named: &mut Schemas,
    name: &'static str,
    other: &Value,
    about: &str,
    left_out: &[&str],
) -> Value {
    named.named(name, |named| {
        let mut rest = named.get(other).cloned().unwrap_or_default();
        if let Value::Object(members) = &mut rest["properties"] {
            members.retain(|name, _| !left_out.contains(&name.as_str()));
        }
        if let Value::Array(names) = &mut rest["required"] {
            names.retain(|name| !left_out.iter().any(|left_out| name == left_out));
        }
        rest["description"] = about.into();
        rest
    })
}

/// Tells the members of a type: all fields, or it does not compile. Their schemas are those of the fields' types, unless another name and
/// type say what is written in JSON.
macro_rules! object {
    ($kind:ident $type:ident $about:literal { $($field:ident $(as $name:literal $other:ty)?: $member:literal),+ $(,)? }) => {
        impl $crate::web::api::schema::Schema for $type {
            fn schema(named: &mut $crate::web::api::schema::Schemas) -> serde_json::Value {
                // A field that is not told does not compile.
                let _ = |object: &Self| {
                    let Self { $($field: _),+ } = object;
                };
                named.named(stringify!($type), |named| {
                    let members =
                        vec![$($crate::web::api::schema::object!(@member named $type $field $member $($name $other)?)),+];
                    $crate::web::api::schema::object_of($about, stringify!($kind) == "read", members)
                })
            }
        }
    };
    (@member $named:ident $type:ident $field:ident $about:literal) => {
        $crate::web::api::schema::Member::of($named, stringify!($field), |object: &$type| &object.$field, $about)
    };
    (@member $named:ident $type:ident $field:ident $about:literal $name:literal $other:ty) => {
        $crate::web::api::schema::Member::new::<$other>($named, $name, $about)
    };
}
pub(in crate::web::api) use object;

/// A duration, or none.
pub(in crate::web::api) struct Seconds;

impl Schema for Seconds {
    const IS_OPTIONAL: bool = true;

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": ["number", "null"], "minimum": 0 })
    }
}

/// What is not written if it says nothing.
pub(in crate::web::api) struct LeftOut<T>(PhantomData<T>);

impl<T: Schema> Schema for LeftOut<T> {
    const IS_LEFT_OUT: bool = true;

    fn schema(named: &mut Schemas) -> Value {
        T::schema(named)
    }
}
