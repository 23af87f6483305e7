//! The path of the one module that generated code names.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

/// `::jobs::__private`
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    private_at(krate, Span::call_site())
}

/// `::jobs::__private`, for code in which rustc shows its errors at another place.
pub(crate) fn private_at(krate: Option<&Path>, span: Span) -> TokenStream {
    let jobs = krate.map_or_else(|| quote_spanned!(span=> ::jobs), ToTokens::to_token_stream);
    quote_spanned!(span=> #jobs::__private)
}
