use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, LitStr, Path, Token, parenthesized};

use crate::rename::Rename;

/// What serde takes when a value is missing.
pub(crate) enum SerdeDefault {
    Trait,
    Call(Path),
}

/// What matters here of the `#[serde(…)]` of a struct.
#[derive(Default)]
pub(crate) struct SerdeContainer {
    pub(crate) rename_all: Rename,
    pub(crate) default: Option<SerdeDefault>,
}

/// What matters here of the `#[serde(…)]` of a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    pub(crate) rename: Option<String>,
    pub(crate) default: Option<SerdeDefault>,
    /// Never written, so no parameter.
    pub(crate) skip: bool,
    /// Never read, so taken from the default.
    pub(crate) skip_deserializing: bool,
    /// The parameters are those of the field's own type.
    pub(crate) flatten: bool,
}

impl SerdeContainer {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut container = Self::default();
        read(attributes, |meta| {
            if meta.path.is_ident("default") {
                container.default = Some(default(meta)?);
            } else if meta.path.is_ident("rename_all") {
                container.rename_all = Rename::of(&name(meta)?.unwrap_or_default());
            } else {
                skip_value(meta)?;
            }
            Ok(())
        });
        container
    }
}

impl SerdeField {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut field = Self::default();
        read(attributes, |meta| {
            if meta.path.is_ident("default") {
                field.default = Some(default(meta)?);
            } else if meta.path.is_ident("rename") {
                field.rename = name(meta)?;
            } else if meta.path.is_ident("skip") {
                field.skip = true;
            } else if meta.path.is_ident("skip_deserializing") {
                field.skip_deserializing = true;
            } else if meta.path.is_ident("flatten") {
                field.flatten = true;
            } else {
                skip_value(meta)?;
            }
            Ok(())
        });
        field
    }
}

/// What serde can't read is left to serde to complain about.
fn read(attributes: &[Attribute], mut option: impl FnMut(&ParseNestedMeta) -> syn::Result<()>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|meta| option(&meta));
    }
}

/// `default` or `default = "path"`
fn default(meta: &ParseNestedMeta) -> syn::Result<SerdeDefault> {
    if !meta.input.peek(Token![=]) {
        return Ok(SerdeDefault::Trait);
    }
    meta.value()?.parse::<LitStr>()?.parse().map(SerdeDefault::Call)
}

/// `= "name"`, or what the database will hold of `(serialize = "name", deserialize = "other")`.
fn name(meta: &ParseNestedMeta) -> syn::Result<Option<String>> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse::<LitStr>().map(|name| Some(name.value()));
    }
    let mut serialized = None;
    meta.parse_nested_meta(|meta| {
        let name = meta.value()?.parse::<LitStr>()?.value();
        if meta.path.is_ident("serialize") {
            serialized = Some(name);
        }
        Ok(())
    })?;
    Ok(serialized)
}

fn skip_value(meta: &ParseNestedMeta) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}
