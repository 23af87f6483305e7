//! The values of options: texts, names, durations and whole numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use syn::parse::ParseStream;
use syn::{Error, Ident, LitInt, LitStr};

use crate::parse::limits;
use crate::parse::option_list::value;

/// `= "text"`
pub(crate) fn text(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    value(key, input, &format!("`{key}` takes a text: write `{key} = \"…\"`"))
}

/// `= "text"` that can be the name of a job or a queue.
pub(crate) fn name(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    match limits::check_name(&literal.value()) {
        Ok(()) => Ok(literal),
        Err(wrong) => Err(Error::new(literal.span(), format!("this {key} {wrong}"))),
    }
}

/// `= "1h30m"`
pub(crate) fn duration(key: &Ident, input: ParseStream) -> syn::Result<Duration> {
    duration_of(&text(key, input)?)
}

/// The duration that a literal such as `"1h30m"` stands for.
pub(crate) fn duration_of(literal: &LitStr) -> syn::Result<Duration> {
    super::duration::parse(&literal.value()).map_err(|message| Error::new(literal.span(), message))
}

/// `= 5`, in a range that lies within the type's.
pub(crate) fn integer<T>(key: &Ident, input: ParseStream, range: &RangeInclusive<i64>) -> syn::Result<T>
where
    T: TryFrom<i64, Error: std::fmt::Debug>,
{
    let expected = format!("`{key}` is a whole number from {} to {}", range.start(), range.end());
    let literal: LitInt = value(key, input, &expected)?;
    match literal.base10_parse() {
        Ok(number) if range.contains(&number) => {
            Ok(number.try_into().expect("the option's range lies within its type's"))
        }
        _ => Err(Error::new(literal.span(), expected)),
    }
}
