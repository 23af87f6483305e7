//! The second stage: values that can't be a job are refused, and replaced so that expansion can continue. It imports `parse` alone.

pub(crate) mod derives;
pub(crate) mod fields;
pub(crate) mod item;
pub(crate) mod options;
pub(crate) mod reserved;
pub(crate) mod secrets;
pub(crate) mod signature;
pub(crate) mod types;
