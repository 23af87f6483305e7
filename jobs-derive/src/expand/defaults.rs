//! `Job::DEFAULTS`, from the options.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, LitStr};

use crate::parse::cron::Missed;
use crate::parse::limit::Limit;
use crate::parse::options::Options;
use crate::parse::retry::Retry;
use crate::parse::unique::Unique;

/// The value of `Job::DEFAULTS`.
pub(crate) fn defaults(options: &Options, job: &Ident, private: &TokenStream) -> TokenStream {
    let name = options.name.as_ref().map_or_else(|| job.unraw().to_string(), LitStr::value);
    let aliases = &options.aliases;
    let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
    let queue = options.queue.as_ref().map(|queue| quote!(.queue(#queue)));
    let priority = options.priority.map(|priority| quote!(.priority(#priority)));
    let max_attempts = options.max_attempts.map(|attempts| quote!(.max_attempts(#attempts)));
    let timeout = options.timeout.map(duration).map(|timeout| quote!(.timeout(#timeout)));
    let retry = options.retry.as_ref().map(|policy| retry(policy, private)).map(|retry| quote!(.retry(#retry)));
    let state = options.state.as_ref().map(|state| quote_spanned!(state.span()=> .state::<#state>()));
    let unique = options.unique.as_ref().map(|key| unique(key, private)).map(|unique| quote!(.unique(#unique)));
    let limits = &options.limits;
    let all = limits.all.as_ref().map(|of_all| limit(of_all, private)).map(|limit| quote!(.limit(#limit)));
    let each = limits.each.as_ref().map(|of_each| limit_each(of_each, private));
    let cron = options.cron.as_ref().map(|expression| quote!(.cron(#expression)));
    let timezone = options.timezone.as_ref().map(|timezone| quote!(.timezone(#timezone)));
    let missed = options.missed.as_ref().map(|policy| missed(policy, private)).map(|missed| quote!(.missed(#missed)));
    quote! {
        #private::JobDefaults::new(#name) #aliases #queue #priority #max_attempts #timeout #retry #state #unique
            #all #each #cron #timezone #missed
    }
}

/// `Job::unique_values`, unless all parameters count.
pub(crate) fn unique_values(options: &Options, private: &TokenStream) -> Option<TokenStream> {
    let values = options.unique.as_ref()?.by.as_ref()?.iter().map(|field| {
        let name = field.unraw().to_string();
        quote!((#name, #private::to_value(#name, &self.#field)?))
    });
    Some(quote! {
        fn unique_values(&self) -> ::core::result::Result<#private::Value, #private::Error> {
            ::core::result::Result::Ok(::core::iter::IntoIterator::into_iter([#(#values),*]).collect())
        }
    })
}

/// `Job::limit_values`, if a limit says which parameters count.
pub(crate) fn limit_values(options: &Options, private: &TokenStream) -> Option<TokenStream> {
    let values = options.limits.each.as_ref()?.by.as_ref()?.iter().map(|field| {
        let name = field.unraw().to_string();
        quote!(#private::to_value(#name, &self.#field)?)
    });
    Some(quote! {
        fn limit_values(&self) -> ::core::result::Result<#private::Value, #private::Error> {
            ::core::result::Result::Ok(#private::Value::Array(::std::vec![#(#values),*]))
        }
    })
}

fn duration(duration: Duration) -> TokenStream {
    let milliseconds = u64::try_from(duration.as_millis()).expect("the longest duration is a century");
    quote!(::core::time::Duration::from_millis(#milliseconds))
}

fn retry(policy: &Retry, private: &TokenStream) -> TokenStream {
    match *policy {
        Retry::Fixed(delay) => {
            let delay = duration(delay);
            quote!(#private::RetryPolicy::fixed(#delay))
        }
        Retry::Exponential { first, cap, jitter } => {
            let (first, cap) = (duration(first), duration(cap));
            let jitter = jitter.map(|percent| quote!(.jitter(#percent)));
            quote!(#private::RetryPolicy::exponential(#first, #cap) #jitter)
        }
    }
}

fn unique(key: &Unique, private: &TokenStream) -> TokenStream {
    let holds = (key.ends_with_start == Some(true)).then(|| quote!(.unique_while(#private::UniqueWhile::Scheduled)));
    let within = key.within.map(duration).map(|within| quote!(.within(#within)));
    let on_conflict = key.on_conflict.map(|variant| {
        let variant = Ident::new(variant, Span::call_site());
        quote!(.on_conflict(#private::OnConflict::#variant))
    });
    quote!(#private::Unique::new() #holds #within #on_conflict)
}

fn limit(limit: &Limit, private: &TokenStream) -> TokenStream {
    let running = limit.running.map(|running| quote!(.running(#running)));
    quote!(#private::Limit::new() #running)
}

fn limit_each(each: &Limit, private: &TokenStream) -> TokenStream {
    let names = each.by.iter().flatten().map(|name| name.unraw().to_string());
    let limit = limit(each, private);
    quote!(.limit_each(&[#(#names),*], #limit))
}

fn missed(policy: &Missed, private: &TokenStream) -> TokenStream {
    match policy {
        Missed::Skip => quote!(#private::Missed::Skip),
        Missed::Once => quote!(#private::Missed::Once),
        Missed::All(limit) => quote!(#private::Missed::All(#limit)),
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;
    use crate::errors::Errors;

    #[test]
    fn every_option_is_understood() {
        let mut errors = Errors::default();
        let arguments = quote! {
            name = "resize", alias = "a", alias = "b", queue = "images", priority = -100, max_attempts = 32767,
            unique(by(a, r#type), while(scheduled), within = "1h", on_conflict = "replace"),
            limit(by(account, r#type), running = 3), limit(running = 50),
            timeout = "5m", retry = exponential("1s", cap = "2h", jitter = 25), state = std::sync::Arc<A, B>,
            crate = a::b, struct = Mailer, cron = "0 3 * * *", timezone = "Europe/Paris", missed = all(7),
        };
        let options = Options::of_function(arguments, &mut errors);
        assert_eq!(errors.messages(), [""; 0]);
        let expected = quote! {
            P::JobDefaults::new("resize").aliases(&["a", "b"]).queue("images").priority(-100i16).max_attempts(32767u32)
                .timeout(::core::time::Duration::from_millis(300000u64))
                .retry(P::RetryPolicy::exponential(
                    ::core::time::Duration::from_millis(1000u64), ::core::time::Duration::from_millis(7200000u64)
                ).jitter(25u8))
                .state::<std::sync::Arc<A, B> >()
                .unique(P::Unique::new().unique_while(P::UniqueWhile::Scheduled)
                    .within(::core::time::Duration::from_millis(3600000u64)).on_conflict(P::OnConflict::Replace))
                .limit(P::Limit::new().running(50u32))
                .limit_each(&["account", "type"], P::Limit::new().running(3u32))
                .cron("0 3 * * *").timezone("Europe/Paris").missed(P::Missed::All(7u32))
        };
        let job = Ident::new("Resize", Span::call_site());
        assert_eq!(defaults(&options, &job, &quote!(P)).to_string(), expected.to_string());
        assert_eq!(options.krate.to_token_stream().to_string(), "a :: b");
        assert_eq!(options.struct_name.unwrap(), "Mailer");
    }

    #[test]
    fn the_default_name_is_the_identifier() {
        let job: Ident = syn::parse_str("r#Resize").unwrap();
        let defaults = defaults(&Options::default(), &job, &quote!(P));
        assert_eq!(defaults.to_string(), quote!(P::JobDefaults::new("Resize")).to_string());
    }
}
