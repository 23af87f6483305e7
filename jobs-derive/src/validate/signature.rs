//! Refuses functions that a worker can't call.

use syn::{Error, Signature, Type};

use crate::parse::type_shape::TypeShape;

/// Refuses methods and generic functions.
pub(crate) fn check_free(signature: &Signature) -> syn::Result<()> {
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

/// Refuses `unsafe` and `extern` functions.
pub(crate) fn check_safe(signature: &Signature) -> syn::Result<()> {
    if let Some(keyword) = &signature.unsafety {
        return Err(Error::new_spanned(keyword, "a worker can't call an `unsafe` function: remove `unsafe`"));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(abi, "a job is a function of Rust: remove `extern`"));
    }
    Ok(())
}

/// Refuses outputs that are visibly neither `()` nor a `Result`. Other types are left to rustc.
pub(crate) fn check_output(ty: &Type) -> syn::Result<()> {
    let no_result = match ty {
        Type::ImplTrait(_) => {
            return Err(Error::new_spanned(ty, "the output has a type with a name: write `JobResult<Type>`"));
        }
        Type::Tuple(tuple) => !tuple.elems.is_empty(),
        Type::Array(_) | Type::Reference(_) => true,
        ty => !matches!(TypeShape::of(ty), TypeShape::Whole),
    };
    if no_result {
        return Err(Error::new_spanned(ty, "a job returns a `Result` or nothing: write `JobResult<Type>`"));
    }
    Ok(())
}
