//! The job that calls a function: its struct, and its `Execute`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, ItemFn, parse_quote};

use crate::expand::private::private_at;
use crate::parse::attributes::docs;
use crate::parse::function::JobFunction;
use crate::parse::options::Options;

/// The struct whose fields are the function's parameters.
pub(crate) fn job_struct(function: &ItemFn, job: &Ident, job_function: &JobFunction) -> DeriveInput {
    let (visibility, fields) = (&function.vis, &job_function.fields);
    let mut docs = docs(&function.attrs);
    if docs.is_empty() {
        let document = format!(" The job that calls `{}`.", function.sig.ident);
        docs.push(parse_quote!(#[doc = #document]));
    }
    parse_quote! {
        #(#docs)*
        #visibility struct #job {
            #(#fields),*
        }
    }
}

/// `Execute`, which calls the function, unless there are mistakes to report.
pub(crate) fn execute(
    function: &ItemFn,
    job: &Ident,
    job_function: &JobFunction,
    options: &Options,
    correct: bool,
) -> TokenStream {
    // If rustc finds a fault in the future, it is the function's.
    let place = function.sig.ident.span();
    let private = private_at(options.krate.as_ref(), Span::call_site().located_at(place));
    let context = Ident::new("context", Span::mixed_site().located_at(place));
    let output = &job_function.output;
    let body = if correct {
        let call = call(function, job_function, &context);
        quote!(<#output as #private::IntoJobResult>::into_job_result(#call))
    } else {
        quote!(::core::unimplemented!())
    };
    quote_spanned! {Span::call_site().located_at(place)=>
        #[automatically_derived]
        impl #private::Execute for #job {
            type Output = <#output as #private::IntoJobResult>::Output;

            async fn execute(&self, #context: &#private::JobContext) -> #private::JobResult<Self::Output> {
                #body
            }
        }
    }
}

fn call(function: &ItemFn, job_function: &JobFunction, context: &Ident) -> TokenStream {
    let name = &function.sig.ident;
    let values = job_function.fields.iter().map(|field| {
        let ident = &field.ident;
        let span = Span::call_site().located_at(field.ty.span());
        quote_spanned!(span=> ::core::clone::Clone::clone(&self.#ident))
    });
    if function.sig.asyncness.is_some() {
        let context = job_function.takes_context.then(|| quote!(#context,));
        return quote!(#name(#context #(#values),*).await);
    }
    // In a tuple, because a variable named like a parameter could hide the function.
    let owned = Ident::new("owned", Span::mixed_site());
    let context_value = job_function.takes_context.then(|| quote!(::core::clone::Clone::clone(#context),));
    let context_argument = job_function.takes_context.then(|| quote!(&#owned.0,));
    let first = usize::from(job_function.takes_context);
    let arguments = (first..).map(syn::Index::from).take(job_function.fields.len());
    quote! {{
        let #owned = (#context_value #(#values,)*);
        #context.run_blocking(move || #name(#context_argument #(#owned.#arguments),*)).await
    }}
}
