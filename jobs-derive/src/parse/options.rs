//! The options of a job, from `#[job(…)]` and from the parentheses of `#[job_fn(…)]`.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Ident, LitStr, Path, Type};

use crate::errors::Errors;
use crate::parse::cron::{self, Missed};
use crate::parse::limit::Limits;
use crate::parse::limits::{MAX_ATTEMPTS, PRIORITY};
use crate::parse::literals::{duration, integer, name};
use crate::parse::option_list::{arguments, read_options, set, unknown, value};
use crate::parse::retry::Retry;
use crate::parse::unique::Unique;

/// The options of a job. One that is not given, or can't be read, is `None`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) priority: Option<i16>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) state: Option<Type>,
    pub(crate) unique: Option<Unique>,
    pub(crate) limits: Limits,
    pub(crate) krate: Option<Path>,
    pub(crate) struct_name: Option<Ident>,
    pub(crate) cron: Option<LitStr>,
    pub(crate) timezone: Option<LitStr>,
    pub(crate) missed: Option<Missed>,
    /// The keys of the options of a schedule, even if their values can't be read.
    pub(crate) schedule: Vec<Ident>,
}

/// The macros that take an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Both,
    JobFn,
}

/// How the value of an option is read into the options.
type Read = fn(&mut Options, &Ident, ParseStream, &mut Errors) -> syn::Result<()>;

/// Every option: its name, where it may stand, and how it is read.
const TABLE: [(&str, Where, Read); 15] = [
    ("name", Where::Both, |options, key, input, _| set(&mut options.name, key, name(key, input)?)),
    ("alias", Where::Both, |options, key, input, _| options.add_alias(name(key, input)?)),
    ("queue", Where::Both, |options, key, input, _| set(&mut options.queue, key, name(key, input)?)),
    ("priority", Where::Both, |options, key, input, _| {
        set(&mut options.priority, key, integer(key, input, &PRIORITY)?)
    }),
    ("max_attempts", Where::Both, |options, key, input, _| {
        set(&mut options.max_attempts, key, integer(key, input, &MAX_ATTEMPTS)?)
    }),
    ("timeout", Where::Both, |options, key, input, _| set(&mut options.timeout, key, duration(key, input)?)),
    ("retry", Where::Both, |options, key, input, errors| {
        set(&mut options.retry, key, Retry::parse(key, input, errors)?)
    }),
    ("state", Where::Both, |options, key, input, _| {
        set(&mut options.state, key, value(key, input, "`state` takes a type: write `state = AppState`")?)
    }),
    ("unique", Where::Both, |options, key, input, errors| {
        set(&mut options.unique, key, Unique::parse(key, input, errors)?)
    }),
    ("limit", Where::Both, |options, key, input, errors| options.limits.add(key, input, errors)),
    ("crate", Where::Both, |options, key, input, _| set(&mut options.krate, key, path(key, input)?)),
    ("struct", Where::JobFn, |options, key, input, _| {
        set(&mut options.struct_name, key, value(key, input, "`struct` takes a name: write `struct = SendMail`")?)
    }),
    ("cron", Where::Both, |options, key, input, _| {
        options.schedule.push(key.clone());
        set(&mut options.cron, key, cron::expression(key, input)?)
    }),
    ("timezone", Where::Both, |options, key, input, _| {
        options.schedule.push(key.clone());
        set(&mut options.timezone, key, cron::timezone(key, input)?)
    }),
    ("missed", Where::Both, |options, key, input, _| {
        options.schedule.push(key.clone());
        set(&mut options.missed, key, Missed::parse(key, input)?)
    }),
];

impl Options {
    /// Reads the options of every `#[job(…)]` among the attributes.
    pub(crate) fn of_struct(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("job")) {
            let arguments = errors.check(arguments(attribute, "#[job(queue = \"mail\")]"));
            options.read(arguments.unwrap_or_default(), &[Where::Both], errors);
        }
        options
    }

    /// Reads the options in the parentheses of `#[job_fn(…)]`.
    pub(crate) fn of_function(arguments: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        options.read(arguments, &[Where::Both, Where::JobFn], errors);
        options
    }

    /// Whether workers schedule this job by themselves.
    pub(crate) fn has_cron(&self) -> bool {
        self.schedule.iter().any(|key| key == "cron")
    }

    fn read(&mut self, arguments: TokenStream, places: &[Where], errors: &mut Errors) {
        // Some options have nested options, whose errors are collected beside these.
        let mut inner = Errors::default();
        read_options(arguments, errors, |key, input| {
            let known = || TABLE.iter().filter(|(_, place, _)| places.contains(place));
            match known().find(|(name, ..)| key == name) {
                Some((.., read)) => read(self, key, input, &mut inner),
                None => Err(unknown(key, &known().map(|(name, ..)| *name).collect::<Vec<_>>())),
            }
        });
        errors.extend(inner);
    }

    fn add_alias(&mut self, alias: LitStr) -> syn::Result<()> {
        if self.aliases.iter().any(|other| other.value() == alias.value()) {
            return Err(Error::new(alias.span(), "this alias is given twice: keep one of them"));
        }
        self.aliases.push(alias);
        Ok(())
    }
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
    use super::*;

    fn errors(arguments: &str) -> Vec<String> {
        let mut errors = Errors::default();
        Options::of_function(arguments.parse().unwrap(), &mut errors);
        errors.messages()
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
            ("limit", "write `limit(running = 3)`, or `limit(by(account), running = 3)`"),
            ("limit = 3", "write `limit(running = 3)`"),
            ("limit(3)", "write `limit(running = 3)`"),
            ("limit()", "write `limit(running = 3)`"),
            ("limits(running = 3)", "did you mean `limit`?"),
            ("limit(by(account))", "how many jobs run at once? write `limit(running = 3)`"),
            ("limit(running)", "`running` is a whole number from 1 to 1000000"),
            ("limit(running = 0)", "a whole number from 1 to 1000000"),
            ("limit(running = -1)", "a whole number from 1 to 1000000"),
            ("limit(running = 1_000_001)", "a whole number from 1 to 1000000"),
            ("limit(running = 99999999999999999999)", "a whole number from 1 to 1000000"),
            ("limit(running = 1.5)", "a whole number from 1 to 1000000"),
            ("limit(running = \"3\")", "a whole number from 1 to 1000000"),
            ("limit(runing = 3)", "did you mean `running`? The options are `by` and `running`"),
            ("limit(by(a), rate = 3)", "unknown option `rate`: the options are `by` and `running`"),
            ("limit(by(a) running = 3)", "expected a comma"),
            ("limit(running = 3, running = 4)", "`running` is given twice"),
            ("limit(by, running = 3)", "write the parameters whose values are counted: `by(account, region)`"),
            ("limit(by(), running = 3)", "write the parameters whose values are counted"),
            ("limit(by(), running = 3), limit(running = 50)", "write the parameters whose values are counted"),
            ("limit(by = account, running = 3)", "write the parameters whose values are counted"),
            ("limit(by(\"a\"), running = 3)", "write the parameters whose values are counted"),
            ("limit(by(a), by(b), running = 3)", "`by` is given twice"),
            ("limit(by(a, b, a), running = 3)", "`a` is given twice"),
            ("limit(by(a, r#a), running = 3)", "`r#a` is given twice"),
            ("limit(running = 3), limit(running = 4)", "two limits without `by`: keep one of them"),
            ("limit(by(a), running = 3), limit(by(b), running = 4)", "two limits with `by`: keep one of them"),
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

    #[test]
    fn a_struct_has_its_name_already() {
        let mut errors = Errors::default();
        Options::of_struct(&[syn::parse_quote!(#[job(struct = Mailer)])], &mut errors);
        assert!(
            errors.messages()[0].starts_with("unknown option `struct`: the options are"),
            "{:?}",
            errors.messages()
        );
    }
}
