//! How a command ends where it does not end well.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::text;
use crate::Error;
use crate::error::chain;

pub(super) type Done = Result<(), Failure>;

#[derive(Debug)]
pub(super) enum Failure {
    /// It could not be done, or something is wrong.
    Failed(String),
    /// The same, and all has been said.
    Said,
    /// The command line is wrong.
    Usage(String),
    /// Nobody reads on: `list | head`.
    Unread,
}

impl Failure {
    /// Says it on standard error.
    pub(super) fn report(&self) -> ExitCode {
        match self {
            Self::Failed(reason) => {
                complain(reason);
                ExitCode::FAILURE
            }
            Self::Said => ExitCode::FAILURE,
            Self::Usage(reason) => {
                complain(reason);
                ExitCode::from(2)
            }
            Self::Unread => ExitCode::SUCCESS,
        }
    }
}

/// A line for people, beside the output.
pub(super) fn note(text: &str) {
    // Where nobody reads it, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", text::lines(text));
}

/// Something that is wrong, while the command goes on.
pub(super) fn complain(reason: &str) {
    note(&format!("error: {reason}"));
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(chain(&error))
    }
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        Error::Database(error).into()
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Failed(format!("the output can't be written: {error}")),
        }
    }
}
