//! Secrets: their names in `JobParams`, and a `Debug` that redacts them.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::DeriveInput;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::parse::field::Field;

/// `JobParams::SECRETS`, if there are any.
pub(crate) fn names(fields: &[Field]) -> Option<TokenStream> {
    let mut names = fields.iter().filter(|field| field.param.secret.is_some()).flat_map(Field::names).peekable();
    names.peek()?;
    Some(quote!(const SECRETS: &'static [&'static str] = &[#(#names),*];))
}

/// `Debug` for a struct with secrets. It is always written, because a macro can't see a derive above itself: that one does not
/// compile beside this one.
pub(crate) fn debug(item: &DeriveInput, fields: &[Field], private: &TokenStream) -> Option<TokenStream> {
    let secret = fields.iter().find_map(|field| field.param.secret.as_ref())?;
    let job = &item.ident;
    let name = job.unraw().to_string();
    let fields = fields.iter().map(|Field { ident, ty, param, .. }| {
        let name = ident.unraw().to_string();
        let span = Span::call_site().located_at(ty.span());
        let value =
            if param.secret.is_some() { quote!(&#private::HIDDEN) } else { quote_spanned!(span=> &self.#ident) };
        quote!(.field(#name, #value))
    });
    Some(quote_spanned! {Span::call_site().located_at(secret.span())=>
        #[automatically_derived]
        impl ::core::fmt::Debug for #job {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name) #(#fields)* .finish()
            }
        }
    })
}
