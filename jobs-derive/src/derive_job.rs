//! `#[derive(Job)]`: parse the options, validate them, expand.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::errors::Errors;
use crate::expand::job;
use crate::parse::attributes::is_named;
use crate::parse::options::Options;
use crate::validate;

pub(crate) fn expand(item: &DeriveInput) -> TokenStream {
    if let Err(errors) = validate::item::check(item) {
        let job_params_reports = item.attrs.iter().any(|attribute| is_named(attribute.path(), "job_params"));
        return if job_params_reports { TokenStream::new() } else { errors.into_tokens() };
    }
    let mut errors = Errors::default();
    let mut options = Options::of_struct(&item.attrs, &mut errors);
    errors.check(validate::options::check_schedule(&options));
    validate::options::check_unique(&options, &item.data, &mut errors);
    validate::options::check_limit(&mut options, &item.data, &mut errors);
    let definition = job::definition(&item.ident, &item.vis, &options);
    let errors = errors.into_tokens();
    quote!(#errors #definition)
}
