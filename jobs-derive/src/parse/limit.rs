//! The option `limit`: how many jobs of a definition run at once, or of those with the same parameters.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{Error, Ident, parenthesized};

use crate::errors::Errors;
use crate::parse::limits::RUNNING;
use crate::parse::literals::integer;
use crate::parse::option_list::{read_options, set, unknown};
use crate::parse::unique::names;

const KNOWN: [&str; 2] = ["by", "running"];
const SYNTAX: &str = "write `limit(running = 3)`, or `limit(by(account), running = 3)`";
const BY: &str = "write the parameters whose values are counted: `by(account, region)`";

/// One `limit`.
#[derive(Default)]
pub(crate) struct Limit {
    /// The parameters for each of whose values it holds; if not given, it holds for all jobs of the definition.
    pub(crate) by: Option<Vec<Ident>>,
    pub(crate) running: Option<u32>,
}

/// The limits of a definition: at most one of each kind.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) all: Option<Limit>,
    pub(crate) each: Option<Limit>,
}

impl Limits {
    /// `(running = 50)` or `(by(account), running = 3)`
    pub(crate) fn add(&mut self, key: &Ident, input: ParseStream, errors: &mut Errors) -> syn::Result<()> {
        let limit = Limit::parse(key, input, errors)?;
        let (place, message) = match limit.by {
            None => (&mut self.all, "two limits without `by`: keep one of them"),
            Some(_) => (&mut self.each, "two limits with `by`: keep one of them"),
        };
        match place.replace(limit) {
            None => Ok(()),
            Some(_) => Err(Error::new(key.span(), message)),
        }
    }
}

impl Limit {
    fn parse(key: &Ident, input: ParseStream, errors: &mut Errors) -> syn::Result<Self> {
        let syntax = || Error::new(key.span(), SYNTAX);
        if !input.peek(Paren) {
            return Err(syntax());
        }
        let content;
        parenthesized!(content in input);
        let begins_with_option = content.peek(Ident::peek_any);
        let options: TokenStream = content.parse()?;
        if !begins_with_option {
            return Err(syntax());
        }
        let mut limit = Self::default();
        let mut mistakes = Errors::default();
        read_options(options, &mut mistakes, |key, input| limit.option(key, input));
        if limit.running.is_none() && mistakes.is_empty() {
            mistakes.push(Error::new(key.span(), format!("how many jobs run at once? {SYNTAX}")));
        }
        errors.extend(mistakes);
        Ok(limit)
    }

    fn option(&mut self, key: &Ident, input: ParseStream) -> syn::Result<()> {
        match key.to_string().as_str() {
            "by" => match by(key, input) {
                Ok(names) => set(&mut self.by, key, names),
                Err(error) => {
                    // It is still a limit with `by`.
                    self.by.get_or_insert_default();
                    Err(error)
                }
            },
            "running" => set(&mut self.running, key, integer(key, input, &RUNNING)?),
            _ => Err(unknown(key, &KNOWN)),
        }
    }
}

/// `(account, region)`, each once.
fn by(key: &Ident, input: ParseStream) -> syn::Result<Vec<Ident>> {
    let names = names(key, input, BY)?;
    let is_repeated = |place: &usize| names[..*place].iter().any(|other| other.unraw() == names[*place].unraw());
    match (0..names.len()).find(is_repeated).map(|place| &names[place]) {
        Some(name) => Err(Error::new(name.span(), format!("`{name}` is given twice: keep one of them"))),
        None => Ok(names),
    }
}
