use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, Token, Type, parse_quote};

use crate::errors::Errors;
use crate::option_list::{arguments, read_options, set, unknown};
use crate::serde_attributes::{SerdeContainer, SerdeDefault, SerdeField};
use crate::types::{Kind, check_owned, owned};

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
}

impl Field {
    /// Reads a field, and leaves to serde what serde must know.
    pub(crate) fn read(field: &mut syn::Field, job: &Ident, container: &SerdeContainer, errors: &mut Errors) -> Self {
        let ident = field.ident.clone().expect("tuple structs were refused");
        errors.check(refuse_cfg(&mut field.attrs));
        let param = ParamDefault::take(&mut field.attrs, errors);
        if errors.check(check_owned(&field.ty)).is_none() {
            field.ty = owned(&field.ty);
            field.attrs.retain(|attribute| !attribute.path().is_ident("serde"));
        }
        let serde = SerdeField::of(&field.attrs);
        if let (Some(_), Some(key)) = (&serde.default, param.as_ref().and_then(|param| param.key.as_ref())) {
            errors.push(Error::new(key.span(), "this field has a default of serde's already: keep one of them"));
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
            skipped: serde.skip,
            docs: docs(&field.attrs),
            ty: field.ty.clone(),
            ident,
        }
    }

    /// The name of the setter.
    pub(crate) fn setter(&self) -> Ident {
        format_ident!("with_{}", self.ident.unraw())
    }
}

/// The documentation among attributes.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect()
}

/// `#[param(default)]` or `#[param(default = value)]`. One that can't be read counts as a default, which it most likely was
/// meant to be; then it has no key.
struct ParamDefault {
    key: Option<Ident>,
    value: Option<Expr>,
}

impl ParamDefault {
    fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Self> {
        let mut found = None;
        for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("param")) {
            let arguments = errors.check(arguments(&attribute, "#[param(default)]` or `#[param(default = 5)]"));
            read_options(arguments.unwrap_or_default(), errors, |key, input| {
                if key != "default" {
                    return Err(unknown(key, &["default"]));
                }
                let value = default_value(input)?;
                set(&mut found, key, Self { key: Some(key.clone()), value })
            });
            found.get_or_insert(Self { key: None, value: None });
        }
        found
    }

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

fn refuse_cfg(attributes: &mut Vec<Attribute>) -> syn::Result<()> {
    let cfg = attributes.iter().position(|attribute| attribute.path().is_ident("cfg"));
    let Some(cfg) = cfg.map(|cfg| attributes.remove(cfg)) else { return Ok(()) };
    Err(Error::new_spanned(
        cfg.path(),
        "a parameter can't depend on `cfg`, because every worker must understand it: write `Option<T>` or `#[param(default)]`",
    ))
}
