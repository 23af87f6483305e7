//! The output of the macros, word for word: `golden/<name>.rs` becomes `golden/<name>.expanded.rs`.
//! With `UPDATE_GOLDEN=1` in the environment the tests write the latter again.

use std::path::Path;
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, DeriveInput, ItemFn};

#[test]
fn a_struct_expands_as_agreed() {
    check("resize", expand_struct);
}

#[test]
fn a_struct_with_secrets_expands_as_agreed() {
    check("log_in", expand_struct);
}

#[test]
fn an_async_function_expands_as_agreed() {
    check("send_mail", expand_function);
}

#[test]
fn a_blocking_function_expands_as_agreed() {
    check("sum_up", expand_function);
}

#[test]
fn with_the_crate_renamed_its_old_name_is_nowhere() {
    let expanded = expand_function("#[job_fn(crate = background)] fn sum_up(numbers: Vec<u64>) {}");
    assert!(!expanded.to_string().contains("jobs"), "{expanded}");
}

fn expand_struct(source: &str) -> TokenStream {
    let mut item: DeriveInput = syn::parse_str(source).unwrap();
    let definition = crate::derive_job::expand(&item);
    item.attrs.retain(|attribute| !is(attribute, "derive") && !is(attribute, "job") && !is(attribute, "job_params"));
    let params = crate::job_params::expand(&TokenStream::new(), quote!(#item));
    quote!(#params #definition)
}

fn expand_function(source: &str) -> TokenStream {
    let mut function: ItemFn = syn::parse_str(source).unwrap();
    let attribute = function.attrs.extract_if(.., |attribute| is(attribute, "job_fn")).next().unwrap();
    let options = attribute.meta.require_list().map(|list| list.tokens.clone());
    crate::job_fn::expand(options.unwrap_or_default(), quote!(#function))
}

fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().is_ident(name)
}

fn check(name: &str, expand: impl Fn(&str) -> TokenStream) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let source = fs::read_to_string(folder.join(name).with_extension("rs")).unwrap();
    let expanded = prettyplease::unparse(&syn::parse2(expand(&source)).unwrap());
    let golden = folder.join(name).with_extension("expanded.rs");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &expanded).unwrap();
    }
    let agreed = fs::read_to_string(&golden).unwrap_or_default();
    assert!(agreed == expanded, "{name} now expands to this (UPDATE_GOLDEN=1 keeps it):\n{expanded}");
}
