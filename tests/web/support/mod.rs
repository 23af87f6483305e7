//! What the cases share: a browser without a network, jobs to look at, and a count of what it costs.

pub(crate) mod api;
pub(crate) mod browser;
pub(crate) mod bulk;
pub(crate) mod definitions;
pub(crate) mod events;
pub(crate) mod everyone;
pub(crate) mod measure;
pub(crate) mod schema;
pub(crate) mod sent;
pub(crate) mod server;
