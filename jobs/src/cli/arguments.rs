//! The command line's arguments.

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::audit::Audit;
use super::completions::Completions;
use super::cron::Cron;
use super::doctor::Doctor;
use super::list::List;
use super::migrate::Migrate;
use super::operate::Selection;
use super::queues::{Pause, Queue};
use super::schedule::Schedule;
use super::set_parameter::SetParameter;
use super::show::Show;
use super::watch::Watch;
#[cfg(feature = "web")]
use super::web::Web;
use super::why::Why;
use super::worker::RunWorker;

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 it failed, was not found, did not succeed, or something is wrong; 2 the command line is invalid.";

/// Background jobs: schedule, execute, inspect and manage them.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// The database: `sqlite:FILE`, `postgres://…` or `mysql://…` [default: `JOBS_DATABASE_URL` in the environment].
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database: Option<String>,

    /// Print one JSON document or, for `watch` and `web`, one per line.
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create the tables, or bring them up to date.
    Migrate(Migrate),
    /// Execute jobs, until Ctrl-C or SIGTERM.
    Worker(RunWorker),
    /// Serve the dashboard, pages for a browser, until Ctrl-C or SIGTERM.
    #[cfg(feature = "web")]
    Web(Web),
    /// List the jobs that this program can execute.
    Definitions,
    /// Schedule a job by its name.
    Schedule(Schedule),
    /// List jobs, newest first.
    List(List),
    /// Show everything about a job, with a timeline.
    Show(Show),
    /// Tell why a job waits.
    Why(Why),
    /// Follow a job until it has ended, or all running jobs until Ctrl-C.
    Watch(Watch),
    /// Cancel waiting jobs, and ask running ones to stop.
    Cancel(Selection),
    /// Schedule closed jobs again.
    Retry(Selection),
    /// Delete closed jobs, with their messages.
    Delete(Selection),
    /// Make waiting jobs due now.
    RunNow(Selection),
    /// Change a parameter of a waiting job.
    SetParameter(SetParameter),
    /// List the queues, with the number of waiting jobs.
    Queues,
    /// Stop workers from claiming from a queue, for a while or until it is resumed.
    Pause(Pause),
    /// Let workers claim from a paused queue again.
    Resume(Queue),
    /// List, add and manage schedules.
    #[command(subcommand)]
    Cron(Cron),
    /// List what was done by whom, newest first.
    Audit(Audit),
    /// List the workers.
    Workers,
    /// Count jobs by status and queue.
    Stats,
    /// Look for problems, and say what to do about them.
    Doctor(Doctor),
    /// Print a shell's completion script.
    Completions(Completions),
}

impl Arguments {
    /// Parses the program's arguments. A program without jobs does not list the commands to execute them.
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
