use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

/// The one module that generated code may name.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    private_at(krate, Span::call_site())
}

/// The same, for code that rustc is to blame on another place.
pub(crate) fn private_at(krate: Option<&Path>, span: Span) -> TokenStream {
    let jobs = krate.map_or_else(|| quote_spanned!(span=> ::jobs), ToTokens::to_token_stream);
    quote_spanned!(span=> #jobs::__private)
}
