//! The last stage: the code that a macro writes.

pub(crate) mod accessors;
pub(crate) mod debug;
pub(crate) mod function;
pub(crate) mod job;
pub(crate) mod params;
pub(crate) mod private;
