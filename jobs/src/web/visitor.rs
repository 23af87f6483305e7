//! Who asks, and from which address.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::operations::Operations;
use super::shared::Shared;
use crate::Session;

/// What is known of a request when the program has said who sends it.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) session: Session,
    /// What all viewers look at.
    pub(super) shared: Arc<Shared>,
    pub(super) operations: Arc<Operations>,
    /// What leads from the address to the pages: empty, unless the address is at the mount or too deep.
    pub(super) base: String,
    /// Whether the request may change something.
    pub(super) changes: bool,
    /// Whether the frame is left out: the browser has it.
    pub(super) has_frame: bool,
    /// Whether it comes with a session that its sender can end.
    pub(super) can_sign_out: bool,
    /// Ends streams.
    pub(super) stop: CancellationToken,
}

/// In the extensions of a request: it comes with a session that its sender can end.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedIn;
