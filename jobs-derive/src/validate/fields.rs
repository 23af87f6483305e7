//! Refuses fields that can't be parameters.

use syn::ext::IdentExt;
use syn::{Attribute, Error};

use crate::errors::Errors;
use crate::parse::attributes::is_conditional;
use crate::parse::field::Field;
use crate::parse::limit::Limits;
use crate::parse::serde_attributes::SerdeField;
use crate::validate::secrets;
use crate::validate::types::{check_owned, owned};

/// Refuses what no parameter can have, and mends it so that expansion can continue.
pub(crate) fn check(field: &mut Field, source: &mut syn::Field, errors: &mut Errors) {
    errors.check(refuse_cfg(&mut source.attrs));
    if errors.check(check_owned(&field.ty)).is_none() {
        field.ty = owned(&field.ty);
        field.serde = SerdeField::default();
        source.ty = field.ty.clone();
        source.attrs.retain(|attribute| !attribute.path().is_ident("serde"));
    }
    errors.check(refuse_two_defaults(field));
    errors.check(secrets::check_field(field, &source.attrs));
}

/// Refuses parameters without defaults if workers schedule the job by themselves: there is no caller to give them.
pub(crate) fn refuse_required(fields: &[Field], errors: &mut Errors) {
    for Field { ident, .. } in fields.iter().filter(|field| field.default().is_none()) {
        let message = format!(
            "with `cron`, the job is scheduled with its parameters' defaults, and `{ident}` has none: write \
             `#[param(default)]` or `Option`, or make its schedules with `jobs::cron::add`"
        );
        errors.push(Error::new(ident.span(), message));
    }
}

/// Refuses parameters by whose values a limit can't count, because they are not to be seen, or not stored with the job.
pub(crate) fn refuse_uncounted(limits: &Limits, fields: &[Field], errors: &mut Errors) {
    for name in limits.each.iter().flat_map(|each| &each.by).flatten() {
        let Some(field) = fields.iter().find(|field| field.ident.unraw() == name.unraw()) else { continue };
        let reason = if field.param.secret.is_some() {
            "is secret, and the values by which jobs are counted are stored and shown beside them"
        } else if field.serde.skip || field.serde.skip_deserializing {
            "is not a parameter, because serde does not read it"
        } else {
            continue;
        };
        errors.push(Error::new(name.span(), format!("`{name}` {reason}: leave it out of `by`")));
    }
}

fn refuse_cfg(attributes: &mut Vec<Attribute>) -> syn::Result<()> {
    let is_cfg = |attribute: &Attribute| attribute.path().is_ident("cfg") || is_conditional(attribute, &["param"]);
    let cfg = attributes.iter().position(is_cfg);
    let Some(cfg) = cfg.map(|cfg| attributes.remove(cfg)) else { return Ok(()) };
    Err(Error::new_spanned(
        cfg.path(),
        "a parameter can't depend on `cfg`, because every worker must understand it: write `Option<T>` or `#[param(default)]`",
    ))
}

fn refuse_two_defaults(field: &Field) -> syn::Result<()> {
    match field.param.default.as_ref().and_then(|default| default.key()) {
        Some(key) if field.serde.default.is_some() => {
            Err(Error::new(key.span(), "this field has a default of serde's already: keep one of them"))
        }
        _ => Ok(()),
    }
}
