//! Lists of options, as they stand between the parentheses of an attribute: `key = value, …`.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{End, Parse, ParseStream, Parser};
use syn::{Attribute, Error, Ident, Meta, Token};

use crate::errors::Errors;

/// Reads `key = value, …`. One bad option doesn't hide the next.
pub(crate) fn read_options(
    tokens: TokenStream,
    errors: &mut Errors,
    mut option: impl FnMut(&Ident, ParseStream) -> syn::Result<()>,
) {
    let read = |input: ParseStream| {
        while !input.is_empty() {
            let read = Ident::parse_any(input).and_then(|key| option(&key, input));
            let read = read.and_then(|()| comma(input));
            if let Err(error) = read {
                errors.push(error);
                skip_option(input);
            }
        }
        Ok(())
    };
    let read = read.parse2(tokens);
    read.expect("reads to the end, and keeps errors to itself");
}

/// The tokens between the parentheses of an attribute.
pub(crate) fn arguments(attribute: &Attribute, example: &str) -> syn::Result<TokenStream> {
    match &attribute.meta {
        Meta::List(list) if !list.tokens.is_empty() => Ok(list.tokens.clone()),
        meta => Err(Error::new_spanned(meta, format!("there is no option here: write `{example}`"))),
    }
}

/// `= value`
pub(crate) fn value<T: Parse>(key: &Ident, input: ParseStream, expected: &str) -> syn::Result<T> {
    // The end of the options has no span that could be shown.
    let nothing = !input.peek(Token![=]) || input.peek2(End);
    let value = input.parse::<Token![=]>().and_then(|_| input.parse());
    value.map_err(|error| Error::new(if nothing { key.span() } else { error.span() }, expected))
}

/// Sets an option, unless it is set already.
pub(crate) fn set<T>(place: &mut Option<T>, key: &Ident, value: T) -> syn::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(key.span(), format!("`{key}` is given twice: keep one of them"))),
    }
}

/// The error for a key that isn't known, with the known key that is most like it.
pub(crate) fn unknown(key: &Ident, known: &[&str]) -> Error {
    unknown_of("option", key, known)
}

/// The error for the name of an option or a parameter that isn't known, with the known name that is most like it.
pub(crate) fn unknown_of(what: &str, name: &Ident, known: &[&str]) -> Error {
    let quoted = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>();
    let all = match quoted.as_slice() {
        [only] => format!("only {what} is {only}"),
        [others @ .., last] => format!("{what}s are {} and {last}", others.join(", ")),
        [] => format!("job has no {what}s"),
    };
    let message = match suggestion(&name.to_string(), known) {
        Some(suggestion) => format!("unknown {what} `{name}`: did you mean `{suggestion}`? The {all}"),
        None => format!("unknown {what} `{name}`: the {all}"),
    };
    Error::new(name.span(), message)
}

/// The known word that is most like this one, if it is like it at all.
pub(crate) fn suggestion<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let nearest = known.iter().copied().min_by_key(|known| distance(written, known))?;
    (distance(written, nearest) <= 1 + written.len() / 4).then_some(nearest)
}

fn comma(input: ParseStream) -> syn::Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    let comma = input.parse::<Token![,]>();
    comma.map(drop).map_err(|error| Error::new(error.span(), "expected a comma between options"))
}

fn skip_option(input: ParseStream) {
    let mut comma = false;
    while !comma && !input.is_empty() {
        comma = input.peek(Token![,]);
        let token = input.parse::<TokenTree>();
        token.expect("the input is not empty");
    }
}

/// The Levenshtein distance: how many letters to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, from) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (column, to) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
