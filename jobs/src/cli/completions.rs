//! `completions`.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::CommandResult;
use super::output;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, mut command: Command) -> CommandResult {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, program(), &mut script);
        output::print(&String::from_utf8_lossy(&script))
    }
}

/// The name under which this program was called.
fn program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    path.file_stem().map_or_else(|| "jobs".into(), |name| name.to_string_lossy().into_owned())
}
