//! The fields of a job's struct: their names in the database, and their defaults.

use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Attribute, Ident, Path, Type};

use crate::errors::Errors;
use crate::parse::attributes::docs;
use crate::parse::param::{Param, ParamDefault};
use crate::parse::serde_attributes::{SerdeContainer, SerdeDefault, SerdeField};
use crate::parse::type_shape::TypeShape;

/// A field of a job's struct, most often a parameter.
pub(crate) struct Field<'c> {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) param: Param,
    pub(crate) serde: SerdeField,
    /// serde's attributes of the struct.
    pub(crate) container: &'c SerdeContainer,
}

/// Where the value of a field comes from if none is given.
pub(crate) enum Default<'a> {
    /// The function that is written for `#[param(default = …)]`.
    Function,
    /// The `Default` of the field's type.
    Type,
    /// A function that serde calls.
    Path(&'a Path),
    /// The field of the struct's `Default`.
    Container,
    /// The field of the struct that a function returns, which serde calls.
    ContainerPath(&'a Path),
    /// `None`
    None,
}

impl<'c> Field<'c> {
    /// Reads a field, and takes its `#[param(…)]` out of its attributes.
    pub(crate) fn take(field: &mut syn::Field, container: &'c SerdeContainer, errors: &mut Errors) -> Self {
        Self {
            ident: field.ident.clone().expect("tuple structs were refused"),
            ty: field.ty.clone(),
            param: Param::take(&mut field.attrs, errors),
            serde: SerdeField::of(&field.attrs),
            docs: docs(&field.attrs),
            container,
        }
    }

    /// The name of the setter.
    pub(crate) fn setter(&self) -> Ident {
        format_ident!("with_{}", self.ident.unraw().to_string().trim_start_matches('_'))
    }

    /// The name of the function behind `#[param(default = …)]`.
    pub(crate) fn default_function(&self) -> Ident {
        format_ident!("__default_{}", self.ident.unraw())
    }

    /// The value that `new` fills in. A field without is one of its arguments.
    pub(crate) fn default(&self) -> Option<Default<'_>> {
        if let Some(default) = &self.param.default {
            return Some(match default {
                ParamDefault::OfType(_) => Default::Type,
                ParamDefault::Value(..) | ParamDefault::Unreadable => Default::Function,
            });
        }
        match (&self.serde.default, &self.container.default) {
            (Some(SerdeDefault::Trait), _) => Some(Default::Type),
            (Some(SerdeDefault::Call(path)), _) => Some(Default::Path(path)),
            (None, Some(SerdeDefault::Trait)) => Some(Default::Container),
            (None, Some(SerdeDefault::Call(path))) => Some(Default::ContainerPath(path)),
            (None, None) if self.serde.skip || self.serde.skip_deserializing => Some(Default::Type),
            (None, None) => matches!(TypeShape::of(&self.ty), TypeShape::Optional(_)).then_some(Default::None),
        }
    }

    /// The parameter's name in the database. Skipped and flattened fields have none.
    pub(crate) fn json_name(&self) -> Option<String> {
        if self.serde.skip || self.serde.flatten {
            return None;
        }
        let renamed = || self.container.rename_all.apply(&self.ident.unraw().to_string());
        Some(self.serde.rename.clone().unwrap_or_else(renamed))
    }

    /// All names by which serde writes and reads the parameter.
    pub(crate) fn names(&self) -> Vec<String> {
        let Some(written) = self.json_name() else { return Vec::new() };
        let mut names = vec![written];
        names.extend(self.names_read());
        without_repeats(names)
    }

    /// The names by which serde reads the parameter, its own first.
    pub(crate) fn names_read(&self) -> Vec<String> {
        if self.json_name().is_none() || self.serde.skip_deserializing {
            return Vec::new();
        }
        let renamed = || self.container.rename_all_read.apply(&self.ident.unraw().to_string());
        let own = self.serde.rename_read.clone().unwrap_or_else(renamed);
        without_repeats(std::iter::once(own).chain(self.serde.aliases.iter().cloned()))
    }
}

fn without_repeats(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut different: Vec<String> = Vec::new();
    for name in names {
        if !different.contains(&name) {
            different.push(name);
        }
    }
    different
}
