//! Numbers that JSON does not have: NaN and infinity, which would be written as `null`.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Serializer};

use crate::error::Error;

/// Refuses a value of this name that contains such a number.
pub(crate) fn refuse_not_finite<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<(), Error> {
    refuse(name, value, Check::INSIDE)
}

/// Refuses such a number in the fields of a struct or the values of a map, by the name of the field.
pub(crate) fn refuse_not_finite_fields<T: Serialize + ?Sized>(name: &str, fields: &T) -> Result<(), Error> {
    refuse(name, fields, Check { is_outermost: true })
}

fn refuse<T: Serialize + ?Sized>(name: &str, value: &T, check: Check) -> Result<(), Error> {
    match value.serialize(check) {
        Err(Found::In(field)) => {
            let reason =
                "a number in it is NaN or infinite, which JSON can't say: leave it out (`Option`), or write it as text";
            Err(Error::invalid(field.as_deref().unwrap_or(name), reason))
        }
        // Other serialization errors are reported when the value is written.
        Ok(()) | Err(Found::Other) => Ok(()),
    }
}

/// A serializer that writes nothing and checks every number.
#[derive(Clone, Copy)]
struct Check {
    is_outermost: bool,
}

/// Why the check stopped.
#[derive(Debug)]
enum Found {
    /// Such a number, in this field of the outermost value.
    In(Option<String>),
    Other,
}

impl Check {
    const INSIDE: Self = Self { is_outermost: false };

    fn member<T: Serialize + ?Sized>(self, name: impl FnOnce() -> Option<String>, value: &T) -> Result<(), Found> {
        let found = value.serialize(Self::INSIDE);
        found.map_err(|found| match found {
            Found::In(None) if self.is_outermost => Found::In(name()),
            found => found,
        })
    }
}

impl std::error::Error for Found {}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number that is not finite")
    }
}

impl ser::Error for Found {
    fn custom<T: Display>(_: T) -> Self {
        Self::Other
    }
}

macro_rules! fine {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, _: $type) -> Result<(), Found> {
            Ok(())
        })*
    };
}

impl Serializer for Check {
    type Ok = ();
    type Error = Found;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = MapCheck;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fine! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]) serialize_unit_struct(&'static str)
    }

    fn serialize_f32(self, number: f32) -> Result<(), Found> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Found> {
        if number.is_finite() { Ok(()) } else { Err(Found::In(None)) }
    }

    fn serialize_none(self) -> Result<(), Found> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Found> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Found> {
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<(), Found> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Found> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Found> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Found> {
        value.serialize(Self::INSIDE)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Found> {
        Ok(Self::INSIDE)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Found> {
        Ok(Self::INSIDE)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Found> {
        Ok(Self::INSIDE)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Found> {
        Ok(Self::INSIDE)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<MapCheck, Found> {
        Ok(MapCheck { check: self, name: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Found> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Found> {
        Ok(Self::INSIDE)
    }
}

macro_rules! elements {
    ($($kind:ident::$method:ident)*) => {
        $(impl ser::$kind for Check {
            type Ok = ();
            type Error = Found;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Found> {
                value.serialize(Self::INSIDE)
            }

            fn end(self) -> Result<(), Found> {
                Ok(())
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

macro_rules! fields {
    ($($kind:ident)*) => {
        $(impl ser::$kind for Check {
            type Ok = ();
            type Error = Found;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Found> {
                self.member(|| Some(name.to_owned()), value)
            }

            fn end(self) -> Result<(), Found> {
                Ok(())
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

struct MapCheck {
    check: Check,
    /// The name of the next value, if it is needed.
    name: Option<String>,
}

impl ser::SerializeMap for MapCheck {
    type Ok = ();
    type Error = Found;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Found> {
        if self.check.is_outermost {
            self.name = serde_json::to_value(key).ok().and_then(|key| key.as_str().map(str::to_owned));
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Found> {
        let name = self.name.take();
        self.check.member(|| name, value)
    }

    fn end(self) -> Result<(), Found> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    struct Order {
        amounts: Vec<Option<f64>>,
        place: (f32, f32),
        #[serde(flatten)]
        more: BTreeMap<&'static str, f64>,
    }

    fn refused(amount: f64, place: f32, more: f64) -> Option<String> {
        let order = Order { amounts: vec![None, Some(amount)], place: (0.0, place), more: [("more", more)].into() };
        match refuse_not_finite_fields("parameters", &order) {
            Ok(()) => None,
            Err(Error::InvalidValue { name, .. }) => Some(name),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_refused_by_the_name_of_their_field() {
        assert_eq!(refused(f64::MAX, f32::MIN, -0.0), None);
        assert_eq!(refused(f64::NAN, 0.0, 0.0).as_deref(), Some("amounts"));
        assert_eq!(refused(0.0, f32::INFINITY, 0.0).as_deref(), Some("place"));
        assert_eq!(refused(0.0, 0.0, f64::NEG_INFINITY).as_deref(), Some("more"));
        assert!(refuse_not_finite("output", &[f32::NAN]).unwrap_err().to_string().starts_with("`output` is invalid"));
    }
}
