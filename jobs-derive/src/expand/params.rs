use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields};

use crate::errors::Errors;
use crate::expand::accessors::{accept, access};
use crate::expand::debug;
use crate::expand::private::private;
use crate::parse::fields::Field;
use crate::parse::options::Options;
use crate::parse::serde_attributes::SerdeContainer;
use crate::validate::derives;
use crate::validate::reserved;
use crate::validate::shape;

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
    if let Err(refused) = shape::check(&item) {
        errors.extend(refused);
        without_our_attributes(&mut item);
        return quote!(#item);
    }
    // What is wrong with the options is for `#[derive(Job)]` to say.
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
    derives::refuse_serde(&mut item.attrs, errors);
    let fields = read_fields(&mut item, errors);
    if options.has_cron() {
        refuse_required(&fields, errors);
    }
    let functions = functions(&item, &fields, errors);
    let debug = debug::debug(&mut item, &fields, private, errors);
    let secrets = debug::names(&fields);
    let job = &item.ident;
    let names = fields.iter().filter_map(|field| field.json_name.as_ref());
    let serde = quote!(#private::serde).to_string().replace(' ', "");
    quote! {
        #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
        #[serde(crate = #serde)]
        #item

        #functions

        #[automatically_derived]
        impl #private::JobParams for #job {
            const PARAMETERS: &'static [&'static str] = &[#(#names),*];
            #secrets
        }

        #debug
    }
}

fn read_fields(item: &mut DeriveInput, errors: &mut Errors) -> Vec<Field> {
    let container = SerdeContainer::of(&item.attrs);
    let Data::Struct(data) = &mut item.data else { return Vec::new() };
    data.fields.iter_mut().map(|field| Field::read(field, &item.ident, &container, errors)).collect()
}

/// Nobody is there to give them when workers schedule the job by themselves.
fn refuse_required(fields: &[Field], errors: &mut Errors) {
    for Field { ident, .. } in fields.iter().filter(|field| field.default.is_none()) {
        let message = format!(
            "with `cron`, the job is scheduled with its parameters' defaults, and `{ident}` has none: write \
             `#[param(default)]` or `Option`, or make its schedules with `jobs::cron::add`"
        );
        errors.push(Error::new(ident.span(), message));
    }
}

fn functions(item: &DeriveInput, fields: &[Field], errors: &mut Errors) -> TokenStream {
    let job = &item.ident;
    let new = new(item, fields);
    let usable = reserved::usable(fields, errors);
    let accessors = usable.iter().map(|field| accessor(field, item));
    let setters = usable.iter().filter(|field| !field.skipped).map(|field| setter(field, item));
    let defaults = fields.iter().filter_map(default_function);
    quote! {
        #[automatically_derived]
        #[allow(dead_code, clippy::new_without_default, clippy::too_many_arguments)]
        impl #job {
            #new
            #(#accessors)*
            #(#setters)*
            #(#defaults)*
        }
    }
}

fn new(item: &DeriveInput, fields: &[Field]) -> TokenStream {
    let visibility = &item.vis;
    let document = format!(" A `{}` with what it requires; the other parameters have their defaults.", item.ident);
    let required = fields.iter().filter(|field| field.default.is_none());
    let arguments = required.map(|Field { ident, ty, .. }| {
        let (ty, _) = accept(ty, &quote!(#ident));
        quote!(#ident: #ty)
    });
    let values = fields.iter().map(|Field { ident, ty, default, .. }| {
        let value = default.clone().unwrap_or_else(|| accept(ty, &quote!(#ident)).1);
        quote!(#ident: #value)
    });
    quote! {
        #[doc = #document]
        #[must_use]
        #visibility fn new(#(#arguments),*) -> Self {
            Self { #(#values),* }
        }
    }
}

fn accessor(field: &Field, item: &DeriveInput) -> TokenStream {
    let (visibility, ident) = (&item.vis, &field.ident);
    let docs = documentation(field, "The parameter");
    let (ty, value) = access(&field.ty, &quote!(self.#ident));
    quote! {
        #docs
        #[must_use]
        #visibility fn #ident(&self) -> #ty {
            #value
        }
    }
}

fn setter(field: &Field, item: &DeriveInput) -> TokenStream {
    let (visibility, ident, setter) = (&item.vis, &field.ident, field.setter());
    let docs = documentation(field, "Sets the parameter");
    let (ty, value) = accept(&field.ty, &quote!(#ident));
    quote! {
        #docs
        #[must_use]
        #visibility fn #setter(mut self, #ident: #ty) -> Self {
            self.#ident = #value;
            self
        }
    }
}

/// The field's own words, or the fewest that there can be.
fn documentation(field: &Field, otherwise: &str) -> TokenStream {
    let docs = &field.docs;
    let otherwise = docs.is_empty().then(|| {
        let document = format!(" {otherwise} `{}`.", field.ident);
        quote!(#[doc = #document])
    });
    quote!(#(#docs)* #otherwise)
}

fn default_function(field: &Field) -> Option<TokenStream> {
    let ty = &field.ty;
    field.default_function.as_ref().map(|(name, body)| {
        quote! {
            #[allow(clippy::unnecessary_wraps)]
            fn #name() -> #ty {
                #body
            }
        }
    })
}

/// Of a type that is refused, nothing is to be derived.
fn without_our_attributes(item: &mut DeriveInput) {
    derives::remove_job(&mut item.attrs);
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
