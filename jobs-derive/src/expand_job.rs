use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Ident, Visibility};

use crate::derives;
use crate::errors::Errors;
use crate::options::Options;
use crate::private::private;
use crate::shape;

pub(crate) fn expand(item: &DeriveInput) -> TokenStream {
    if let Err(errors) = shape::check(item) {
        let job_params_will_tell = item.attrs.iter().any(|attribute| derives::is(attribute.path(), "job_params"));
        return if job_params_will_tell { TokenStream::new() } else { errors.into_tokens() };
    }
    let mut errors = Errors::default();
    let options = Options::of_struct(&item.attrs, &mut errors);
    options.check_fields(&item.data, &mut errors);
    let definition = definition(&item.ident, &item.vis, &options);
    let errors = errors.into_tokens();
    quote!(#errors #definition)
}

/// `Job` for the struct, its functions, and its registration.
pub(crate) fn definition(job: &Ident, visibility: &Visibility, options: &Options) -> TokenStream {
    let private = private(options.krate.as_ref());
    let defaults = options.defaults(job, &private);
    let methods = options.methods(&private);
    quote! {
        #[automatically_derived]
        impl #private::Job for #job {
            const DEFAULTS: #private::JobDefaults = #defaults;

            #methods
        }

        #[automatically_derived]
        #[allow(dead_code)]
        impl #job {
            /// Schedules this job when it is awaited. In a transaction, the job exists if and only if it commits.
            #visibility fn schedule<C: #private::Connection>(self, db: &C) -> #private::Schedule<'_, C, Self> {
                #private::schedule(self, db)
            }

            /// This job with options of its own.
            #visibility fn with_options(self, options: #private::JobOptions) -> #private::WithOptions<Self> {
                #private::with_options(self, options)
            }
        }

        #private::inventory::submit! {
            #private::Definition::of::<#job>(::core::file!(), ::core::line!())
        }
    }
}
