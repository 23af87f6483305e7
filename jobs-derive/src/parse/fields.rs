use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, Token, Type, parse_quote};

use crate::errors::Errors;
use crate::expand::debug::{self, is_conditional};
use crate::parse::option_list::{arguments, meant, read_options, set, unknown};
use crate::parse::serde_attributes::{SerdeContainer, SerdeDefault, SerdeField};
use crate::validate::types::{Kind, check_owned, owned};

/// A field of a job's struct, most often a parameter.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    /// What `new` fills in. A field without is one of its arguments.
    pub(crate) default: Option<TokenStream>,
    /// The function behind `default` and serde's default, where `#[param(default = …)]` says what it returns.
    pub(crate) default_function: Option<(Ident, TokenStream)>,
    /// The parameter's name in the database. Skipped and flattened fields have none.
    pub(crate) json_name: Option<String>,
    pub(crate) skipped: bool,
    /// The word by which it is secret.
    pub(crate) secret: Option<Ident>,
    /// All names by which serde writes and reads it.
    pub(crate) names: Vec<String>,
}

impl Field {
    /// Reads a field, and leaves to serde what serde must know.
    pub(crate) fn read(field: &mut syn::Field, job: &Ident, container: &SerdeContainer, errors: &mut Errors) -> Self {
        let ident = field.ident.clone().expect("tuple structs were refused");
        errors.check(refuse_cfg(&mut field.attrs));
        let Param { default: param, secret } = Param::take(&mut field.attrs, errors);
        if errors.check(check_owned(&field.ty)).is_none() {
            field.ty = owned(&field.ty);
            field.attrs.retain(|attribute| !attribute.path().is_ident("serde"));
        }
        let serde = SerdeField::of(&field.attrs);
        if let (Some(_), Some(key)) = (&serde.default, param.as_ref().and_then(|param| param.key.as_ref())) {
            errors.push(Error::new(key.span(), "this field has a default of serde's already: keep one of them"));
        }
        if let Some(secret) = &secret {
            errors.check(debug::check(secret, &serde, container, &field.attrs));
        }
        let function = format_ident!("__default_{}", ident.unraw());
        let body = param.as_ref().and_then(|param| param.body(&field.ty));
        if let Some(attribute) = serde_default(&serde, param.as_ref(), container, &field.ty, job, &function) {
            field.attrs.push(attribute);
        }
        Self {
            default: default(&serde, param.as_ref(), container, &field.ty, &ident, &function),
            default_function: body.map(|body| (function, body)),
            json_name: json_name(&serde, container, &ident),
            names: names(&serde, container, &ident),
            skipped: serde.skip,
            secret,
            docs: docs(&field.attrs),
            ty: field.ty.clone(),
            ident,
        }
    }

    /// The name of the setter.
    pub(crate) fn setter(&self) -> Ident {
        format_ident!("with_{}", self.ident.unraw().to_string().trim_start_matches('_'))
    }
}

/// The documentation among attributes.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect()
}

const OPTIONS: [&str; 2] = ["default", "secret"];

/// What `#[param(…)]` says. An option that can't be read counts as what it most likely was meant to be.
#[derive(Default)]
struct Param {
    default: Option<ParamDefault>,
    secret: Option<Ident>,
}

impl Param {
    fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        const EXAMPLE: &str = "#[param(default)]`, `#[param(default = 5)]` or `#[param(secret)]";
        let mut param = Self::default();
        for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("param")) {
            if let Some(arguments) = errors.check(arguments(&attribute, EXAMPLE)) {
                read_options(arguments, errors, |key, input| param.option(key, input));
            } else {
                param.default.get_or_insert(ParamDefault::UNREADABLE);
            }
        }
        param
    }

    fn option(&mut self, key: &Ident, input: ParseStream) -> syn::Result<()> {
        match key.to_string().as_str() {
            "default" => match default_value(input) {
                Ok(value) => set(&mut self.default, key, ParamDefault { key: Some(key.clone()), value }),
                Err(error) => {
                    self.default.get_or_insert(ParamDefault::UNREADABLE);
                    Err(error)
                }
            },
            "secret" => {
                set(&mut self.secret, key, key.clone())?;
                no_value(input)
            }
            other if meant(other, &OPTIONS) == Some("secret") => {
                self.secret.get_or_insert(key.clone());
                Err(unknown(key, &OPTIONS))
            }
            _ => {
                self.default.get_or_insert(ParamDefault::UNREADABLE);
                Err(unknown(key, &OPTIONS))
            }
        }
    }
}

fn no_value(input: ParseStream) -> syn::Result<()> {
    if input.peek(Token![=]) {
        return Err(input.error("`secret` takes no value: write `#[param(secret)]`"));
    }
    Ok(())
}

/// `#[param(default)]` or `#[param(default = value)]`. One that can't be read has no key.
struct ParamDefault {
    key: Option<Ident>,
    value: Option<Expr>,
}

impl ParamDefault {
    const UNREADABLE: Self = Self { key: None, value: None };

    /// What the default's function returns.
    fn body(&self, ty: &Type) -> Option<TokenStream> {
        match (&self.key, &self.value) {
            (None, _) => Some(quote!(::core::unimplemented!())),
            (_, Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. }))) if matches!(Kind::of(ty), Kind::Owner(_)) => {
                Some(quote!(::core::convert::Into::into(#text)))
            }
            (_, value) => value.as_ref().map(|value| quote!(#value)),
        }
    }

    fn has_function(&self) -> bool {
        self.key.is_none() || self.value.is_some()
    }
}

fn default_value(input: ParseStream) -> syn::Result<Option<Expr>> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(None);
    }
    let value = input.parse::<Token![=]>().and_then(|_| input.parse());
    let wrong = |error: Error| Error::new(error.span(), "write `#[param(default)]` or `#[param(default = 5)]`");
    value.map(Some).map_err(wrong)
}

fn default(
    serde: &SerdeField,
    param: Option<&ParamDefault>,
    container: &SerdeContainer,
    ty: &Type,
    ident: &Ident,
    function: &Ident,
) -> Option<TokenStream> {
    let of_type = quote!(::core::default::Default::default());
    match (param, &serde.default, &container.default) {
        (Some(param), ..) if param.has_function() => Some(quote!(Self::#function())),
        (Some(_), ..) | (_, Some(SerdeDefault::Trait), _) => Some(of_type),
        (_, Some(SerdeDefault::Call(path)), _) => Some(quote!(#path())),
        (.., Some(SerdeDefault::Trait)) => Some(quote!(<Self as ::core::default::Default>::default().#ident)),
        (.., Some(SerdeDefault::Call(path))) => Some(quote!(#path().#ident)),
        _ if serde.skip || serde.skip_deserializing => Some(of_type),
        _ => matches!(Kind::of(ty), Kind::Optional(_)).then(|| quote!(::core::option::Option::None)),
    }
}

/// The attribute that makes serde use the same default as `new`, unless it does already.
fn serde_default(
    serde: &SerdeField,
    param: Option<&ParamDefault>,
    container: &SerdeContainer,
    ty: &Type,
    job: &Ident,
    function: &Ident,
) -> Option<Attribute> {
    let path = format!("{job}::{function}");
    match param {
        _ if serde.default.is_some() => None,
        Some(param) if param.has_function() => Some(parse_quote!(#[serde(default = #path)])),
        Some(_) => Some(parse_quote!(#[serde(default)])),
        // With `#[serde(with = …)]`, serde would require even an `Option`.
        None if container.default.is_none() && !serde.skip && !serde.flatten => {
            matches!(Kind::of(ty), Kind::Optional(_)).then(|| parse_quote!(#[serde(default)]))
        }
        None => None,
    }
}

fn json_name(serde: &SerdeField, container: &SerdeContainer, ident: &Ident) -> Option<String> {
    if serde.skip || serde.flatten {
        return None;
    }
    Some(serde.rename.clone().unwrap_or_else(|| container.rename_all.apply(&ident.unraw().to_string())))
}

fn names(serde: &SerdeField, container: &SerdeContainer, ident: &Ident) -> Vec<String> {
    let Some(written) = json_name(serde, container, ident) else { return Vec::new() };
    let read = || container.rename_all_read.apply(&ident.unraw().to_string());
    let read = serde.rename_read.clone().unwrap_or_else(read);
    let mut names = vec![written];
    for name in std::iter::once(read).chain(serde.aliases.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn refuse_cfg(attributes: &mut Vec<Attribute>) -> syn::Result<()> {
    let is_cfg = |attribute: &Attribute| attribute.path().is_ident("cfg") || is_conditional(attribute, &["param"]);
    let cfg = attributes.iter().position(is_cfg);
    let Some(cfg) = cfg.map(|cfg| attributes.remove(cfg)) else { return Ok(()) };
    Err(Error::new_spanned(
        cfg.path(),
        "a parameter can't depend on `cfg`, because every worker must understand it: write `Option<T>` or `#[param(default)]`",
    ))
}
