//! The options of a field: what `#[param(…)]` says.

use syn::parse::ParseStream;
use syn::{Attribute, Error, Expr, Ident, Token};

use crate::errors::Errors;
use crate::parse::option_list::{arguments, read_options, set, suggestion, unknown};

const OPTIONS: [&str; 2] = ["default", "secret"];

/// The options of a field. One that can't be read counts as what it was most likely meant to be.
#[derive(Default)]
pub(crate) struct Param {
    pub(crate) default: Option<ParamDefault>,
    /// The word `secret`.
    pub(crate) secret: Option<Ident>,
}

/// The option `default`, with its key.
pub(crate) enum ParamDefault {
    /// `#[param(default)]`
    OfType(Ident),
    /// `#[param(default = value)]`
    Value(Ident, Expr),
    /// An option that can't be read, which has been reported.
    Unreadable,
}

impl Param {
    /// Takes every `#[param(…)]` out of the attributes.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        const EXAMPLE: &str = "#[param(default)]`, `#[param(default = 5)]` or `#[param(secret)]";
        let mut param = Self::default();
        for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("param")) {
            if let Some(arguments) = errors.check(arguments(&attribute, EXAMPLE)) {
                read_options(arguments, errors, |key, input| param.option(key, input));
            } else {
                param.default.get_or_insert(ParamDefault::Unreadable);
            }
        }
        param
    }

    fn option(&mut self, key: &Ident, input: ParseStream) -> syn::Result<()> {
        match key.to_string().as_str() {
            "default" => match ParamDefault::parse(key, input) {
                Ok(default) => set(&mut self.default, key, default),
                Err(error) => {
                    self.default.get_or_insert(ParamDefault::Unreadable);
                    Err(error)
                }
            },
            "secret" => {
                set(&mut self.secret, key, key.clone())?;
                no_value(input)
            }
            other if suggestion(other, &OPTIONS) == Some("secret") => {
                self.secret.get_or_insert(key.clone());
                Err(unknown(key, &OPTIONS))
            }
            _ => {
                self.default.get_or_insert(ParamDefault::Unreadable);
                Err(unknown(key, &OPTIONS))
            }
        }
    }
}

impl ParamDefault {
    /// Nothing, or `= value`.
    fn parse(key: &Ident, input: ParseStream) -> syn::Result<Self> {
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self::OfType(key.clone()));
        }
        let value = input.parse::<Token![=]>().and_then(|_| input.parse());
        let wrong = |error: Error| Error::new(error.span(), "write `#[param(default)]` or `#[param(default = 5)]`");
        value.map(|value| Self::Value(key.clone(), value)).map_err(wrong)
    }

    /// The word `default`, if the option can be read.
    pub(crate) fn key(&self) -> Option<&Ident> {
        match self {
            Self::OfType(key) | Self::Value(key, _) => Some(key),
            Self::Unreadable => None,
        }
    }
}

fn no_value(input: ParseStream) -> syn::Result<()> {
    if input.peek(Token![=]) {
        return Err(input.error("`secret` takes no value: write `#[param(secret)]`"));
    }
    Ok(())
}
