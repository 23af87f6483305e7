use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{Error, Field, Fields, Ident, Token, parenthesized};

use crate::duration::{self, duration};
use crate::errors::Errors;
use crate::literals::text;
use crate::option_list::{read_options, set, unknown};
use crate::types;

const KNOWN: [&str; 4] = ["by", "while", "within", "on_conflict"];
const WHILE: &str = "write `while(scheduled)` or `while(scheduled, running)`";
const UNORDERED: &str = "equal sets come in any order, and would not be the same key: write `BTreeSet`, or say which parameters count: \
                         `unique(by(…))`";
const BY: &str = "write the parameters that count: `by(file, width)`";

/// What `unique` and `unique(…)` say.
#[derive(Default)]
pub(crate) struct Unique {
    /// The parameters that count; all where it is not said.
    by: Option<Vec<Ident>>,
    ends_with_start: Option<bool>,
    within: Option<Duration>,
    on_conflict: Option<&'static str>,
}

impl Unique {
    /// Nothing more, or `(by(file), while(scheduled), within = "1h", on_conflict = "replace")`
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
            "within" => set(&mut self.within, key, duration(&text(key, input)?)?),
            "on_conflict" => {
                let choice = text(key, input)?;
                let variant = match choice.value().as_str() {
                    "use_existing" => "UseExisting",
                    "fail" => "Fail",
                    "replace" => "Replace",
                    _ => {
                        return Err(Error::new(
                            choice.span(),
                            "the choices are \"use_existing\", \"fail\" and \"replace\"",
                        ));
                    }
                };
                set(&mut self.on_conflict, key, variant)
            }
            _ => Err(unknown(key, &KNOWN)),
        }
    }

    /// Refuses parameters that are part of the key and come in another order each time.
    pub(crate) fn check(&self, fields: &Fields, errors: &mut Errors) {
        let counts = |field: &&Field| {
            let name = field.ident.as_ref();
            self.by.as_ref().is_none_or(|by| by.iter().any(|one| Some(one) == name))
        };
        for field in fields.iter().filter(counts) {
            if let Some(set) = types::hash_set(&field.ty) {
                errors.push(Error::new(set, UNORDERED));
            }
        }
    }

    /// What the definition's defaults say of it.
    pub(crate) fn expression(&self, private: &TokenStream) -> TokenStream {
        let holds =
            (self.ends_with_start == Some(true)).then(|| quote!(.unique_while(#private::UniqueWhile::Scheduled)));
        let within = self.within.map(duration::expression).map(|within| quote!(.within(#within)));
        let on_conflict = self.on_conflict.map(|variant| {
            let variant = Ident::new(variant, proc_macro2::Span::call_site());
            quote!(.on_conflict(#private::OnConflict::#variant))
        });
        quote!(#private::Unique::new() #holds #within #on_conflict)
    }

    /// `Job::unique_values`, unless all parameters count.
    pub(crate) fn values(&self, private: &TokenStream) -> Option<TokenStream> {
        let values = self.by.as_ref()?.iter().map(|field| {
            let name = field.unraw().to_string();
            quote!((#name, #private::to_value(#name, &self.#field)?))
        });
        Some(quote! {
            fn unique_values(&self) -> ::core::result::Result<#private::Value, #private::Error> {
                ::core::result::Result::Ok(::core::iter::IntoIterator::into_iter([#(#values),*]).collect())
            }
        })
    }
}

/// `(name, …)`
fn names(key: &Ident, input: ParseStream, expected: &str) -> syn::Result<Vec<Ident>> {
    if !input.peek(Paren) {
        return Err(Error::new(key.span(), expected));
    }
    let content;
    let parentheses = parenthesized!(content in input);
    // All of it, whatever it is: what is left over would be an error of its own.
    let names = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(content.parse()?);
    let names = names.map_err(|error| Error::new(error.span(), expected))?;
    if names.is_empty() {
        return Err(Error::new(parentheses.span.join(), expected));
    }
    Ok(names.into_iter().collect())
}

/// A job can't be kept from running by another one that runs: it was scheduled before.
fn ends_with_start(key: &Ident, input: ParseStream) -> syn::Result<bool> {
    let names = names(key, input, WHILE)?;
    let written: Vec<_> = names.iter().map(ToString::to_string).collect();
    match written.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["scheduled"] => Ok(true),
        ["scheduled", "running"] | ["running", "scheduled"] => Ok(false),
        _ => Err(Error::new(names[0].span(), WHILE)),
    }
}
