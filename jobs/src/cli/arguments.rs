//! What the command line may say.

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::completions::Completions;
use super::cron::Cron;
use super::doctor::Doctor;
use super::list::List;
use super::migrate::Migrate;
use super::operate::Selection;
use super::queues::Queue;
use super::schedule::Schedule;
use super::set_parameter::SetParameter;
use super::show::Show;
use super::watch::Watch;
use super::worker::RunWorker;

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 it could not be done, was not found, did not succeed, or something is wrong; 2 the command line is wrong.";

/// Background jobs: schedule them, execute them, look at them and after them.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// The database: `sqlite:FILE`, `postgres://…` or `mysql://…` [default: the environment's `JOBS_DATABASE_URL`].
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database: Option<String>,

    /// Print one JSON document, or, for `watch`, one in each line.
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the tables, or bring them up to date.
    Migrate(Migrate),
    /// Execute jobs, until Ctrl-C or SIGTERM.
    Worker(RunWorker),
    /// List the jobs that this program knows how to execute.
    Definitions,
    /// Schedule a job by its name.
    Schedule(Schedule),
    /// List jobs, newest first.
    List(List),
    /// Show everything about a job, with a time line.
    Show(Show),
    /// Follow a job until it has ended, or all that run until Ctrl-C.
    Watch(Watch),
    /// Cancel jobs that wait; ask those that run to stop.
    Cancel(Selection),
    /// Schedule jobs again that have ended.
    Retry(Selection),
    /// Delete jobs that have ended, with their messages.
    Delete(Selection),
    /// Change a parameter of a job that waits.
    SetParameter(SetParameter),
    /// List the queues, with what waits in them.
    Queues,
    /// Let no worker claim from a queue, until it is resumed.
    Pause(Queue),
    /// Let workers claim from a paused queue again.
    Resume(Queue),
    /// List schedules, make them, and look after them.
    #[command(subcommand)]
    Cron(Cron),
    /// List the workers.
    Workers,
    /// Count jobs by status and queue.
    Stats,
    /// Look for what is wrong, and say what to do about it.
    Doctor(Doctor),
    /// Print a script that completes commands in a shell.
    Completions(Completions),
}

impl Arguments {
    /// The program's own. A program without jobs does not offer to execute any.
    pub(super) fn read(has_jobs: bool) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&command(has_jobs).try_get_matches()?)
    }
}

fn command(has_jobs: bool) -> clap::Command {
    let hide = move |command: clap::Command| command.hide(!has_jobs);
    Arguments::command().mut_subcommand("worker", hide).mut_subcommand("definitions", hide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        command(true).debug_assert();
    }
}
