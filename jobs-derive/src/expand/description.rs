//! What people are told of a job and its parameters: documentation, types and defaults, as they are written.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, DeriveInput, Meta};

use crate::expand::written::written;
use crate::parse::attributes::docs;
use crate::parse::field::{Default, Field};
use crate::parse::param::ParamDefault;

/// The value of `JobParams::DESCRIPTION`.
pub(crate) fn description(item: &DeriveInput, fields: &[Field], private: &TokenStream) -> TokenStream {
    let docs = text(&docs(&item.attrs)).unwrap_or_else(|| quote!(""));
    let parameters = fields.iter().filter_map(|field| parameter(field, private));
    let is_open = fields.iter().any(|field| field.serde.flatten);
    let others = is_open.then(|| quote!(.with_others()));
    quote!(#private::Description::new(#docs, &[#(#parameters),*]) #others)
}

/// The parameter, if a value of it can be given.
fn parameter(field: &Field, private: &TokenStream) -> Option<TokenStream> {
    let names = field.names_read();
    names.first()?;
    let ty = written(field.ty.to_token_stream());
    let docs = text(&field.docs).map(|docs| quote!(.docs(#docs)));
    let secret = field.param.secret.as_ref().map(|_| quote!(.secret()));
    let default = field.default().map(|default| match default_text(field, &default) {
        Some(text) if secret.is_none() => quote!(.default(#text)),
        _ => quote!(.optional()),
    });
    let converted = field.serde.converted.as_ref().map(|_| quote!(.converted()));
    Some(quote!(#private::Parameter::new(&[#(#names),*], #ty) #docs #default #secret #converted))
}

/// The default as it is written, if it tells more than that there is one.
fn default_text(field: &Field, default: &Default) -> Option<String> {
    match default {
        Default::Function => match &field.param.default {
            Some(ParamDefault::Value(_, value)) => Some(written(value.to_token_stream())),
            _ => None,
        },
        Default::Type => of_type(&written(field.ty.to_token_stream())).map(str::to_owned),
        Default::Path(path) => Some(format!("{}()", written(path.to_token_stream()))),
        Default::Container => Some(format!("Default::default().{}", field.ident)),
        Default::ContainerPath(path) => Some(format!("{}().{}", written(path.to_token_stream()), field.ident)),
        Default::None => None,
    }
}

/// The `Default` of the types that people know best.
fn of_type(ty: &str) -> Option<&'static str> {
    match ty {
        "bool" => Some("false"),
        "String" => Some("\"\""),
        "f32" | "f64" => Some("0.0"),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => Some("0"),
        _ => None,
    }
}

/// The documentation: its lines, each a text or a macro that returns one.
fn text(docs: &[Attribute]) -> Option<TokenStream> {
    let lines: Vec<_> = docs
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(doc) => Some(&doc.value),
            _ => None,
        })
        .collect();
    (!lines.is_empty()).then(|| quote!(::core::concat!(#(#lines, "\n"),*)))
}
