use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

/// The one module that generated code may name.
pub fn private(krate: Option<&Path>) -> TokenStream {
    krate.map_or_else(|| quote!(::jobs::__private), |krate| quote!(#krate::__private))
}
