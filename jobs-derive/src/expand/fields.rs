//! The defaults of fields, for `new` and for serde.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, parse_quote};

use crate::parse::field::{Default, Field};
use crate::parse::param::ParamDefault;
use crate::parse::type_shape::TypeShape;

/// The expression that `new` fills in, unless the field is one of its arguments.
pub(crate) fn default_value(field: &Field) -> Option<TokenStream> {
    let (ident, function) = (&field.ident, field.default_function());
    Some(match field.default()? {
        Default::Function => quote!(Self::#function()),
        Default::Type => quote!(::core::default::Default::default()),
        Default::Path(path) => quote!(#path()),
        Default::Container => quote!(<Self as ::core::default::Default>::default().#ident),
        Default::ContainerPath(path) => quote!(#path().#ident),
        Default::None => quote!(::core::option::Option::None),
    })
}

/// The function that returns the value of `#[param(default = …)]`.
pub(crate) fn default_function(field: &Field) -> Option<TokenStream> {
    let (name, ty) = (field.default_function(), &field.ty);
    let body = match field.param.default.as_ref()? {
        ParamDefault::OfType(_) => return None,
        ParamDefault::Unreadable => quote!(::core::unimplemented!()),
        ParamDefault::Value(_, Expr::Lit(ExprLit { lit: Lit::Str(text), .. }))
            if matches!(TypeShape::of(ty), TypeShape::Owner(_)) =>
        {
            quote!(::core::convert::Into::into(#text))
        }
        ParamDefault::Value(_, value) => quote!(#value),
    };
    Some(quote! {
        #[allow(clippy::unnecessary_wraps)]
        fn #name() -> #ty {
            #body
        }
    })
}

/// The attribute that gives serde the same default as `new`, unless it has that already.
pub(crate) fn serde_default(field: &Field, job: &Ident) -> Option<Attribute> {
    if field.serde.default.is_some() {
        return None;
    }
    match field.default()? {
        Default::Function => {
            let path = format!("{job}::{}", field.default_function());
            Some(parse_quote!(#[serde(default = #path)]))
        }
        Default::Type if field.param.default.is_some() => Some(parse_quote!(#[serde(default)])),
        // With `#[serde(with = …)]`, serde would require even an `Option`.
        Default::None if !field.serde.flatten => Some(parse_quote!(#[serde(default)])),
        _ => None,
    }
}
