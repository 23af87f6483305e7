use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Ident, ItemFn, parse_quote};

use crate::errors::Errors;
use crate::expand::job;
use crate::expand::params::expand_struct;
use crate::expand::private::{private, private_at};
use crate::parse::fields::docs;
use crate::parse::options::Options;
use crate::parse::rename::pascal_case;
use crate::parse::signature::JobFunction;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::of_function(arguments, &mut errors);
    let expanded = if let Ok(function) = syn::parse2(item.clone()) {
        expand_function(function, &options, &mut errors)
    } else {
        errors.push(Error::new_spanned(&item, "`#[job_fn]` belongs on a function"));
        item
    };
    let errors = errors.into_tokens();
    quote!(#errors #expanded)
}

/// The function, and the job that calls it.
fn expand_function(mut function: ItemFn, options: &Options, errors: &mut Errors) -> TokenStream {
    let mut mistakes = Errors::default();
    let job_function = JobFunction::read(&mut function, &mut mistakes);
    let job = mistakes.check(job_name(&function.sig.ident, options));
    let job = job_function.zip(job).map(|(job_function, job)| {
        let private = private(options.krate.as_ref());
        let item = job_struct(&function, &job, &job_function);
        options.check_fields(&item.data, &mut mistakes);
        let item = expand_struct(item, &private, options, &mut mistakes);
        let definition = job::definition(&job, &function.vis, options);
        let execute = execute(&function, &job, &job_function, options, mistakes.is_empty());
        quote!(#item #definition #execute)
    });
    errors.extend(mistakes);
    // What a job's function looks like is not for its author to choose: whether it is `async` says where it runs.
    let form = if function.sig.asyncness.is_some() { quote!(unused_async) } else { quote!(unnecessary_wraps) };
    quote! {
        #[allow(clippy::needless_pass_by_value, clippy::#form)]
        #function
        #job
    }
}

fn job_name(function: &Ident, options: &Options) -> syn::Result<Ident> {
    if let Some(name) = &options.struct_name {
        return Ok(name.clone());
    }
    let name = pascal_case(&function.unraw().to_string());
    let name = syn::parse_str::<Ident>(&name).map_err(|_| {
        Error::new(function.span(), "no name of a struct can be made of this: add `struct = Name` to `#[job_fn(…)]`")
    })?;
    Ok(Ident::new(&name.to_string(), function.span()))
}

fn job_struct(function: &ItemFn, job: &Ident, job_function: &JobFunction) -> DeriveInput {
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

/// `Execute`, which calls the function; or stands in for the call, once there are mistakes to report.
fn execute(
    function: &ItemFn,
    job: &Ident,
    job_function: &JobFunction,
    options: &Options,
    correct: bool,
) -> TokenStream {
    // Where rustc finds fault with the future, it is the function that has it.
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
