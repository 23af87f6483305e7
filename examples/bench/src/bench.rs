//! The context that every group of figures gets.

use std::fmt;

use crate::arguments::Arguments;
use crate::database::Server;

/// A run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) arguments: Arguments,
    pub(crate) server: Server,
}

impl Bench {
    /// Shows what is being measured, apart from the figures.
    #[expect(clippy::unused_self, reason = "a run speaks")]
    pub(crate) fn says(&self, what: fmt::Arguments<'_>) {
        eprintln!("{what}");
    }
}
