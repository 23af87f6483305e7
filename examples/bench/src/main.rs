//! Measures what your database does with `jobs`, each figure beside its floor: raw statements, in the same run.
//!
//! ```sh
//! cargo run --release -p jobs-bench                                           # SQLite, a file in this directory
//! cargo run --release -p jobs-bench -- --database postgres://localhost/test
//! cargo run --release -p jobs-bench -- --only drain,schedule --quick
//! ```
//!
//! It creates its own schema, database or file and drops it afterwards. No figure is printed before SQL has shown that every
//! job finished exactly once.

mod arguments;
mod bench;
mod bulk;
mod claims;
mod cost;
mod dashboard;
mod database;
mod drain;
mod figure;
mod floor;
mod idle;
mod job;
mod latency;
mod limits;
mod live;
mod mixed;
mod processes;
mod progress;
mod scale;
mod schedule;
mod snapshot;
mod statements;
mod steady;
mod table;
mod unique;
mod workers;

use std::process::ExitCode;

use clap::{Parser as _, ValueEnum as _};

use arguments::{Arguments, Group};
use bench::Bench;
use database::Server;
use figure::Figure;

/// Any error ends the run.
pub(crate) type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> ExitCode {
    statements::install();
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    if arguments.drains {
        processes::drain(&arguments).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let bench = Bench { server: Server::new(&arguments.database)?, arguments };
    let measured = tokio::select! {
        measured = measure(&bench) => measured,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    bench.server.clean_up().await?;
    let figures = measured?;
    if bench.arguments.json {
        table::print_json(&figures);
    } else {
        table::print(&figures);
    }
    Ok(verdict(&bench.arguments, &figures))
}

async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for group in Group::value_variants().iter().filter(|group| bench.arguments.wants(**group)) {
        figures.extend(match group {
            Group::Drain => drain::measure(bench).await?,
            Group::Scale => scale::measure(bench).await?,
            Group::Schedule => schedule::measure(bench).await?,
            Group::Bulk => bulk::measure(bench).await?,
            Group::Unique => unique::measure(bench).await?,
            Group::Latency => latency::measure(bench).await?,
            Group::Steady => steady::measure(bench).await?,
            Group::Idle => idle::measure(bench).await?,
            Group::Claims => claims::measure(bench).await?,
            Group::Mixed => mixed::measure(bench).await?,
            Group::Limits => limits::measure(bench).await?,
            Group::Snapshot => snapshot::measure(bench).await?,
            Group::Progress => progress::measure(bench).await?,
            Group::Cost => cost::measure(bench).await?,
            Group::Dashboard => dashboard::measure(bench).await?,
        });
    }
    Ok(figures)
}

/// With `--require`, fails if a ratio is worse than that fraction of its goal.
fn verdict(arguments: &Arguments, figures: &[Figure]) -> ExitCode {
    let Some(fraction) = arguments.require else { return ExitCode::SUCCESS };
    let mut verdict = ExitCode::SUCCESS;
    for figure in figures.iter().filter(|figure| figure.is_within(fraction) == Some(false)) {
        eprintln!("bench: {} is worse than {fraction} of its goal", figure.name);
        verdict = ExitCode::FAILURE;
    }
    verdict
}
