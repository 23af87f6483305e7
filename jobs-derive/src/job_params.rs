//! `#[job_params]`: parse the fields, validate them, expand.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields};

use crate::errors::Errors;
use crate::expand::fields::serde_default;
use crate::expand::params;
use crate::expand::private::private;
use crate::parse::field::Field;
use crate::parse::options::Options;
use crate::parse::serde_attributes::SerdeContainer;
use crate::validate;

pub(crate) fn expand(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    if !arguments.is_empty() {
        let message = "`#[job_params]` takes no options: write them in `#[job(…)]`";
        errors.push(Error::new_spanned(arguments, message));
    }
    let expanded = if let Ok(item) = syn::parse2(item.clone()) {
        expand_type(item, &mut errors)
    } else {
        errors.push(Error::new_spanned(&item, "`#[job_params]` belongs on a struct"));
        item
    };
    let errors = errors.into_tokens();
    quote!(#errors #expanded)
}

fn expand_type(mut item: DeriveInput, errors: &mut Errors) -> TokenStream {
    if let Err(refused) = validate::item::check(&item) {
        errors.extend(refused);
        without_our_attributes(&mut item);
        return quote!(#item);
    }
    // Mistakes in the options are reported by `#[derive(Job)]`.
    let options = Options::of_struct(&item.attrs, &mut Errors::default());
    expand_struct(item, &private(options.krate.as_ref()), &options, errors)
}

/// The struct with serde's derives, its functions, and its `JobParams`.
pub(crate) fn expand_struct(
    mut item: DeriveInput,
    private: &TokenStream,
    options: &Options,
    errors: &mut Errors,
) -> TokenStream {
    validate::derives::refuse_serde(&mut item.attrs, errors);
    let container = SerdeContainer::of(&item.attrs);
    let fields = fields(&mut item, &container, errors);
    if options.has_cron() {
        validate::fields::refuse_required(&fields, errors);
    }
    validate::fields::refuse_uncounted(&options.limits, &fields, errors);
    let usable = validate::reserved::usable(&fields, errors);
    validate::secrets::check_struct(&mut item, &fields, errors);
    if options.limits.all.is_some() && options.limits.each.is_some() {
        // It takes the second `limit` for a slip.
        item.attrs.push(syn::parse_quote!(#[allow(clippy::duplicated_attributes)]));
    }
    params::expand(&item, &fields, &usable, private)
}

/// Reads the fields, and replaces their attributes and types with those that serde should see.
fn fields<'c>(item: &mut DeriveInput, container: &'c SerdeContainer, errors: &mut Errors) -> Vec<Field<'c>> {
    let Data::Struct(data) = &mut item.data else { return Vec::new() };
    let read = |source: &mut syn::Field| {
        let mut field = Field::take(source, container, errors);
        validate::fields::check(&mut field, source, errors);
        source.attrs.extend(serde_default(&field, &item.ident));
        field
    };
    data.fields.iter_mut().map(read).collect()
}

/// Removes our attributes from a type that is refused: nothing is derived for it.
fn without_our_attributes(item: &mut DeriveInput) {
    validate::derives::remove_job(&mut item.attrs);
    remove_ours(&mut item.attrs);
    match &mut item.data {
        Data::Struct(data) => remove_ours_of(&mut data.fields),
        Data::Enum(data) => data.variants.iter_mut().for_each(|variant| {
            remove_ours(&mut variant.attrs);
            remove_ours_of(&mut variant.fields);
        }),
        Data::Union(data) => data.fields.named.iter_mut().for_each(|field| remove_ours(&mut field.attrs)),
    }
}

fn remove_ours_of(fields: &mut Fields) {
    fields.iter_mut().for_each(|field| remove_ours(&mut field.attrs));
}

fn remove_ours(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !["param", "serde"].iter().any(|ours| attribute.path().is_ident(ours)));
}
