//! The struct that holds the parameters: serde's derives, `new`, accessors, setters and `JobParams`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::expand::accessors::{accept, access};
use crate::expand::description::description;
use crate::expand::fields::{default_function, default_value};
use crate::expand::secrets;
use crate::parse::field::Field;

/// The struct with all that belongs to its parameters. Only the usable fields have accessors and setters.
pub(crate) fn expand(item: &DeriveInput, fields: &[Field], usable: &[&Field], private: &TokenStream) -> TokenStream {
    let functions = functions(item, fields, usable);
    let debug = secrets::debug(item, fields, private);
    let secrets = secrets::names(fields);
    let description = description(item, fields, private);
    let job = &item.ident;
    let names = fields.iter().filter_map(Field::json_name);
    let serde = quote!(#private::serde).to_string().replace(' ', "");
    quote! {
        #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
        #[serde(crate = #serde)]
        #item

        #functions

        #[automatically_derived]
        impl #private::JobParams for #job {
            const PARAMETERS: &'static [&'static str] = &[#(#names),*];
            #secrets
            const DESCRIPTION: #private::Description = #description;
        }

        #debug
    }
}

fn functions(item: &DeriveInput, fields: &[Field], usable: &[&Field]) -> TokenStream {
    let job = &item.ident;
    let new = new(item, fields);
    let accessors = usable.iter().map(|field| accessor(field, item));
    let setters = usable.iter().filter(|field| !field.serde.skip).map(|field| setter(field, item));
    let defaults = fields.iter().filter_map(default_function);
    quote! {
        #[automatically_derived]
        #[allow(dead_code, clippy::new_without_default, clippy::too_many_arguments)]
        impl #job {
            #new
            #(#accessors)*
            #(#setters)*
            #(#defaults)*
        }
    }
}

fn new(item: &DeriveInput, fields: &[Field]) -> TokenStream {
    let visibility = &item.vis;
    let document = format!(" A `{}` with what it requires; the other parameters have their defaults.", item.ident);
    let required = fields.iter().filter(|field| field.default().is_none());
    let arguments = required.map(|Field { ident, ty, .. }| {
        let (ty, _) = accept(ty, &quote!(#ident));
        quote!(#ident: #ty)
    });
    let values = fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let value = default_value(field).unwrap_or_else(|| accept(ty, &quote!(#ident)).1);
        quote!(#ident: #value)
    });
    quote! {
        #[doc = #document]
        #[must_use]
        #visibility fn new(#(#arguments),*) -> Self {
            Self { #(#values),* }
        }
    }
}

fn accessor(field: &Field, item: &DeriveInput) -> TokenStream {
    let (visibility, ident) = (&item.vis, &field.ident);
    let docs = documentation(field, "The parameter");
    let (ty, value) = access(&field.ty, &quote!(self.#ident));
    quote! {
        #docs
        #[must_use]
        #visibility fn #ident(&self) -> #ty {
            #value
        }
    }
}

fn setter(field: &Field, item: &DeriveInput) -> TokenStream {
    let (visibility, ident, setter) = (&item.vis, &field.ident, field.setter());
    let docs = documentation(field, "Sets the parameter");
    let (ty, value) = accept(&field.ty, &quote!(#ident));
    quote! {
        #docs
        #[must_use]
        #visibility fn #setter(mut self, #ident: #ty) -> Self {
            self.#ident = #value;
            self
        }
    }
}

/// The field's documentation, or a line in its place.
fn documentation(field: &Field, otherwise: &str) -> TokenStream {
    let docs = &field.docs;
    let otherwise = docs.is_empty().then(|| {
        let document = format!(" {otherwise} `{}`.", field.ident);
        quote!(#[doc = #document])
    });
    quote!(#(#docs)* #otherwise)
}
