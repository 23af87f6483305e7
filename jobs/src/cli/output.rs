//! Where results go: standard output, as text for people or JSON for machines.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

use super::failure::{Done, Failure};
use super::text;

/// What form the output has.
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

    /// The result of a command: the value as a JSON document, or the text.
    pub(super) fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Done {
        if self.json { print_line(&text::json(&format!("{:#}", to_json(value)?))) } else { print_line(&text()) }
    }

    /// The same with any number of lines, also none.
    pub(super) fn show_lines(self, value: &impl Serialize, lines: impl Iterator<Item = String>) -> Done {
        if self.json {
            self.show(value, String::new)
        } else {
            print(&lines.map(|line| line + "\n").collect::<String>())
        }
    }

    /// One of many: the value as JSON in one line, or the text.
    pub(super) fn show_line(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Done {
        if self.json { print_line(&text::json(&to_json(value)?.to_string())) } else { print_line(&text()) }
    }
}

fn to_json(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::Failed(format!("the result does not serialise: {error}")))
}

fn print_line(text: &str) -> Done {
    print(&format!("{text}\n"))
}

/// Prints what is safe, and ends the command where nobody reads it.
pub(super) fn print(text: &str) -> Done {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}
