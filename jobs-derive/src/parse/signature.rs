use quote::format_ident;
use syn::{Attribute, Error, FnArg, Ident, ItemFn, Pat, PatType, ReturnType, Signature, Type, parse_quote};

use crate::errors::Errors;
use crate::validate::derives;
use crate::validate::types::Kind;

/// What a job needs to know of its function.
pub(crate) struct JobFunction {
    /// The parameters of the job.
    pub(crate) fields: Vec<syn::Field>,
    /// Whether the function takes the context before them.
    pub(crate) takes_context: bool,
    pub(crate) output: Type,
}

impl JobFunction {
    /// Reads a function, and takes from its parameters the attributes that go to the fields. What `None` is returned for
    /// has nothing in common with a job.
    pub(crate) fn read(function: &mut ItemFn, errors: &mut Errors) -> Option<Self> {
        errors.check(free(&function.sig))?;
        errors.check(safe(&function.sig));
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
        let output = errors.check(output(&function.sig.output)).unwrap_or_else(|| parse_quote!(()));
        Some(Self { fields, takes_context, output })
    }
}

/// Refuses methods and generic functions.
fn free(signature: &Signature) -> syn::Result<()> {
    if let Some(receiver) = signature.receiver() {
        return Err(Error::new_spanned(receiver, "a method can't be a job: write a function outside of the `impl`"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics.params,
            "a job can't be generic: a worker finds it by its name alone, and one name leads to one function. Write a \
             function for each type that is needed",
        ));
    }
    Ok(())
}

fn safe(signature: &Signature) -> syn::Result<()> {
    if let Some(keyword) = &signature.unsafety {
        return Err(Error::new_spanned(keyword, "a worker can't call an `unsafe` function: remove `unsafe`"));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(abi, "a job is a function of Rust: remove `extern`"));
    }
    Ok(())
}

/// Whether this is the context, which is a reference and comes first.
fn context(ty: &Type, position: usize) -> syn::Result<bool> {
    let (reference, inner) = match ty {
        Type::Reference(reference) => (Some(reference), &*reference.elem),
        _ => (None, ty),
    };
    if !matches!(inner, Type::Path(path) if derives::is(&path.path, "JobContext")) {
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

/// An underscore in front says that the function does not use the parameter: its name is what follows, also when it does.
fn without_underscores(ident: &Ident) -> Ident {
    let name = ident.to_string();
    let Ok(mut rest) = syn::parse_str::<Ident>(name.trim_start_matches('_')) else { return ident.clone() };
    rest.set_span(ident.span());
    rest
}

/// Refuses what can be seen to be no `Result`; of other types it is for rustc to find out.
fn output(output: &ReturnType) -> syn::Result<Type> {
    let ReturnType::Type(_, ty) = output else { return Ok(parse_quote!(())) };
    let no_result = match &**ty {
        Type::ImplTrait(_) => {
            return Err(Error::new_spanned(ty, "the output has a type with a name: write `JobResult<Type>`"));
        }
        Type::Tuple(tuple) => !tuple.elems.is_empty(),
        Type::Array(_) | Type::Reference(_) => true,
        ty => !matches!(Kind::of(ty), Kind::Whole),
    };
    if no_result {
        return Err(Error::new_spanned(ty, "a job returns a `Result` or nothing: write `JobResult<Type>`"));
    }
    Ok((**ty).clone())
}
