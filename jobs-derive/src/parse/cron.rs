//! The options of a schedule: `cron`, `timezone` and `missed`.

use std::str::FromStr as _;

use chrono_tz::{TZ_VARIANTS, Tz};
use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{Error, Ident, LitInt, LitStr, parenthesized};

use crate::parse::expression;
use crate::parse::limits::MAX_MISSED;
use crate::parse::literals::text;
use crate::parse::option_list::{suggestion, value};

/// `= "0 3 * * *"`
pub(crate) fn expression(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    expression::read(&literal.value()).map_err(|reason| Error::new(literal.span(), reason))?;
    Ok(literal)
}

/// `= "Europe/Paris"`
pub(crate) fn timezone(key: &Ident, input: ParseStream) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    let written = literal.value();
    if Tz::from_str(&written).is_ok() {
        return Ok(literal);
    }
    let known: Vec<_> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    let advice = match suggestion(&written, &known) {
        Some(zone) => format!("did you mean `{zone}`?"),
        None => "write one of the IANA database, such as `Europe/Paris`".to_owned(),
    };
    Err(Error::new(literal.span(), format!("`{written}` is not a time zone: {advice}")))
}

/// The policy for times at which no worker was up.
pub(crate) enum Missed {
    Skip,
    Once,
    All(u32),
}

const MISSED: &str = "write `missed = skip`, `missed = once` or `missed = all(10)`";

impl Missed {
    /// `= skip`, `= once` or `= all(10)`
    pub(crate) fn parse(key: &Ident, input: ParseStream) -> syn::Result<Self> {
        let policy: Ident = value(key, input, MISSED)?;
        match policy.to_string().as_str() {
            "skip" => Ok(Self::Skip),
            "once" => Ok(Self::Once),
            "all" if input.peek(Paren) => Self::all(&policy, input),
            "all" => Err(Error::new(policy.span(), format!("how many at the most? {MISSED}"))),
            _ => Err(Error::new(policy.span(), format!("there is no policy `{policy}`: {MISSED}"))),
        }
    }

    fn all(policy: &Ident, input: ParseStream) -> syn::Result<Self> {
        let content;
        parenthesized!(content in input);
        let limit: TokenStream = content.parse()?;
        match syn::parse2::<LitInt>(limit).and_then(|limit| limit.base10_parse()) {
            Ok(number @ 1..=MAX_MISSED) => Ok(Self::All(number)),
            _ => Err(Error::new(policy.span(), format!("`all` takes a whole number from 1 to {MAX_MISSED}"))),
        }
    }
}
