use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Data, Error, Ident, LitStr, Path, Type};

use crate::cron::{self, Missed};
use crate::duration::{self, duration};
use crate::errors::Errors;
use crate::literals::{integer, label, text};
use crate::option_list::{arguments, read_options, set, unknown, value};
use crate::retry::Retry;
use crate::unique::Unique;

const OF_A_STRUCT: [&str; 13] = [
    "name",
    "alias",
    "queue",
    "priority",
    "max_attempts",
    "timeout",
    "retry",
    "state",
    "unique",
    "crate",
    "cron",
    "timezone",
    "missed",
];
const OF_A_FUNCTION: [&str; 14] = [
    "name",
    "alias",
    "queue",
    "priority",
    "max_attempts",
    "timeout",
    "retry",
    "state",
    "unique",
    "crate",
    "struct",
    "cron",
    "timezone",
    "missed",
];

/// What `#[job(…)]` and the parentheses of `#[job_fn(…)]` say.
#[derive(Default)]
pub(crate) struct Options {
    name: Option<LitStr>,
    aliases: Vec<LitStr>,
    queue: Option<LitStr>,
    priority: Option<i16>,
    max_attempts: Option<u32>,
    timeout: Option<Duration>,
    retry: Option<Retry>,
    state: Option<Type>,
    unique: Option<Unique>,
    pub(crate) krate: Option<Path>,
    pub(crate) struct_name: Option<Ident>,
    cron: Option<LitStr>,
    timezone: Option<LitStr>,
    missed: Option<Missed>,
    /// The words of the options of a schedule, though their values may be wrong.
    schedule: Vec<Ident>,
}

impl Options {
    /// Those of every `#[job(…)]` among the attributes.
    pub(crate) fn of_struct(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("job")) {
            let arguments = errors.check(arguments(attribute, "#[job(queue = \"mail\")]"));
            options.read(arguments.unwrap_or_default(), &OF_A_STRUCT, errors);
        }
        errors.check(options.check_schedule());
        options
    }

    /// Those in the parentheses of `#[job_fn(…)]`.
    pub(crate) fn of_function(arguments: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        options.read(arguments, &OF_A_FUNCTION, errors);
        errors.check(options.check_schedule());
        options
    }

    /// The value of `Job::DEFAULTS`.
    pub(crate) fn defaults(&self, job: &Ident, private: &TokenStream) -> TokenStream {
        let name = self.name.as_ref().map_or_else(|| job.unraw().to_string(), LitStr::value);
        let aliases = &self.aliases;
        let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
        let queue = self.queue.as_ref().map(|queue| quote!(.queue(#queue)));
        let priority = self.priority.map(|priority| quote!(.priority(#priority)));
        let max_attempts = self.max_attempts.map(|attempts| quote!(.max_attempts(#attempts)));
        let timeout = self.timeout.map(duration::expression).map(|timeout| quote!(.timeout(#timeout)));
        let retry = self.retry.as_ref().map(|retry| retry.expression(private)).map(|retry| quote!(.retry(#retry)));
        let state = self.state.as_ref().map(|state| quote_spanned!(state.span()=> .state::<#state>()));
        let unique =
            self.unique.as_ref().map(|unique| unique.expression(private)).map(|unique| quote!(.unique(#unique)));
        let cron = self.cron.as_ref().map(|expression| quote!(.cron(#expression)));
        let timezone = self.timezone.as_ref().map(|timezone| quote!(.timezone(#timezone)));
        let missed =
            self.missed.as_ref().map(|missed| missed.expression(private)).map(|missed| quote!(.missed(#missed)));
        quote! {
            #private::JobDefaults::new(#name) #aliases #queue #priority #max_attempts #timeout #retry #state #unique
                #cron #timezone #missed
        }
    }

    /// Whether workers schedule this job by themselves.
    pub(crate) fn has_cron(&self) -> bool {
        self.schedule.iter().any(|key| key == "cron")
    }

    fn check_schedule(&self) -> syn::Result<()> {
        match self.schedule.first() {
            Some(key) if !self.has_cron() => {
                Err(Error::new(key.span(), format!("`{key}` says something of `cron`: add `cron = \"0 3 * * *\"`")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses fields that the options can't be about.
    pub(crate) fn check_fields(&self, job: &Data, errors: &mut Errors) {
        if let (Some(unique), Data::Struct(job)) = (&self.unique, job) {
            unique.check(&job.fields, errors);
        }
    }

    /// The methods of `Job` that are not left as they are.
    pub(crate) fn methods(&self, private: &TokenStream) -> Option<TokenStream> {
        self.unique.as_ref().and_then(|unique| unique.values(private))
    }

    fn read(&mut self, arguments: TokenStream, known: &[&str], errors: &mut Errors) {
        // Some options have options of their own, whose errors are collected beside these.
        let mut inner = Errors::default();
        read_options(arguments, errors, |key, input| self.option(key, input, known, &mut inner));
        errors.extend(inner);
    }

    fn option(&mut self, key: &Ident, input: ParseStream, known: &[&str], errors: &mut Errors) -> syn::Result<()> {
        if ["cron", "timezone", "missed"].iter().any(|option| key == option) {
            self.schedule.push(key.clone());
        }
        match key.to_string().as_str() {
            written if !known.contains(&written) => Err(unknown(key, known)),
            "name" => set(&mut self.name, key, label(key, input)?),
            "alias" => self.alias(label(key, input)?),
            "queue" => set(&mut self.queue, key, label(key, input)?),
            "priority" => set(&mut self.priority, key, bounded(integer(key, input, &(-100..=100))?)),
            "max_attempts" => set(&mut self.max_attempts, key, bounded(integer(key, input, &(1..=32_767))?)),
            "timeout" => set(&mut self.timeout, key, duration(&text(key, input)?)?),
            "retry" => set(&mut self.retry, key, Retry::parse(key, input, errors)?),
            "state" => set(&mut self.state, key, value(key, input, "`state` takes a type: write `state = AppState`")?),
            "unique" => set(&mut self.unique, key, Unique::parse(key, input, errors)?),
            "crate" => set(&mut self.krate, key, path(key, input)?),
            "cron" => set(&mut self.cron, key, cron::expression(key, input)?),
            "timezone" => set(&mut self.timezone, key, cron::timezone(key, input)?),
            "missed" => set(&mut self.missed, key, Missed::parse(key, input)?),
            _ => {
                set(&mut self.struct_name, key, value(key, input, "`struct` takes a name: write `struct = SendMail`")?)
            }
        }
    }

    fn alias(&mut self, alias: LitStr) -> syn::Result<()> {
        if self.aliases.iter().any(|other| other.value() == alias.value()) {
            return Err(Error::new(alias.span(), "this alias is given twice: keep one of them"));
        }
        self.aliases.push(alias);
        Ok(())
    }
}

fn bounded<T: TryFrom<i64, Error: std::fmt::Debug>>(value: i64) -> T {
    value.try_into().expect("the option's range lies within its type's")
}

/// `= path` or `= "path"`
fn path(key: &Ident, input: ParseStream) -> syn::Result<Path> {
    const EXPECTED: &str = "`crate` takes a path: write `crate = background`";
    if !input.peek2(LitStr) {
        return value::<ModulePath>(key, input, EXPECTED).map(|path| path.0);
    }
    let text: LitStr = value(key, input, EXPECTED)?;
    text.parse_with(Path::parse_mod_style).map_err(|_| Error::new(text.span(), EXPECTED))
}

/// A path that may be `crate`, and has no generic arguments.
struct ModulePath(Path);

impl Parse for ModulePath {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        input.call(Path::parse_mod_style).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    fn read(arguments: TokenStream) -> (Options, Vec<String>) {
        let mut errors = Errors::default();
        let options = Options::of_function(arguments, &mut errors);
        (options, errors.messages())
    }

    fn errors(arguments: &str) -> Vec<String> {
        read(arguments.parse().unwrap()).1
    }

    #[test]
    fn every_option_is_understood() {
        let (options, errors) = read(quote! {
            name = "resize", alias = "a", alias = "b", queue = "images", priority = -100, max_attempts = 32767,
            unique(by(a, r#type), while(scheduled), within = "1h", on_conflict = "replace"),
            timeout = "5m", retry = exponential("1s", cap = "2h", jitter = 25), state = std::sync::Arc<A, B>,
            crate = a::b, struct = Mailer, cron = "0 3 * * *", timezone = "Europe/Paris", missed = all(7),
        });
        assert_eq!(errors, [""; 0]);
        let expected = quote! {
            P::JobDefaults::new("resize").aliases(&["a", "b"]).queue("images").priority(-100i16).max_attempts(32767u32)
                .timeout(::core::time::Duration::from_millis(300000u64))
                .retry(P::RetryPolicy::exponential(
                    ::core::time::Duration::from_millis(1000u64), ::core::time::Duration::from_millis(7200000u64)
                ).jitter(25u8))
                .state::<std::sync::Arc<A, B> >()
                .unique(P::Unique::new().unique_while(P::UniqueWhile::Scheduled)
                    .within(::core::time::Duration::from_millis(3600000u64)).on_conflict(P::OnConflict::Replace))
                .cron("0 3 * * *").timezone("Europe/Paris").missed(P::Missed::All(7u32))
        };
        let job = Ident::new("Resize", proc_macro2::Span::call_site());
        assert_eq!(options.defaults(&job, &quote!(P)).to_string(), expected.to_string());
        assert_eq!(options.krate.to_token_stream().to_string(), "a :: b");
        assert_eq!(options.struct_name.unwrap(), "Mailer");
    }

    #[test]
    fn the_default_name_is_the_identifier() {
        let job: Ident = syn::parse_str("r#Resize").unwrap();
        let defaults = Options::default().defaults(&job, &quote!(P));
        assert_eq!(defaults.to_string(), quote!(P::JobDefaults::new("Resize")).to_string());
    }

    #[test]
    fn each_mistake_is_one_error() {
        for (arguments, message) in [
            ("qeue = \"a\"", "did you mean `queue`? The options are `name`, `alias`"),
            ("throttle = 3", "unknown option `throttle`: the options are"),
            ("queue", "write `queue = \"…\"`"),
            ("queue = mail", "write `queue = \"…\"`"),
            ("queue = \"\"", "this queue is empty"),
            ("name = \" a\"", "this name begins or ends with white space"),
            ("alias = \"a\\nb\"", "this alias contains a control character"),
            ("queue = \"a\", queue = \"b\"", "`queue` is given twice"),
            ("alias = \"a\", alias = \"a\"", "this alias is given twice"),
            ("priority = 101", "a whole number from -100 to 100"),
            ("priority = -101", "a whole number from -100 to 100"),
            ("priority = 99999999999999999999", "a whole number from -100 to 100"),
            ("max_attempts = 0", "a whole number from 1 to 32767"),
            ("timeout = 5", "write `timeout = \"…\"`"),
            ("timeout = \"5\"", "is no duration"),
            ("retry = \"1s\"", "write `retry = fixed"),
            ("retry = linear(\"1s\")", "there is no policy `linear`"),
            ("retry = fixed(\"1s\", jitter = 3)", "`fixed` takes nothing but the delay"),
            ("retry = exponential(\"1s\", jiter = 3)", "did you mean `jitter`?"),
            ("retry = exponential(\"1s\", jitter = 101)", "a whole number from 0 to 100"),
            ("retry = exponential(\"2h\")", "longer than the cap"),
            ("state = 5", "write `state = AppState`"),
            ("unique = true", "write `unique`, or `unique(by(file)"),
            ("unique(for = \"1h\")", "unknown option `for`"),
            ("unique(withn = \"1h\")", "did you mean `within`?"),
            ("unique(by)", "write the parameters that count"),
            ("unique(by())", "write the parameters that count"),
            ("unique(by(\"file\"))", "write the parameters that count"),
            ("unique(while(running))", "write `while(scheduled)`"),
            ("unique(while = scheduled)", "write `while(scheduled)`"),
            ("unique(within = \"soon\")", "is no duration"),
            ("unique(on_conflict = \"ignore\")", "the choices are"),
            ("unique, unique", "`unique` is given twice"),
            ("crate = 5", "write `crate = background`"),
            ("queue = \"a\" priority = 3", "expected a comma"),
            ("cron = \"0 3 * *\"", "write five fields"),
            ("cron = \"0 0 30 2 *\"", "never comes"),
            ("cron = \"0 0 * * * * 2030\"", "write five fields"),
            ("cron = 3", "write `cron = \"…\"`"),
            ("cron = \"@daily\", timezone = \"europe/paris\"", "did you mean `Europe/Paris`?"),
            ("cron = \"@daily\", timezone = \"+02:00\"", "such as `Europe/Paris`"),
            ("cron = \"@daily\", missed = never", "there is no policy `never`"),
            ("cron = \"@daily\", missed = all", "how many at the most?"),
            ("cron = \"@daily\", missed = all(0)", "a whole number from 1 to 100"),
            ("cron = \"@daily\", missed = all(101)", "a whole number from 1 to 100"),
            ("cron = \"@daily\", missed = all(1, 2)", "a whole number from 1 to 100"),
            ("cron = \"@daily\", missed = \"skip\"", "write `missed = skip`"),
            ("timezone = \"UTC\"", "add `cron = "),
            ("missed = skip, timezone = \"UTC\"", "`missed` says something of `cron`"),
        ] {
            let errors = errors(arguments);
            assert_eq!(errors.len(), 1, "{arguments}: {errors:?}");
            assert!(errors[0].contains(message), "{arguments}: {errors:?}");
        }
        assert!(errors(&format!("queue = \"{}\"", "a".repeat(200))).is_empty());
        assert_eq!(errors(&format!("queue = \"{}\"", "a".repeat(201))).len(), 1);
    }

    #[test]
    fn one_mistake_does_not_hide_the_next() {
        assert_eq!(errors("qeue = \"a\", priority = 500, timeout = \"x\", queue = \"good\"").len(), 3);
    }
}
