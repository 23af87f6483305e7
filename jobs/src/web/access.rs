//! Who is it? The program says so, for every request.

use std::fmt;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::failure::Failure;
use super::origin::Origin;
use crate::{Error, Principal};

type Find = dyn Fn(&Parts) -> Result<Principal, Refusal> + Send + Sync;

/// Who may use the dashboard: the program's answer to every request, before anything else is looked at.
///
/// There is no dashboard without it. See the guide [Dashboard and HTTP](crate::guide::dashboard) for the usual ways.
#[derive(Clone)]
#[must_use]
pub struct Access {
    find: Arc<Find>,
    public_origin: Option<Origin>,
}

impl Access {
    /// Asks this function who sends a request. It returns the principal, or what is answered instead: usually a redirect to a login. Any
    /// response of axum is [turned into](Refusal) that by `.into()`.
    ///
    /// It is called at every request, also for what does not exist. It must not block: what has to be looked up in a database is looked
    /// up by a layer of the program, and handed over by [`from_extensions`](Self::from_extensions).
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use jobs::web::Access;
    /// use jobs::{Principal, Role};
    ///
    /// let access = Access::by(|request| match request.headers.get("x-team") {
    ///     Some(team) if team == "operations" => Ok(Principal::new("operations", Role::Operator)),
    ///     _ => Err(StatusCode::FORBIDDEN.into()),
    /// });
    /// # let _ = access;
    /// ```
    pub fn by(find: impl Fn(&Parts) -> Result<Principal, Refusal> + Send + Sync + 'static) -> Self {
        Self { find: Arc::new(find), public_origin: None }
    }

    /// Takes the [`Principal`] that a layer of the program has put into the request's extensions. A request without one is answered
    /// with 401 (Unauthorized).
    pub fn from_extensions() -> Self {
        Self::by(|request| request.extensions.get::<Principal>().cloned().ok_or_else(|| Failure::Nobody.into()))
    }

    /// Names the only origin under which browsers see it, such as `https://admin.example.com`.
    ///
    /// It is needed if a proxy in front of the program changes `Host`, or if who sends a request is not told by a cookie or a password, but,
    /// for example, by the network: another site could make its own name lead to the program. Changes are then accepted only if `Origin`,
    /// which browsers send with them, is this one. Requests with the name of another site in `Host` are refused; an address, or a name
    /// without a dot, may be how a proxy knows the program.
    ///
    /// [`Error::InvalidValue`] if it is not `http` or `https` and a host, with or without a port.
    pub fn public_origin(mut self, origin: &str) -> Result<Self, Error> {
        let parsed = Origin::parse(origin).ok_or_else(|| {
            let reason = format!("`{origin}` is not `http` or `https` and a host, such as `https://admin.example.com`");
            Error::invalid("public_origin", reason)
        })?;
        self.public_origin = Some(parsed);
        Ok(self)
    }

    /// The principal of a request, or what is answered instead.
    pub(super) fn principal(&self, request: &Parts) -> Result<Principal, Refusal> {
        (self.find)(request)
    }

    pub(super) const fn seen_origin(&self) -> Option<&Origin> {
        self.public_origin.as_ref()
    }
}

/// A response instead of the dashboard: made by `.into()` or `?` from any response of axum, such as a redirect or a status.
#[derive(Debug)]
pub struct Refusal(Box<Response>);

impl Refusal {
    pub(super) fn into_answer(self) -> Response {
        *self.0
    }
}

impl<R: IntoResponse> From<R> for Refusal {
    fn from(answer: R) -> Self {
        Self(Box::new(answer.into_response()))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("public_origin", &self.public_origin).finish_non_exhaustive()
    }
}
