//! serde's attributes, as far as they matter for a job's parameters. Mistakes in them are left to serde.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, LitStr, Path, Token, parenthesized};

use crate::parse::rename::Rename;

/// The value that serde takes if one is missing.
pub(crate) enum SerdeDefault {
    Trait,
    Call(Path),
}

const CONVERSIONS: [&str; 4] = ["from", "try_from", "into", "transparent"];

const READERS: [&str; 2] = ["with", "deserialize_with"];

/// The `#[serde(…)]` of a struct.
#[derive(Default)]
pub(crate) struct SerdeContainer {
    /// The rule for the names that are written.
    pub(crate) rename_all: Rename,
    /// The rule for the names that are read.
    pub(crate) rename_all_read: Rename,
    pub(crate) default: Option<SerdeDefault>,
    /// The option by which something other than the fields is stored or read.
    pub(crate) converted: Option<String>,
}

/// The `#[serde(…)]` of a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    /// The name that is written.
    pub(crate) rename: Option<String>,
    /// The name that is read.
    pub(crate) rename_read: Option<String>,
    /// Other names that are read.
    pub(crate) aliases: Vec<String>,
    pub(crate) default: Option<SerdeDefault>,
    /// Neither written nor read, so not a parameter.
    pub(crate) skip: bool,
    /// Never read, so taken from the default.
    pub(crate) skip_deserializing: bool,
    /// The parameters are those of the field's own type.
    pub(crate) flatten: bool,
    /// The option by which a function reads it, perhaps from another type.
    pub(crate) converted: Option<String>,
}

impl SerdeContainer {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut container = Self::default();
        read(attributes, |meta| {
            if meta.path.is_ident("default") {
                container.default = Some(default(meta)?);
            } else if meta.path.is_ident("rename_all") {
                let names = names(meta)?;
                container.rename_all = Rename::of(&names.written.unwrap_or_default());
                container.rename_all_read = Rename::of(&names.read.unwrap_or_default());
            } else {
                if let Some(name) = CONVERSIONS.into_iter().find(|name| meta.path.is_ident(name)) {
                    container.converted = Some(name.to_owned());
                }
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
                let names = names(meta)?;
                (field.rename, field.rename_read) = (names.written, names.read);
            } else if meta.path.is_ident("alias") {
                field.aliases.push(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("skip") {
                field.skip = true;
            } else if meta.path.is_ident("skip_deserializing") {
                field.skip_deserializing = true;
            } else if meta.path.is_ident("flatten") {
                field.flatten = true;
            } else {
                if let Some(name) = READERS.into_iter().find(|name| meta.path.is_ident(name)) {
                    field.converted = Some(name.to_owned());
                }
                skip_value(meta)?;
            }
            Ok(())
        });
        field
    }
}

/// Reads the options of every `#[serde(…)]`. An error ends the attribute, and is serde's to report.
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

#[derive(Default)]
struct Names {
    written: Option<String>,
    read: Option<String>,
}

/// The names in `= "name"`, or `(serialize = "name", deserialize = "other")`.
fn names(meta: &ParseNestedMeta) -> syn::Result<Names> {
    if meta.input.peek(Token![=]) {
        let name = meta.value()?.parse::<LitStr>()?.value();
        return Ok(Names { written: Some(name.clone()), read: Some(name) });
    }
    let mut names = Names::default();
    meta.parse_nested_meta(|meta| {
        let name = meta.value()?.parse::<LitStr>()?.value();
        if meta.path.is_ident("serialize") {
            names.written = Some(name);
        } else if meta.path.is_ident("deserialize") {
            names.read = Some(name);
        }
        Ok(())
    })?;
    Ok(names)
}

/// Skips the value of an option that does not matter here.
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
