//! Enums that are written and read as texts, each by one table.

use std::fmt;

/// The error of reading an enum, such as [`JobStatus`](crate::JobStatus), from a text that names none of its variants.
///
/// ```
/// # use jobs::JobStatus;
/// let error = "succeeded".parse::<JobStatus>().unwrap_err();
/// let expected = "`succeeded` is not a job status: scheduled, running, canceled, failed or terminated";
/// assert_eq!(error.to_string(), expected);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseVariantError {
    text: String,
    what: &'static str,
    allowed: &'static [&'static str],
}

impl ParseVariantError {
    pub(crate) fn new(text: &str, what: &'static str, allowed: &'static [&'static str]) -> Self {
        Self { text: text.to_owned(), what, allowed }
    }

    /// The texts that can be read.
    #[must_use]
    pub const fn allowed(&self) -> &'static [&'static str] {
        self.allowed
    }
}

impl fmt::Display for ParseVariantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}: ", self.text, self.what)?;
        match self.allowed {
            [others @ .., last] if !others.is_empty() => write!(f, "{} or {last}", others.join(", ")),
            allowed => f.write_str(&allowed.join(", ")),
        }
    }
}

impl std::error::Error for ParseVariantError {}

/// Gives an enum its texts: `as_str`, `ALL`, `FromStr` (in any case), and serde's traits.
macro_rules! texts {
    ($type:ident, $what:literal, { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $type {
            /// All variants of this release, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text in JSON, which [`FromStr`](std::str::FromStr) reads back.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::model::ParseVariantError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let is_it = |variant: &&Self| variant.as_str().eq_ignore_ascii_case(text);
                let known = Self::ALL.iter().find(is_it).copied();
                known.ok_or_else(|| $crate::model::ParseVariantError::new(text, $what, &[$($text),+]))
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use texts;
