//! The last stage: values become code. It imports `parse` alone, and reports no errors.

pub(crate) mod accessors;
pub(crate) mod defaults;
pub(crate) mod description;
pub(crate) mod fields;
pub(crate) mod function;
pub(crate) mod job;
pub(crate) mod params;
pub(crate) mod private;
pub(crate) mod secrets;
mod written;
