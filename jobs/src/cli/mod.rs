//! The command line: one line gives a program all commands, for the jobs that are linked into it.
//!
//! ```no_run
//! # mod my_jobs {}
//! use my_jobs as _; // the crate, or module, that has the jobs
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     jobs::cli::main().await
//! }
//! ```
//!
//! `program help` lists the commands: `migrate`, `worker`, `schedule`, `list`, `show`, `why`, `watch`, `cancel`, `retry`, `delete`,
//! `run-now`, `set-parameter`, `queues`, `pause`, `resume`, `cron`, `audit`, `workers`, `stats`, `doctor` and others, with the
//! feature `web` also `web`, which serves the [dashboard](crate::guide::dashboard); `--version` is that of
//! `jobs`. The database is given by `--database`, or by `JOBS_DATABASE_URL`, which hides its password from other users. Tables fit
//! the terminal: a narrow one drops less important columns; if the output is not a terminal, all are there. Stored text never
//! controls the terminal.
//!
//! Commands that change jobs, queues or schedules write it into the [audit](crate::acting_as), as done by `user@host`.
//!
//! With `--json` each command prints one JSON document, and `watch` and `web` one per line. Times are RFC 3339 in UTC, fields ending in
//! `_seconds` are numbers of seconds, including fractions, and statuses are in lower case.
//!
//! The exit code is 0 if the command succeeded; 1 if it failed, a job was not found, the job that it waited for did not succeed, or
//! `doctor` found a problem; and 2 if the command line is invalid. Checks that `doctor` could not perform have the level `info`, and
//! do not change the exit code.
//!
//! The crate's own binary, `jobs`, has no jobs, and all commands except `worker` and `definitions`:
//! `cargo install jobs --features cli,postgres`.

// Top layer: imports lib.rs's re-exports, private items of the layers below, and for the command `web` the dashboard.
// Nothing imports it.
mod arguments;
mod audit;
mod completions;
mod cron;
mod definitions;
mod doctor;
mod failure;
mod filter;
mod list;
mod migrate;
mod operate;
mod output;
mod queues;
mod schedule;
mod screen;
mod set_parameter;
mod show;
mod stats;
mod table;
mod text;
mod timeline;
mod user;
mod watch;
#[cfg(feature = "web")]
mod web;
mod why;
mod worker;
mod workers;

use std::process::ExitCode;

use clap::CommandFactory as _;
use sea_orm::DatabaseConnection;

use crate::Worker;
use crate::client::bulk::Verb;
use crate::client::durations;
use crate::error::fault;
use crate::store::health;
use arguments::{Arguments, Command};
use failure::{CommandResult, Failure};
use output::Output;

/// Runs the command given on the command line, and returns the program's exit code.
pub async fn main() -> ExitCode {
    run(definitions::are_linked(), |worker| worker).await
}

/// Like [`main`], with a worker that `set_up` configures: application state, queues, definitions registered by hand. If the command
/// line names queues, exactly those are served.
///
/// ```no_run
/// # struct Mailer;
/// # #[tokio::main] async fn main() -> std::process::ExitCode {
/// jobs::cli::main_with(|worker| worker.state(Mailer).queue("mail", 20)).await
/// # }
/// ```
pub async fn main_with(set_up: impl FnOnce(Worker) -> Worker) -> ExitCode {
    run(true, set_up).await
}

async fn run(has_jobs: bool, set_up: impl FnOnce(Worker) -> Worker) -> ExitCode {
    let arguments = match Arguments::read(has_jobs) {
        Ok(arguments) => arguments,
        Err(error) => {
            // If nobody reads the output, there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // Boxed: the commands' futures are large, and would make the caller's as large.
    match Box::pin(dispatch(arguments, has_jobs, set_up)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn dispatch(arguments: Arguments, has_jobs: bool, set_up: impl FnOnce(Worker) -> Worker) -> CommandResult {
    let Arguments { database, json, command } = arguments;
    let output = Output::new(json);
    let command = match command {
        Command::Completions(completions) => return completions.run(Arguments::command()),
        Command::Worker(_) | Command::Definitions if !has_jobs => return Err(definitions::missing()),
        Command::Definitions => return definitions::run(output),
        command => command,
    };
    let db = connect(database, &command).await?;
    if !matches!(command, Command::Migrate(_) | Command::Doctor(_)) {
        check_tables(&db).await?;
    }
    let session = || user::session(&db);
    match command {
        Command::Migrate(migrate) => migrate.run(&db, output).await,
        Command::Worker(worker) => worker.run(db, set_up).await,
        #[cfg(feature = "web")]
        Command::Web(web) => web.run(db, output).await,
        Command::Schedule(schedule) => schedule.run(&db, &session(), output).await,
        Command::List(list) => list.run(&db, output).await,
        Command::Show(show) => show.run(&db, output).await,
        Command::Why(why) => why.run(&db, output).await,
        Command::Watch(watch) => watch.run(&db, output).await,
        Command::Cancel(selection) => operate::run(Verb::Cancel, selection, &session(), output).await,
        Command::Retry(selection) => operate::run(Verb::Retry, selection, &session(), output).await,
        Command::Delete(selection) => operate::run(Verb::Delete, selection, &session(), output).await,
        Command::RunNow(selection) => operate::run(Verb::RunNow, selection, &session(), output).await,
        Command::SetParameter(change) => change.run(&session(), output).await,
        Command::Queues => queues::run(&db, output).await,
        Command::Pause(pause) => pause.run(&session(), output).await,
        Command::Resume(queue) => queue.resume(&session(), output).await,
        Command::Cron(cron) => cron.run(&db, &session(), output).await,
        Command::Audit(audit) => audit.run(&session(), output).await,
        Command::Workers => workers::run(&db, output).await,
        Command::Stats => stats::run(&db, output).await,
        Command::Doctor(doctor) => doctor.run(&db, output).await,
        // Handled above, without a database.
        Command::Completions(_) | Command::Definitions => Ok(()),
    }
}

async fn connect(database: Option<String>, command: &Command) -> Result<DatabaseConnection, Failure> {
    let from_environment = || std::env::var("JOBS_DATABASE_URL").ok();
    let url = database.or_else(from_environment).filter(|url| !url.is_empty()).ok_or_else(|| {
        Failure::Usage("which database? Set JOBS_DATABASE_URL, or give --database, such as sqlite:jobs.db".into())
    })?;
    // Only `migrate` creates the file.
    if let Some(file) = health::missing_file(&url).filter(|_| !matches!(command, Command::Migrate(_))) {
        return Err(Failure::Failed(format!("there is no file {}; `migrate` creates it", file.display())));
    }
    // The URL may contain a password, and drivers quote the URL.
    crate::connect(&url)
        .await
        .map_err(|error| Failure::Failed(crate::error::chain(&error).replace(&url, "(the URL of the database)")))
}

/// Refuses a database without tables, because its own error would not say what to do.
async fn check_tables(db: &DatabaseConnection) -> CommandResult {
    health::tables(db).await.map_err(|error| {
        if fault::lacks_tables(&error) {
            return Failure::Failed(format!(
                "the tables do not exist, or are of another version; `migrate` creates them ({error})"
            ));
        }
        error.into()
    })
}
