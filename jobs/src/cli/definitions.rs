//! `definitions`.

use serde_json::{Value, json};

use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::{durations, table};
use crate::cron::UTC;
use crate::default_queue;
use crate::job::registry::{Definition, Registry};

/// Whether any job is linked into this program.
pub(super) fn are_linked() -> bool {
    inventory::iter::<Definition>.into_iter().next().is_some()
}

/// Why a program without jobs can't execute any.
pub(super) fn missing() -> Failure {
    Failure::Failed(
        "no definition is linked into this program, so there is nothing that it could execute. Use the program that has your jobs: \
         its `main` calls `jobs::cli::main().await` and, if the jobs are in a crate of their own, it says `use my_jobs as _;`"
            .into(),
    )
}

pub(super) fn run(output: Output) -> CommandResult {
    let registry = Registry::new(&[])?;
    let definitions = registry.definitions();
    output.show(&definitions.iter().map(document).collect::<Vec<_>>(), || {
        let header = ["NAME", "QUEUE", "PRIORITY", "ATTEMPTS", "TIMEOUT", "CRON", "OLD NAMES"];
        table::table(&header, &["OLD NAMES", "PRIORITY", "TIMEOUT"], definitions.iter().map(row))
    })
}

fn row(definition: &Definition) -> Vec<String> {
    let defaults = &definition.defaults;
    vec![
        defaults.name.into(),
        queue(definition),
        defaults.priority.to_string(),
        defaults.max_attempts.to_string(),
        defaults.timeout.map(durations::show).unwrap_or_default(),
        cron(definition),
        defaults.aliases.join(", "),
    ]
}

fn document(definition: &Definition) -> Value {
    let defaults = &definition.defaults;
    json!({
        "name": defaults.name,
        "queue": queue(definition),
        "priority": defaults.priority,
        "max_attempts": defaults.max_attempts,
        "timeout_seconds": defaults.timeout.map(|timeout| timeout.as_secs_f64()),
        "aliases": defaults.aliases,
        "cron": defaults.cron,
        "timezone": defaults.cron.map(|_| defaults.timezone.unwrap_or(UTC)),
    })
}

fn cron(definition: &Definition) -> String {
    let defaults = &definition.defaults;
    defaults.cron.map_or_else(String::new, |times| format!("{times} {}", defaults.timezone.unwrap_or(UTC)))
}

fn queue(definition: &Definition) -> String {
    definition.defaults.queue.map_or_else(default_queue, Into::into)
}
