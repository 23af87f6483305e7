//! The result of a command.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::text;
use crate::Error;
use crate::error::chain;

pub(super) type CommandResult = Result<(), Failure>;

#[derive(Debug)]
pub(super) enum Failure {
    /// The command failed, or something is wrong.
    Failed(String),
    /// Like `Failed`, and everything has been reported already.
    AlreadyReported,
    /// The command line is invalid.
    Usage(String),
    /// The reader of the output has gone: `list | head`.
    BrokenPipe,
}

impl Failure {
    /// Reports the failure on standard error, and returns the exit code.
    pub(super) fn report(&self) -> ExitCode {
        match self {
            Self::Failed(reason) => {
                complain(reason);
                ExitCode::FAILURE
            }
            Self::AlreadyReported => ExitCode::FAILURE,
            Self::Usage(reason) => {
                complain(reason);
                ExitCode::from(2)
            }
            Self::BrokenPipe => ExitCode::SUCCESS,
        }
    }
}

/// Prints a line for people, beside the output.
pub(super) fn note(text: &str) {
    // If nobody reads standard error, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", text::lines(text));
}

/// Prints an error; the command may continue.
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
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Failed(format!("the output can't be written: {error}")),
        }
    }
}
