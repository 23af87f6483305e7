use std::ops::RangeInclusive;

use syn::parse::ParseStream;
use syn::{Error, Ident, LitInt, LitStr};

use crate::parse::option_list::value;

/// What a name in the database has room for.
const MAX_CHARACTERS: usize = 200;

/// `= "text"`
pub(crate) fn text(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    value(key, input, &format!("`{key}` takes a text: write `{key} = \"…\"`"))
}

/// `= "text"` that can be the name of a job or a queue.
pub(crate) fn label(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    let text = literal.value();
    let wrong = if text.is_empty() {
        "is empty: write at least one character"
    } else if text.trim() != text {
        "begins or ends with white space: remove it"
    } else if text.contains(char::is_control) {
        "contains a control character: remove it"
    } else if text.chars().count() > MAX_CHARACTERS {
        "is longer than 200 characters: shorten it"
    } else {
        return Ok(literal);
    };
    Err(Error::new(literal.span(), format!("this {key} {wrong}")))
}

/// `= 5`, in a range.
pub(crate) fn integer(key: &Ident, input: ParseStream, range: &RangeInclusive<i64>) -> syn::Result<i64> {
    let expected = format!("`{key}` is a whole number from {} to {}", range.start(), range.end());
    let literal: LitInt = value(key, input, &expected)?;
    let number = literal.base10_parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| Error::new(literal.span(), expected))
}
