//! The shape of a type, as far as its spelling tells: which accessor and which setter suit it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, PathSegment, Type};

const PRIMITIVES: [&str; 16] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

/// How accessors return a value and setters take it. Types are recognized by their spelling.
pub(crate) enum TypeShape<'a> {
    /// A primitive: returned by value.
    Copied,
    /// An owner: returned as a reference to what it owns, taken as anything that converts into it.
    Owner(TokenStream),
    /// An `Option` of a type.
    Optional(&'a Type),
    /// Any other type: returned by reference.
    Whole,
}

impl<'a> TypeShape<'a> {
    pub(crate) fn of(ty: &'a Type) -> Self {
        let Some(last) = last_segment(ty) else { return Self::Whole };
        let name = last.ident.to_string();
        match (name.as_str(), argument(last)) {
            (primitive, None) if PRIMITIVES.contains(&primitive) => Self::Copied,
            ("String", None) => Self::Owner(quote!(str)),
            ("PathBuf", None) => Self::Owner(quote!(::std::path::Path)),
            ("Vec", Some(item)) => Self::Owner(quote!([#item])),
            ("Box", Some(Type::Slice(slice))) => Self::Owner(slice.to_token_stream()),
            ("Box", Some(text)) if last_segment(text).is_some_and(|text| text.ident == "str") => {
                Self::Owner(quote!(str))
            }
            ("Option", Some(inner)) => Self::Optional(inner),
            _ => Self::Whole,
        }
    }

    pub(crate) fn is_copied(&self) -> bool {
        match self {
            Self::Copied => true,
            Self::Optional(inner) => TypeShape::of(inner).is_copied(),
            Self::Owner(_) | Self::Whole => false,
        }
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        // `$field:ty` of a `macro_rules!` becomes a group.
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// The one generic argument.
fn argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(only)) if arguments.args.len() == 1 => Some(only),
        _ => None,
    }
}
