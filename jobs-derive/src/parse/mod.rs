//! The first stage: attributes and items become values, as far as they can be read. It imports neither of the later stages.

pub(crate) mod attributes;
pub(crate) mod cron;
pub(crate) mod duration;
pub(crate) mod expression;
pub(crate) mod field;
pub(crate) mod function;
pub(crate) mod limit;
pub(crate) mod limits;
pub(crate) mod literals;
pub(crate) mod option_list;
pub(crate) mod options;
pub(crate) mod param;
pub(crate) mod rename;
pub(crate) mod retry;
pub(crate) mod serde_attributes;
pub(crate) mod type_shape;
pub(crate) mod unique;
