//! The definition of a job: `Job`, `schedule`, `with_options`, and the registration.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Visibility};

use crate::expand::defaults::{defaults, limit_values, unique_values};
use crate::expand::private::private;
use crate::parse::options::Options;

/// `Job` for the struct, its functions, and its registration.
pub(crate) fn definition(job: &Ident, visibility: &Visibility, options: &Options) -> TokenStream {
    let private = private(options.krate.as_ref());
    let defaults = defaults(options, job, &private);
    let unique_values = unique_values(options, &private);
    let limit_values = limit_values(options, &private);
    quote! {
        #[automatically_derived]
        impl #private::Job for #job {
            const DEFAULTS: #private::JobDefaults = #defaults;

            #unique_values

            #limit_values
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
