use std::ops::RangeInclusive;

use syn::parse::ParseStream;
use syn::{Error, Ident, LitInt, LitStr, Token};

/// What a name in the database has room for.
const MAX_CHARACTERS: usize = 200;

/// `= "text"`
pub fn text(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    let wrong = |error: Error| Error::new(error.span(), format!("`{key}` takes a text: write `{key} = \"…\"`"));
    input.parse::<Token![=]>().and_then(|_| input.parse()).map_err(wrong)
}

/// `= "text"` that can be the name of a job or a queue.
pub fn label(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    let value = literal.value();
    let wrong = if value.is_empty() {
        "is empty"
    } else if value.trim() != value {
        "begins or ends with white space"
    } else if value.contains(char::is_control) {
        "contains a control character"
    } else if value.chars().count() > MAX_CHARACTERS {
        "is longer than 200 characters"
    } else {
        return Ok(literal);
    };
    Err(Error::new(literal.span(), format!("this {key} {wrong}")))
}

/// `= 5`, in a range.
pub fn integer(key: &Ident, input: ParseStream, range: &RangeInclusive<i64>) -> syn::Result<i64> {
    let wrong = |error: Error| {
        let (low, high) = (range.start(), range.end());
        Error::new(error.span(), format!("`{key}` is a whole number from {low} to {high}: write `{key} = {high}`"))
    };
    let literal: LitInt = input.parse::<Token![=]>().and_then(|_| input.parse()).map_err(wrong)?;
    let value: i64 = literal.base10_parse().map_err(wrong)?;
    if range.contains(&value) { Ok(value) } else { Err(wrong(Error::new(literal.span(), ""))) }
}
