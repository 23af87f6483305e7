//! Refuses names of parameters that other functions of a job have.

use syn::ext::IdentExt;
use syn::{Error, Ident};

use crate::errors::Errors;
use crate::parse::field::Field;

/// Refuses the fields whose accessor or setter has the name of another function, and returns the others.
pub(crate) fn usable<'f, 'c>(fields: &'f [Field<'c>], errors: &mut Errors) -> Vec<&'f Field<'c>> {
    fields.iter().filter(|field| errors.check(check(&field.ident, fields)).is_some()).collect()
}

fn check(ident: &Ident, fields: &[Field]) -> syn::Result<()> {
    let name = ident.unraw().to_string();
    let reason = match name.as_str() {
        "new" | "schedule" | "with_options" => format!("every job has a function `{name}`"),
        "execute" => "every job has the method `execute`".to_owned(),
        "options" => "its setter would be `with_options`, which every job has".to_owned(),
        _ => match fields.iter().find(|field| *ident == field.setter()) {
            Some(other) => format!("this is the setter of `{}`", other.ident),
            None => return Ok(()),
        },
    };
    Err(Error::new(
        ident.span(),
        format!(
            "a parameter can't be named `{name}`: {reason}. Name it otherwise, and add `#[serde(rename = \"{name}\")]` if \
                 the database is to know it by this name"
        ),
    ))
}
