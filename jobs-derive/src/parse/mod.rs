//! The first stage: reads attributes and items, as far as they can be understood.

pub(crate) mod cron;
pub(crate) mod duration;
pub(crate) mod expression;
pub(crate) mod fields;
pub(crate) mod literals;
pub(crate) mod option_list;
pub(crate) mod options;
pub(crate) mod rename;
pub(crate) mod retry;
pub(crate) mod serde_attributes;
pub(crate) mod signature;
pub(crate) mod unique;
