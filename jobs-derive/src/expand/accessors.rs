//! How accessors return parameters, and how setters take them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use crate::parse::type_shape::TypeShape;

/// How a parameter is returned: the type, and the expression that makes it from `place`, a field of `self`.
pub(crate) fn access(ty: &Type, place: &TokenStream) -> (TokenStream, TokenStream) {
    let shown = shown(ty);
    let value = match TypeShape::of(ty) {
        shape if shape.is_copied() => place.clone(),
        TypeShape::Optional(inner) => optional(inner, place),
        _ => quote!(&#place),
    };
    (shown, value)
}

/// How a parameter is taken: the type of the argument, and the expression that makes the field from it.
pub(crate) fn accept(ty: &Type, argument: &TokenStream) -> (TokenStream, TokenStream) {
    match TypeShape::of(ty) {
        TypeShape::Optional(inner) => {
            let (ty, value) = accept_value(inner, argument);
            (ty, quote!(::core::option::Option::Some(#value)))
        }
        _ => accept_value(ty, argument),
    }
}

fn accept_value(ty: &Type, argument: &TokenStream) -> (TokenStream, TokenStream) {
    match TypeShape::of(ty) {
        TypeShape::Owner(_) => {
            (quote!(impl ::core::convert::Into<#ty>), quote!(::core::convert::Into::into(#argument)))
        }
        _ => (ty.to_token_stream(), argument.clone()),
    }
}

fn shown(ty: &Type) -> TokenStream {
    match TypeShape::of(ty) {
        TypeShape::Copied => ty.to_token_stream(),
        TypeShape::Owner(owned) => quote!(&#owned),
        TypeShape::Optional(inner) => {
            let inner = shown(inner);
            quote!(::core::option::Option<#inner>)
        }
        TypeShape::Whole => quote!(&#ty),
    }
}

/// The expression that makes the returned `Option` from a place that holds an `Option` of the type.
fn optional(inner: &Type, place: &TokenStream) -> TokenStream {
    match TypeShape::of(inner) {
        TypeShape::Owner(_) => quote!(#place.as_deref()),
        TypeShape::Optional(nested) => {
            let value = optional(nested, &quote!(value));
            quote!(#place.as_ref().map(|value| #value))
        }
        TypeShape::Copied | TypeShape::Whole => quote!(#place.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_of(ty: &str) -> Type {
        syn::parse_str(ty).unwrap()
    }

    fn text(tokens: &TokenStream) -> String {
        tokens.to_string().replace(' ', "").replace("::core::option::", "").replace("::core::convert::", "")
    }

    #[test]
    fn accessors_hand_out_what_one_would_write_by_hand() {
        for (ty, shown, value) in [
            ("u32", "u32", "self.x"),
            ("bool", "bool", "self.x"),
            ("String", "&str", "&self.x"),
            ("std::string::String", "&str", "&self.x"),
            ("Box<str>", "&str", "&self.x"),
            ("PathBuf", "&::std::path::Path", "&self.x"),
            ("Vec<u8>", "&[u8]", "&self.x"),
            ("Box<[u8]>", "&[u8]", "&self.x"),
            ("Option<u32>", "Option<u32>", "self.x"),
            ("Option<String>", "Option<&str>", "self.x.as_deref()"),
            ("Option<Vec<String>>", "Option<&[String]>", "self.x.as_deref()"),
            ("Option<Url>", "Option<&Url>", "self.x.as_ref()"),
            ("Option<Option<u32>>", "Option<Option<u32>>", "self.x"),
            ("Option<Option<String>>", "Option<Option<&str>>", "self.x.as_ref().map(|value|value.as_deref())"),
            ("Option<Option<Url>>", "Option<Option<&Url>>", "self.x.as_ref().map(|value|value.as_ref())"),
            ("HashMap<String, u32>", "&HashMap<String,u32>", "&self.x"),
            ("Box<Url>", "&Box<Url>", "&self.x"),
            ("[u8; 4]", "&[u8;4]", "&self.x"),
            ("()", "&()", "&self.x"),
            ("<A as B>::String", "&<AasB>::String", "&self.x"),
        ] {
            let (is_shown, is_value) = access(&type_of(ty), &quote!(self.x));
            assert_eq!((text(&is_shown).as_str(), text(&is_value).as_str()), (shown, value), "{ty}");
        }
    }

    #[test]
    fn setters_take_what_one_would_like_to_pass() {
        for (ty, argument, value) in [
            ("u32", "u32", "x"),
            ("Url", "Url", "x"),
            ("String", "implInto<String>", "Into::into(x)"),
            ("PathBuf", "implInto<PathBuf>", "Into::into(x)"),
            ("Box<str>", "implInto<Box<str>>", "Into::into(x)"),
            ("Vec<u8>", "implInto<Vec<u8>>", "Into::into(x)"),
            ("Option<u32>", "u32", "Option::Some(x)"),
            ("Option<String>", "implInto<String>", "Option::Some(Into::into(x))"),
            ("Option<Option<u32>>", "Option<u32>", "Option::Some(x)"),
        ] {
            let (is_argument, is_value) = accept(&type_of(ty), &quote!(x));
            assert_eq!((text(&is_argument).as_str(), text(&is_value).as_str()), (argument, value), "{ty}");
        }
    }
}
