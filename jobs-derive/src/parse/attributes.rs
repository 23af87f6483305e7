//! Attributes and paths: what they are named, and what they mention.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Meta, Path};

/// Whether the path's last segment is this name.
pub(crate) fn is_named(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// The documentation among attributes.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect()
}

/// Whether the attribute is a `cfg_attr` that mentions one of these names.
pub(crate) fn is_conditional(attribute: &Attribute, names: &[&str]) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    attribute.path().is_ident("cfg_attr") && mentions(list.tokens.clone(), names)
}

/// Whether one of these names is among the tokens, at any depth.
fn mentions(tokens: TokenStream, names: &[&str]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.iter().any(|name| ident == name),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}
