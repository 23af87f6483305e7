//! The option `retry`: how long to wait after a failed attempt.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{Error, Ident, LitStr, Token, parenthesized};

use crate::errors::Errors;
use crate::parse::limits::{DEFAULT_CAP, JITTER};
use crate::parse::literals::{duration_of, integer, text};
use crate::parse::option_list::{read_options, set, unknown, value};

const SYNTAX: &str = "write `retry = fixed(\"10s\")` or `retry = exponential(\"1s\", cap = \"1h\", jitter = 20)`";

/// How long to wait after a failed attempt.
pub(crate) enum Retry {
    Fixed(Duration),
    Exponential { first: Duration, cap: Duration, jitter: Option<u8> },
}

impl Retry {
    /// `= fixed("10s")` or `= exponential("1s", cap = "1h", jitter = 20)`
    pub(crate) fn parse(key: &Ident, input: ParseStream, errors: &mut Errors) -> syn::Result<Self> {
        let wrong = |error: Error| Error::new(error.span(), SYNTAX);
        let policy: Ident = value(key, input, SYNTAX)?;
        if !input.peek(Paren) {
            return Err(Error::new(policy.span(), SYNTAX));
        }
        let content;
        parenthesized!(content in input);
        let first: LitStr = content.parse().map_err(wrong)?;
        let first = (duration_of(&first)?, first.span());
        if !content.is_empty() {
            content.parse::<Token![,]>().map_err(wrong)?;
        }
        let rest: TokenStream = content.parse()?;
        match policy.to_string().as_str() {
            "fixed" if rest.is_empty() => Ok(Self::Fixed(first.0)),
            "fixed" => Err(Error::new_spanned(rest, "`fixed` takes nothing but the delay: write `fixed(\"10s\")`")),
            "exponential" => Self::exponential(first, rest, errors),
            _ => Err(Error::new(policy.span(), format!("there is no policy `{policy}`: {SYNTAX}"))),
        }
    }

    fn exponential(first: (Duration, Span), rest: TokenStream, errors: &mut Errors) -> syn::Result<Self> {
        let (mut cap, mut jitter) = (None, None);
        read_options(rest, errors, |key, input| match key.to_string().as_str() {
            "cap" => text(key, input).and_then(|text| set(&mut cap, key, (duration_of(&text)?, text.span()))),
            "jitter" => set(&mut jitter, key, integer(key, input, &JITTER)?),
            _ => Err(unknown(key, &["cap", "jitter"])),
        });
        let (first, span) = first;
        let (cap, span) = cap.unwrap_or((DEFAULT_CAP, span));
        if cap < first {
            return Err(Error::new(
                span,
                "the first delay is longer than the cap: write a longer `cap`, which is \"1h\" by default",
            ));
        }
        Ok(Self::Exponential { first, cap, jitter })
    }
}
