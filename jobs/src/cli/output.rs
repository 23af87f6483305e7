//! Writing results to standard output, as text for people or JSON for machines.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

use super::failure::{CommandResult, Failure};
use super::text;

/// The form of the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints the result of a command: the value as a JSON document, or the text.
    pub(super) fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> CommandResult {
        if self.json { print_line(&text::json(&format!("{:#}", to_json(value)?))) } else { print_line(&text()) }
    }

    /// Prints the result of a command: the value as a JSON document, or any number of lines, even none.
    pub(super) fn show_lines(self, value: &impl Serialize, lines: impl Iterator<Item = String>) -> CommandResult {
        if self.json {
            self.show(value, String::new)
        } else {
            print(&lines.map(|line| line + "\n").collect::<String>())
        }
    }

    /// Prints one of many results: the value as JSON in one line, or the text.
    pub(super) fn show_line(self, value: &impl Serialize, text: impl FnOnce() -> String) -> CommandResult {
        if self.json { print_line(&text::json(&to_json(value)?.to_string())) } else { print_line(&text()) }
    }
}

fn to_json(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::Failed(format!("the result does not serialize: {error}")))
}

fn print_line(text: &str) -> CommandResult {
    print(&format!("{text}\n"))
}

/// Prints text that is safe for a terminal. The error ends the command if nobody reads it.
pub(super) fn print(text: &str) -> CommandResult {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}
