//! Refuses options that do not go together, or do not suit the parameters.

use syn::ext::IdentExt;
use syn::{Data, Error, Field, Fields, Ident};

use crate::errors::Errors;
use crate::parse::option_list::unknown_of;
use crate::parse::options::Options;
use crate::parse::unique::Unique;
use crate::validate::types;

const UNORDERED: &str = "equal sets come in any order, and would not be the same key: write `BTreeSet`, or say which parameters count: \
                         `unique(by(…))`";
const COUNTED_SET: &str = "equal sets come in any order, and their jobs would not be counted together: write `BTreeSet`, or leave it out \
                           of `limit(by(…))`";
const COUNTED_FLOAT: &str = "equal amounts may differ in their last digit, and their jobs would not be counted together: write a whole \
                             number or a text, or leave it out of `limit(by(…))`";

/// Refuses options of a schedule without `cron`.
pub(crate) fn check_schedule(options: &Options) -> syn::Result<()> {
    match options.schedule.first() {
        Some(key) if !options.has_cron() => {
            Err(Error::new(key.span(), format!("`{key}` says something of `cron`: add `cron = \"0 3 * * *\"`")))
        }
        _ => Ok(()),
    }
}

/// Refuses parameters that are part of the unique key and come in another order each time.
pub(crate) fn check_unique(options: &Options, job: &Data, errors: &mut Errors) {
    let (Some(unique), Data::Struct(job)) = (&options.unique, job) else { return };
    for field in job.fields.iter().filter(|field| counts(unique, field)) {
        if let Some(set) = types::hash_set(&field.ty) {
            errors.push(Error::new(set, UNORDERED));
        }
    }
}

/// Whether the field is part of the key.
fn counts(unique: &Unique, field: &Field) -> bool {
    let is_field = |name: &Ident| Some(name) == field.ident.as_ref();
    unique.by.as_ref().is_none_or(|by| by.iter().any(is_field))
}

/// Refuses parameters that a limit can't count by: those that do not exist, which it also leaves out, and those of which equal values
/// look different.
pub(crate) fn check_limit(options: &mut Options, job: &Data, errors: &mut Errors) {
    let Data::Struct(job) = job else { return };
    let Some(by) = options.limits.each.as_mut().and_then(|each| each.by.as_mut()) else { return };
    by.retain(|name| {
        let field = job.fields.iter().find(|field| is_named(field, name));
        match field {
            Some(field) => check_counted(field, errors),
            None => errors.push(unknown_parameter(name, &job.fields)),
        }
        field.is_some()
    });
}

fn is_named(field: &Field, name: &Ident) -> bool {
    field.ident.as_ref().is_some_and(|ident| ident.unraw() == name.unraw())
}

fn check_counted(field: &Field, errors: &mut Errors) {
    if let Some(set) = types::hash_set(&field.ty) {
        errors.push(Error::new(set, COUNTED_SET));
    }
    if let Some(float) = types::float(&field.ty) {
        errors.push(Error::new(float, COUNTED_FLOAT));
    }
}

fn unknown_parameter(name: &Ident, fields: &Fields) -> Error {
    let known: Vec<_> = fields.iter().flat_map(|field| &field.ident).map(|ident| ident.unraw().to_string()).collect();
    unknown_of("parameter", name, &known.iter().map(String::as_str).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_schedule_needs_one() {
        for (arguments, message) in [
            ("timezone = \"UTC\"", "add `cron = "),
            ("missed = skip, timezone = \"UTC\"", "`missed` says something of `cron`"),
        ] {
            let options = Options::of_function(arguments.parse().unwrap(), &mut Errors::default());
            let error = check_schedule(&options).unwrap_err().to_string();
            assert!(error.contains(message), "{arguments}: {error}");
        }
    }

    #[test]
    fn a_schedule_that_can_not_be_read_is_one() {
        let arguments = "cron = \"nonsense\", timezone = \"UTC\"";
        let options = Options::of_function(arguments.parse().unwrap(), &mut Errors::default());
        assert!(check_schedule(&options).is_ok());
    }
}
