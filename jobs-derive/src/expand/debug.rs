use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Error, Ident, Meta};

use crate::errors::Errors;
use crate::parse::fields::Field;
use crate::parse::serde_attributes::{SerdeContainer, SerdeField};
use crate::validate::derives;

/// Refuses a secret whose names in the database can't be known here.
pub(crate) fn check(
    secret: &Ident,
    serde: &SerdeField,
    container: &SerdeContainer,
    attributes: &[Attribute],
) -> syn::Result<()> {
    let reason = if serde.flatten {
        "a flattened field has the names of its own type: remove `flatten`"
    } else if let Some(option) = &container.converted {
        &format!("with `#[serde({option})]` other values than these fields are stored: remove it")
    } else if attributes.iter().any(|attribute| is_conditional(attribute, &["serde"])) {
        "its `#[serde(…)]` depends on `cfg_attr`: write it without"
    } else {
        return Ok(());
    };
    Err(Error::new(secret.span(), format!("the name of a secret parameter must be known: {reason}")))
}

/// `JobParams::SECRETS`, if there are any.
pub(crate) fn names(fields: &[Field]) -> Option<TokenStream> {
    let mut names = fields.iter().filter(|field| field.secret.is_some()).flat_map(|field| &field.names).peekable();
    names.peek()?;
    Some(quote!(const SECRETS: &'static [&'static str] = &[#(#names),*];))
}

/// `Debug` for a struct with secrets. There is always one, because one that is derived above our macro can't be seen from here:
/// it does not compile beside this one.
pub(crate) fn debug(
    item: &mut DeriveInput,
    fields: &[Field],
    private: &TokenStream,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let secret = fields.iter().find_map(|field| field.secret.as_ref())?;
    derives::refuse_debug(&mut item.attrs, errors);
    if item.attrs.iter().any(|attribute| is_conditional(attribute, &["serde", "derive"])) {
        let message = "beside a secret parameter the struct's `#[serde(…)]` and `#[derive(…)]` must be known: write them \
                       without `cfg_attr`";
        errors.push(Error::new(secret.span(), message));
    }
    let job = &item.ident;
    let name = job.unraw().to_string();
    let fields = fields.iter().map(|Field { ident, ty, secret, .. }| {
        let name = ident.unraw().to_string();
        let span = Span::call_site().located_at(ty.span());
        let value = if secret.is_some() { quote!(&#private::HIDDEN) } else { quote_spanned!(span=> &self.#ident) };
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

/// Whether the attribute is a `cfg_attr` with one of these.
pub(crate) fn is_conditional(attribute: &Attribute, names: &[&str]) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    attribute.path().is_ident("cfg_attr") && mentions(list.tokens.clone(), names)
}

/// Whether one of these is in there, at any depth.
fn mentions(tokens: TokenStream, names: &[&str]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.iter().any(|name| ident == name),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}
