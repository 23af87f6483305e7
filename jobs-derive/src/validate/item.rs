//! Refuses items that can't be jobs.

use syn::{Data, DeriveInput, Error, Fields};

use crate::errors::Errors;

/// Refuses all but structs with named fields or without any, and without generic parameters.
pub(crate) fn check(item: &DeriveInput) -> Result<(), Errors> {
    let mut errors = Errors::default();
    errors.check(data(item));
    errors.check(generics(item));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn data(item: &DeriveInput) -> syn::Result<()> {
    let name = &item.ident;
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) if !fields.unnamed.is_empty() => {
                let message = format!("the parameters of a job have names: write `struct {name} {{ field: Type }}`");
                Err(Error::new_spanned(fields, message))
            }
            Fields::Unnamed(fields) => {
                Err(Error::new_spanned(fields, format!("a job without parameters is written `struct {name};`")))
            }
            Fields::Named(_) | Fields::Unit => Ok(()),
        },
        Data::Enum(_) => Err(Error::new(
            name.span(),
            "an enum can't be a job: write a struct, and make the enum the type of one of its fields",
        )),
        Data::Union(_) => {
            Err(Error::new(name.span(), "a union can't be a job: write a struct with a field for each parameter"))
        }
    }
}

fn generics(item: &DeriveInput) -> syn::Result<()> {
    if item.generics.params.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(
        &item.generics.params,
        "a job can't be generic: a worker finds it by its name alone, and one name leads to one type. Write a struct for \
         each type that is needed",
    ))
}
