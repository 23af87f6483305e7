//! The option `unique`: which jobs count as the same, and for how long.

use std::time::Duration;

use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{Error, Ident, Token, parenthesized};

use crate::errors::Errors;
use crate::parse::literals::{duration, text};
use crate::parse::option_list::{read_options, set, unknown};

const KNOWN: [&str; 4] = ["by", "while", "within", "on_conflict"];
const WHILE: &str = "write `while(scheduled)` or `while(scheduled, running)`";
const BY: &str = "write the parameters that count: `by(file, width)`";

/// The options of `unique`.
#[derive(Default)]
pub(crate) struct Unique {
    /// The parameters that count; all of them if not given.
    pub(crate) by: Option<Vec<Ident>>,
    /// Whether the key is held only until the job starts.
    pub(crate) ends_with_start: Option<bool>,
    pub(crate) within: Option<Duration>,
    /// A variant of `OnConflict`.
    pub(crate) on_conflict: Option<&'static str>,
}

impl Unique {
    /// Nothing, or `(by(file), while(scheduled), within = "1h", on_conflict = "replace")`
    pub(crate) fn parse(key: &Ident, input: ParseStream, errors: &mut Errors) -> syn::Result<Self> {
        let mut unique = Self::default();
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(unique);
        }
        if !input.peek(Paren) {
            return Err(Error::new(key.span(), "write `unique`, or `unique(by(file), within = \"1h\")`"));
        }
        let content;
        parenthesized!(content in input);
        read_options(content.parse()?, errors, |key, input| unique.option(key, input));
        Ok(unique)
    }

    fn option(&mut self, key: &Ident, input: ParseStream) -> syn::Result<()> {
        match key.to_string().as_str() {
            "by" => set(&mut self.by, key, names(key, input, BY)?),
            "while" => set(&mut self.ends_with_start, key, ends_with_start(key, input)?),
            "within" => set(&mut self.within, key, duration(key, input)?),
            "on_conflict" => set(&mut self.on_conflict, key, on_conflict(key, input)?),
            _ => Err(unknown(key, &KNOWN)),
        }
    }
}

/// `= "replace"`, as the variant of `OnConflict`.
fn on_conflict(key: &Ident, input: ParseStream) -> syn::Result<&'static str> {
    let choice = text(key, input)?;
    match choice.value().as_str() {
        "use_existing" => Ok("UseExisting"),
        "fail" => Ok("Fail"),
        "replace" => Ok("Replace"),
        _ => Err(Error::new(choice.span(), "the choices are \"use_existing\", \"fail\" and \"replace\"")),
    }
}

/// `(name, …)`
pub(crate) fn names(key: &Ident, input: ParseStream, expected: &str) -> syn::Result<Vec<Ident>> {
    if !input.peek(Paren) {
        return Err(Error::new(key.span(), expected));
    }
    let content;
    let parentheses = parenthesized!(content in input);
    // All of the content is read, whatever it is: otherwise, the rest would be another error.
    let names = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(content.parse()?);
    let names = names.map_err(|error| Error::new(error.span(), expected))?;
    if names.is_empty() {
        return Err(Error::new(parentheses.span.join(), expected));
    }
    Ok(names.into_iter().collect())
}

/// Whether `while(…)` says that the key is released when the job starts. `running` alone is refused: a job is scheduled before it runs.
fn ends_with_start(key: &Ident, input: ParseStream) -> syn::Result<bool> {
    let names = names(key, input, WHILE)?;
    let written: Vec<_> = names.iter().map(ToString::to_string).collect();
    match written.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["scheduled"] => Ok(true),
        ["scheduled", "running"] | ["running", "scheduled"] => Ok(false),
        _ => Err(Error::new(names[0].span(), WHILE)),
    }
}
