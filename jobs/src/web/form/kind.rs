//! What a value is typed into, by its type.

use serde_json::{Number, Value};

use crate::web::pages::job_values;

/// What a value is typed into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Kind {
    /// A line of text.
    Text,
    /// Several lines of text.
    Lines,
    Number,
    Whole,
    /// Yes or no.
    Flag,
    /// Yes, no, or neither.
    Choice,
    /// Anything, as JSON. A word that is no JSON is a text.
    Json,
}

const WHOLE: [&str; 12] = ["i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"];

/// The type in an `Option`.
pub(super) fn in_option(type_name: &str) -> Option<&str> {
    let (path, argument) = type_name.split_once('<')?;
    argument.strip_suffix('>').filter(|_| last(path) == "Option")
}

/// The last segment of a path.
fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

impl Kind {
    /// For a type as it is written. One whose name tells nothing takes JSON.
    pub(super) fn of_type(type_name: &str) -> Self {
        if let Some(inner) = in_option(type_name) {
            return if inner == "bool" { Self::Choice } else { Self::of_type(inner) };
        }
        match type_name {
            "bool" => Self::Flag,
            "f32" | "f64" => Self::Number,
            whole if WHOLE.contains(&whole) => Self::Whole,
            "Box<str>" | "char" => Self::Text,
            text if ["String", "PathBuf"].contains(&last(text)) => Self::Text,
            _ => Self::Json,
        }
    }

    /// For a value whose type is not known.
    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::Text,
            Value::Number(_) => Self::Number,
            Value::Bool(_) => Self::Flag,
            _ => Self::Json,
        }
    }

    /// The kind and the text in which this value can be typed, and read as the same.
    pub(super) fn write(self, value: &Value) -> (Self, String) {
        match (self, value) {
            // Browsers write each end of a line in the same way.
            (Self::Text | Self::Lines, Value::String(text)) if !text.contains('\r') => {
                (if text.contains('\n') { Self::Lines } else { Self::Text }, text.clone())
            }
            (Self::Number | Self::Whole, Value::Number(number)) => (self, number.to_string()),
            (Self::Flag | Self::Choice, Value::Bool(flag)) => (self, flag.to_string()),
            _ => (Self::Json, job_values::text(value)),
        }
    }

    /// Reads what was typed. The error says what is wrong with it.
    pub(super) fn read(self, typed: &str) -> Result<Value, String> {
        match self {
            Self::Text | Self::Lines => Ok(typed.replace("\r\n", "\n").into()),
            Self::Number | Self::Whole => {
                read_number(typed.trim()).map(Value::Number).ok_or_else(|| "A number is needed.".to_owned())
            }
            Self::Flag | Self::Choice => match typed {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err("Yes or no is needed.".to_owned()),
            },
            Self::Json => read_json(typed.trim()),
        }
    }

    /// What stands before the name of its field, so that a form says in which kind each value was typed.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Text | Self::Lines => "text.",
            Self::Number | Self::Whole => "number.",
            Self::Flag => "flag.",
            Self::Choice => "choice.",
            Self::Json => "json.",
        }
    }

    /// The kinds that differ in their prefixes.
    pub(super) const ALL: [Self; 5] = [Self::Text, Self::Number, Self::Flag, Self::Choice, Self::Json];
}

/// A number as browsers accept it, who also take `.5` and `007`.
fn read_number(typed: &str) -> Option<Number> {
    let whole = || typed.parse::<u64>().map(Number::from).or_else(|_| typed.parse::<i64>().map(Number::from)).ok();
    let fraction = || typed.parse().ok().and_then(Number::from_f64);
    serde_json::from_str(typed).ok().or_else(whole).or_else(fraction)
}

fn read_json(typed: &str) -> Result<Value, String> {
    match serde_json::from_str(typed) {
        Ok(value) => Ok(value),
        // It was meant to be more than a word.
        Err(error) if typed.starts_with(['{', '[', '"']) => Err(format!("It is not JSON: {error}.")),
        Err(_) => Ok(typed.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_type_says_what_a_value_is_typed_into() {
        for (type_name, kind) in [
            ("String", Kind::Text),
            ("std::path::PathBuf", Kind::Text),
            ("Option<std::string::String>", Kind::Text),
            ("u8", Kind::Whole),
            ("Option<f64>", Kind::Number),
            ("bool", Kind::Flag),
            ("std::option::Option<bool>", Kind::Choice),
            ("Vec<String>", Kind::Json),
            ("Color", Kind::Json),
        ] {
            assert_eq!(Kind::of_type(type_name), kind, "{type_name}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for value in
            [json!("a"), json!("a\nb"), json!("a\r\nb"), json!(1), json!(0.5), json!(true), json!(null), json!([1])]
        {
            for kind in Kind::ALL {
                let (kind, text) = kind.write(&value);
                // As a browser sends it.
                let sent = text.replace('\n', "\r\n");
                assert_eq!(kind.read(&sent), Ok(value.clone()), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_number_is_read_as_browsers_send_it() {
        for (typed, number) in [
            ("5", json!(5)),
            (" -5 ", json!(-5)),
            ("007", json!(7)),
            (".5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("1e3", json!(1000.0)),
            ("18446744073709551615", json!(u64::MAX)),
        ] {
            assert_eq!(Kind::Number.read(typed), Ok(number), "{typed}");
        }
        for typed in ["1e999", "inf", "NaN", "1,5", "0x1", "5 5", "-"] {
            assert!(Kind::Number.read(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_word_that_is_no_json_is_a_text() {
        assert_eq!(Kind::Json.read("red"), Ok(json!("red")));
        assert_eq!(Kind::Json.read(" 5 "), Ok(json!(5)));
        assert!(Kind::Json.read("[1, 2").unwrap_err().starts_with("It is not JSON"));
        assert!(Kind::Whole.read("wide").is_err() && Kind::Flag.read("").is_err());
    }
}
