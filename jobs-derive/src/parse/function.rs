//! The function below `#[job_fn]`: its parameters, and whether it takes the context.

use quote::format_ident;
use syn::{Attribute, Error, FnArg, Ident, ItemFn, Pat, PatType, ReturnType, Type, parse_quote};

use crate::errors::Errors;
use crate::parse::attributes::is_named;

/// A function as a job calls it.
pub(crate) struct JobFunction {
    /// The parameters of the job.
    pub(crate) fields: Vec<syn::Field>,
    /// Whether the function takes the context before them.
    pub(crate) takes_context: bool,
    pub(crate) output: Type,
}

impl JobFunction {
    /// Reads a function, and moves the attributes of its parameters to the fields.
    pub(crate) fn take(function: &mut ItemFn, errors: &mut Errors) -> Self {
        let mut fields = Vec::new();
        let mut takes_context = false;
        for (position, argument) in function.sig.inputs.iter_mut().enumerate() {
            let FnArg::Typed(argument) = argument else { continue };
            if errors.check(context(&argument.ty, position)) == Some(false) {
                fields.push(field(argument, position, errors));
            } else {
                takes_context = true;
            }
        }
        let output = match &function.sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        Self { fields, takes_context, output }
    }
}

/// Whether this is the context, which is a reference and comes first.
fn context(ty: &Type, position: usize) -> syn::Result<bool> {
    let (reference, inner) = match ty {
        Type::Reference(reference) => (Some(reference), &*reference.elem),
        _ => (None, ty),
    };
    if !matches!(inner, Type::Path(path) if is_named(&path.path, "JobContext")) {
        return Ok(false);
    }
    match reference {
        Some(reference) if reference.mutability.is_none() && position == 0 => Ok(true),
        Some(reference) if reference.mutability.is_none() => {
            Err(Error::new_spanned(ty, "the context comes first: write `fn name(job: &JobContext, …)`"))
        }
        _ => Err(Error::new_spanned(ty, "the context is shared: write `&JobContext`")),
    }
}

fn field(argument: &mut PatType, position: usize, errors: &mut Errors) -> syn::Field {
    let name = errors.check(name(&argument.pat)).unwrap_or_else(|| format_ident!("parameter_{}", position));
    let of_field =
        |attribute: &mut Attribute| ["doc", "param", "serde"].iter().any(|name| attribute.path().is_ident(name));
    let attributes: Vec<Attribute> = argument.attrs.extract_if(.., of_field).collect();
    let ty = &argument.ty;
    parse_quote!(#(#attributes)* #name: #ty)
}

fn name(pattern: &Pat) -> syn::Result<Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            Ok(without_underscores(&pattern.ident))
        }
        _ => Err(Error::new_spanned(pattern, "a parameter of a job needs a name: write `name: Type`")),
    }
}

/// The name without the underscores in front, which say only that the function does not use the parameter.
fn without_underscores(ident: &Ident) -> Ident {
    let name = ident.to_string();
    let Ok(mut rest) = syn::parse_str::<Ident>(name.trim_start_matches('_')) else { return ident.clone() };
    rest.set_span(ident.span());
    rest
}
