//! Refuses options that do not go together, or do not suit the parameters.

use syn::{Data, Error, Field, Ident};

use crate::errors::Errors;
use crate::parse::options::Options;
use crate::parse::unique::Unique;
use crate::validate::types;

const UNORDERED: &str = "equal sets come in any order, and would not be the same key: write `BTreeSet`, or say which parameters count: \
                         `unique(by(…))`";

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
