//! Takes away derives that would repeat what our macros write, or an error.

use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Path, Token, parse_quote};

use crate::errors::Errors;
use crate::parse::attributes::is_named;

/// Removes `#[derive(Job)]` and its options if the derive would only repeat an error.
pub(crate) fn remove_job(attributes: &mut Vec<Attribute>) {
    retain(attributes, |derive| !is_named(derive, "Job"));
    attributes.retain(|attribute| !attribute.path().is_ident("job"));
}

/// Refuses serde's derives beside ours, and removes them so that rustc doesn't complain as well.
pub(crate) fn refuse_serde(attributes: &mut [Attribute], errors: &mut Errors) {
    retain(attributes, |derive| {
        let serde = is_named(derive, "Serialize") || is_named(derive, "Deserialize");
        if serde {
            errors.push(Error::new_spanned(derive, "`#[job_params]` derives this already: remove it here"));
        }
        !serde
    });
}

/// Refuses `Debug` beside the one that redacts secrets.
pub(crate) fn refuse_debug(attributes: &mut [Attribute], errors: &mut Errors) {
    retain(attributes, |derive| {
        let debug = is_named(derive, "Debug");
        if debug {
            let message = "where a parameter is secret, `#[job_params]` writes `Debug` itself: remove it here";
            errors.push(Error::new_spanned(derive, message));
        }
        !debug
    });
}

/// Keeps the derives for which `keep` is true.
fn retain(attributes: &mut [Attribute], mut keep: impl FnMut(&Path) -> bool) {
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let Ok(derives) = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else { continue };
        let before = derives.len();
        let derives: Vec<Path> = derives.into_iter().filter(&mut keep).collect();
        if derives.len() < before {
            *attribute = parse_quote!(#[derive(#(#derives),*)]);
        }
    }
}
