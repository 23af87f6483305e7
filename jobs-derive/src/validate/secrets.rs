//! Refuses secrets that could not be redacted.

use syn::{Attribute, DeriveInput, Error};

use crate::errors::Errors;
use crate::parse::attributes::is_conditional;
use crate::parse::field::Field;
use crate::validate::derives;

/// Refuses a secret whose names in the database can't be known at compile time.
pub(crate) fn check_field(field: &Field, attributes: &[Attribute]) -> syn::Result<()> {
    let Some(secret) = &field.param.secret else { return Ok(()) };
    let reason = if field.serde.flatten {
        "a flattened field has the names of its own type: remove `flatten`"
    } else if let Some(option) = &field.container.converted {
        &format!("with `#[serde({option})]` other values than these fields are stored: remove it")
    } else if attributes.iter().any(|attribute| is_conditional(attribute, &["serde"])) {
        "its `#[serde(…)]` depends on `cfg_attr`: write it without"
    } else {
        return Ok(());
    };
    Err(Error::new(secret.span(), format!("the name of a secret parameter must be known: {reason}")))
}

/// Refuses a `Debug` that is derived beside the one that redacts secrets, and attributes that could hide one.
pub(crate) fn check_struct(item: &mut DeriveInput, fields: &[Field], errors: &mut Errors) {
    let Some(secret) = fields.iter().find_map(|field| field.param.secret.as_ref()) else { return };
    derives::refuse_debug(&mut item.attrs, errors);
    if item.attrs.iter().any(|attribute| is_conditional(attribute, &["serde", "derive"])) {
        let message = "beside a secret parameter the struct's `#[serde(…)]` and `#[derive(…)]` must be known: write them \
                       without `cfg_attr`";
        errors.push(Error::new(secret.span(), message));
    }
}
