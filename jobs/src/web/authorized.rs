//! What a handler gets: a session, for whoever may do what its route is for.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::layout::{Layout, Page};
use super::operations::Operations;
use super::shared::Shared;
use super::visitor::Visitor;
use crate::{Action, Error, Session};

/// The permission that a route takes.
pub trait Permission: Send + Sync + 'static {
    /// The action that a principal must be allowed.
    const ACTION: Action;
}

macro_rules! permissions {
    ($($action:ident),+ $(,)?) => {
        $(
            #[doc = concat!("[`Action::", stringify!($action), "`]")]
            #[derive(Debug)]
            #[allow(unreachable_pub, reason = "the example of the table names some of them")]
            pub struct $action;

            impl Permission for $action {
                const ACTION: Action = Action::$action;
            }
        )+
    };
}

permissions![View, ViewPayload, Schedule, Cancel, Retry, RunNow, Edit, Delete, PauseQueue, ManageCron, ViewAudit];

/// The session of a principal that may do what the route is for. Only a request makes one.
pub struct Authorized<P> {
    visitor: Visitor,
    permission: PhantomData<P>,
}

impl<P: Permission> Authorized<P> {
    pub(super) const fn session(&self) -> &Session {
        &self.visitor.session
    }

    /// What streams end by.
    pub(super) fn stop(&self) -> CancellationToken {
        self.visitor.stop.clone()
    }

    pub(super) fn may(&self, action: Action) -> bool {
        self.visitor.session.may(action)
    }

    /// The actions on many jobs.
    pub(super) fn operations(&self) -> &Operations {
        &self.visitor.operations
    }

    /// What leads from the address to the pages.
    pub(super) fn base(&self) -> &str {
        &self.visitor.base
    }

    /// The frame of a page with this title.
    pub(super) fn layout(&self, page: Page, title: impl Into<String>) -> Layout {
        Layout::new(Some(&self.visitor), Some(page), title.into())
    }
}

impl Authorized<View> {
    /// What is the same for everyone who may view, and is asked for once for all of them.
    pub(super) fn shared(&self) -> &Shared {
        &self.visitor.shared
    }
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for Authorized<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let visitor = parts.extensions.get::<Visitor>().cloned().ok_or(Failure::Nobody)?;
        if visitor.session.may(P::ACTION) {
            return Ok(Self { visitor, permission: PhantomData });
        }
        let principal = visitor.session.principal().name().to_owned();
        Err(Error::Forbidden { principal, action: P::ACTION }.into())
    }
}
