//! `#[job_fn]`: parse the function and the options, validate them, expand.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Error, Ident, ItemFn, parse_quote};

use crate::errors::Errors;
use crate::expand::private::private;
use crate::expand::{function, job};
use crate::job_params;
use crate::parse::function::JobFunction;
use crate::parse::options::Options;
use crate::parse::rename::pascal_case;
use crate::validate;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut options = Options::of_function(arguments, &mut errors);
    errors.check(validate::options::check_schedule(&options));
    let expanded = if let Ok(function) = syn::parse2(item.clone()) {
        expand_function(function, &mut options, &mut errors)
    } else {
        errors.push(Error::new_spanned(&item, "`#[job_fn]` belongs on a function"));
        item
    };
    let errors = errors.into_tokens();
    quote!(#errors #expanded)
}

/// The function, and the job that calls it.
fn expand_function(mut function: ItemFn, options: &mut Options, errors: &mut Errors) -> TokenStream {
    let mut mistakes = Errors::default();
    let job_function = read(&mut function, &mut mistakes);
    let job = mistakes.check(job_name(&function.sig.ident, options));
    let job = job_function.zip(job).map(|(job_function, job)| {
        let private = private(options.krate.as_ref());
        let item = function::job_struct(&function, &job, &job_function);
        validate::options::check_unique(options, &item.data, &mut mistakes);
        validate::options::check_limit(options, &item.data, &mut mistakes);
        let item = job_params::expand_struct(item, &private, options, &mut mistakes);
        let definition = job::definition(&job, &function.vis, options);
        let execute = function::execute(&function, &job, &job_function, options, mistakes.is_empty());
        quote!(#item #definition #execute)
    });
    errors.extend(mistakes);
    // The author of a job does not choose the form of its function: `async` says where it runs.
    let form = if function.sig.asyncness.is_some() { quote!(unused_async) } else { quote!(unnecessary_wraps) };
    quote! {
        #[allow(clippy::needless_pass_by_value, clippy::#form)]
        #function
        #job
    }
}

/// Reads the function as a job calls it. Returns `None` if it can't be made a job at all.
fn read(function: &mut ItemFn, errors: &mut Errors) -> Option<JobFunction> {
    errors.check(validate::signature::check_free(&function.sig))?;
    errors.check(validate::signature::check_safe(&function.sig));
    let mut job_function = JobFunction::take(function, errors);
    if errors.check(validate::signature::check_output(&job_function.output)).is_none() {
        job_function.output = parse_quote!(());
    }
    Some(job_function)
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
