//! What a line of the table is: a handler whose type says who may ask, for what, and what is answered.

use axum::extract::{DefaultBodyLimit, FromRequest};
use axum::http::Method;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::Value;

use super::answer::Output;
use super::input::{Asks, Input, only_json};
use super::schema::Schemas;
use crate::Action;
use crate::job::parameters::MAX_JSON_BYTES;
use crate::web::authorized::{Authorized, Permission};
use crate::web::failure::Failure;

/// The most bytes of a body: the parameters of a job, which may be escaped, and its options.
const LARGEST_BODY: usize = 2 * MAX_JSON_BYTES;

/// A line of the table.
pub struct Route {
    /// What reads is GET.
    pub method: Method,
    /// The path below the mount.
    pub path: &'static str,
    /// What the principal must be allowed.
    pub action: Action,
    /// The name of the operation: its handler's.
    pub(super) id: &'static str,
    /// What it does.
    pub(super) about: &'static str,
    pub(super) handler: fn() -> MethodRouter,
    pub(super) describe: fn(&mut Schemas) -> Described,
}

/// What a route asks for, and answers.
#[derive(Debug)]
pub(in crate::web::api) struct Described {
    pub(super) asks: Asks,
    pub(super) responses: Value,
}

/// A handler whose session is of a principal that may do what the route is for.
pub(super) fn guarded<P, I, M, O, F, H>(method: MethodFilter, handler: H) -> MethodRouter
where
    P: Permission,
    I: Input + FromRequest<(), M> + Send + 'static,
    M: 'static,
    O: Output,
    F: Future<Output = Result<O, Failure>> + Send + 'static,
    H: Fn(Authorized<P>, I) -> F + Clone + Send + Sync + 'static,
{
    on(method, handler).layer(DefaultBodyLimit::max(LARGEST_BODY)).layer(from_fn(only_json))
}

/// What the type of a handler says.
pub(super) fn described<P, I, O, F, H>(_: H, named: &mut Schemas) -> Described
where
    P: Permission,
    I: Input,
    O: Output,
    F: Future<Output = Result<O, Failure>>,
    H: Fn(Authorized<P>, I) -> F,
{
    Described { asks: I::describe(named), responses: O::describe(named) }
}
