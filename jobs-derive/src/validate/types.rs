use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Error, GenericArgument, PathArguments, PathSegment, Type, parse_quote};

use crate::validate::derives;

const PRIMITIVES: [&str; 16] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

/// How a value of a type is handed out and taken in. Types are known by how they are written.
pub(crate) enum Kind<'a> {
    /// A primitive: handed out by value.
    Copied,
    /// An owner: handed out as what it owns, taken in as anything that it can be made of.
    Owner(TokenStream),
    /// An `Option` of a type.
    Optional(&'a Type),
    /// Any other type: handed out by reference.
    Whole,
}

impl<'a> Kind<'a> {
    pub(crate) fn of(ty: &'a Type) -> Self {
        let Some(last) = last_segment(ty) else { return Self::Whole };
        let name = last.ident.to_string();
        match (name.as_str(), argument(last)) {
            (primitive, None) if PRIMITIVES.contains(&primitive) => Self::Copied,
            ("String", None) => Self::Owner(quote!(str)),
            ("PathBuf", None) => Self::Owner(quote!(::std::path::Path)),
            ("Vec", Some(item)) => Self::Owner(quote!([#item])),
            ("Box", Some(Type::Slice(slice))) => Self::Owner(slice.to_token_stream()),
            ("Box", Some(text)) if last_segment(text).is_some_and(|text| text.ident == "str") => {
                Self::Owner(quote!(str))
            }
            ("Option", Some(inner)) => Self::Optional(inner),
            _ => Self::Whole,
        }
    }

    pub(crate) fn is_copied(&self) -> bool {
        match self {
            Self::Copied => true,
            Self::Optional(inner) => Kind::of(inner).is_copied(),
            Self::Owner(_) | Self::Whole => false,
        }
    }
}

/// Refuses what can't be read from the database: borrowed values, trait objects, functions, and types without a name.
pub(crate) fn check_owned(ty: &Type) -> syn::Result<()> {
    find(ty.to_token_stream()).map_or(Ok(()), |(span, message)| Err(Error::new(span, message)))
}

/// A type to go on with after `check_owned` refused this one; the owned type that was meant, where that is clear.
pub(crate) fn owned(ty: &Type) -> Type {
    let Type::Reference(reference) = ty else { return parse_quote!(::std::string::String) };
    match &*reference.elem {
        Type::Slice(slice) => {
            let item = &slice.elem;
            parse_quote!(::std::vec::Vec<#item>)
        }
        Type::Path(path) if derives::is(&path.path, "Path") => parse_quote!(::std::path::PathBuf),
        Type::Path(path) if !path.path.is_ident("str") => (*reference.elem).clone(),
        _ => parse_quote!(::std::string::String),
    }
}

const BORROWED: &str = "a parameter is an owned value, because it is read from the database: write `String`, `Vec<T>`, \
                        `PathBuf` or another owned type";
const NO_DATA: &str = "a parameter is data, which can be stored: write an enum of the cases instead";
const NO_NAME: &str = "a parameter has one type, with a name: write it in place of `impl …`";

/// The first token that no parameter's type has, and why.
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

/// Where a type has a `HashSet`.
pub(crate) fn hash_set(ty: &Type) -> Option<Span> {
    find_hash_set(ty.to_token_stream())
}

fn find_hash_set(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "HashSet" => Some(ident.span()),
        TokenTree::Group(group) => find_hash_set(group.stream()),
        _ => None,
    })
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        // What `$field:ty` of a `macro_rules!` becomes.
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// The one generic argument.
fn argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(only)) if arguments.args.len() == 1 => Some(only),
        _ => None,
    }
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
    fn the_owned_type_is_the_one_that_was_meant() {
        for (ty, meant) in [
            ("&str", "::std::string::String"),
            ("&'a [u8]", "::std::vec::Vec<u8>"),
            ("&std::path::Path", "::std::path::PathBuf"),
            ("&Url", "Url"),
            ("Option<&str>", "::std::string::String"),
        ] {
            let is_meant = owned(&syn::parse_str(ty).unwrap()).to_token_stream().to_string();
            assert_eq!(is_meant.replace(' ', ""), meant, "{ty}");
        }
    }
}
