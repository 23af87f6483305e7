//! Refuses types whose values can't be stored, and finds what was meant instead.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Type, parse_quote};

use crate::parse::attributes::is_named;

/// Refuses types that can't be read from the database: borrowed values, trait objects, functions, and types without a name.
pub(crate) fn check_owned(ty: &Type) -> syn::Result<()> {
    find(ty.to_token_stream()).map_or(Ok(()), |(span, message)| Err(Error::new(span, message)))
}

/// The type to continue with after `check_owned` refused this one: the owned type that was meant, if that is clear.
pub(crate) fn owned(ty: &Type) -> Type {
    let Type::Reference(reference) = ty else { return parse_quote!(::std::string::String) };
    match &*reference.elem {
        Type::Slice(slice) => {
            let item = &slice.elem;
            parse_quote!(::std::vec::Vec<#item>)
        }
        Type::Path(path) if is_named(&path.path, "Path") => parse_quote!(::std::path::PathBuf),
        Type::Path(path) if !path.path.is_ident("str") => (*reference.elem).clone(),
        _ => parse_quote!(::std::string::String),
    }
}

const BORROWED: &str = "a parameter is an owned value, because it is read from the database: write `String`, `Vec<T>`, \
                        `PathBuf` or another owned type";
const NO_DATA: &str = "a parameter is data, which can be stored: write an enum of the cases instead";
const NO_NAME: &str = "a parameter has one type, with a name: write it in place of `impl …`";

/// The first token that can't be part of a parameter's type, and why.
fn find(tokens: TokenStream) -> Option<(Span, &'static str)> {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let of_static = matches!(tokens.peek(), Some(TokenTree::Ident(ident)) if ident == "static");
        let found = match token {
            TokenTree::Punct(punct) if punct.as_char() == '&' => Some((punct.span(), BORROWED)),
            TokenTree::Punct(punct) if punct.as_char() == '\'' && !of_static => Some((punct.span(), BORROWED)),
            TokenTree::Ident(ident) if ident == "dyn" || ident == "fn" => Some((ident.span(), NO_DATA)),
            TokenTree::Ident(ident) if ident == "impl" => Some((ident.span(), NO_NAME)),
            TokenTree::Group(group) => find(group.stream()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The span of a `HashSet` in a type.
pub(crate) fn hash_set(ty: &Type) -> Option<Span> {
    find_name(ty.to_token_stream(), &["HashSet"])
}

/// The span of a number with a fraction in a type.
pub(crate) fn float(ty: &Type) -> Option<Span> {
    find_name(ty.to_token_stream(), &["f32", "f64"])
}

fn find_name(tokens: TokenStream, names: &[&str]) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if names.iter().any(|name| ident == name) => Some(ident.span()),
        TokenTree::Group(group) => find_name(group.stream(), names),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_from_a_database_is_refused() {
        for (ty, message) in [
            ("&str", BORROWED),
            ("Option<&'static str>", BORROWED),
            ("Cow<'_, str>", BORROWED),
            ("(u8, &[u8])", BORROWED),
            ("Box<dyn Error>", NO_DATA),
            ("fn(u8) -> u8", NO_DATA),
            ("impl Into<String>", NO_NAME),
        ] {
            let error = check_owned(&syn::parse_str(ty).unwrap()).unwrap_err();
            assert_eq!(error.to_string(), message, "{ty}");
        }
        for ty in ["String", "Vec<(u8, Url)>", "Cow<'static, str>", "[u8; 2 * N]", "r#fn"] {
            assert!(check_owned(&syn::parse_str(ty).unwrap()).is_ok(), "{ty}");
        }
    }

    #[test]
    fn a_float_is_found_wherever_it_is() {
        for ty in ["f32", "Option<f64>", "Vec<(u8, [std::primitive::f64; 2])>", "HashMap<String, f32>"] {
            assert!(float(&syn::parse_str(ty).unwrap()).is_some(), "{ty}");
        }
        assert!(float(&syn::parse_str("Option<u64>").unwrap()).is_none());
    }

    #[test]
    fn the_owned_type_is_the_one_that_was_meant() {
        for (ty, expected) in [
            ("&str", "::std::string::String"),
            ("&'a [u8]", "::std::vec::Vec<u8>"),
            ("&std::path::Path", "::std::path::PathBuf"),
            ("&Url", "Url"),
            ("Option<&str>", "::std::string::String"),
        ] {
            let meant = owned(&syn::parse_str(ty).unwrap()).to_token_stream().to_string();
            assert_eq!(meant.replace(' ', ""), expected, "{ty}");
        }
    }
}
