//! The arguments of the command line.

use clap::{Parser, ValueEnum};

/// Measures what your database does with `jobs`, beside what raw statements do on it (the floor).
///
/// The tables are created in the run's own schema, database or file, which is dropped afterwards.
#[derive(Debug, Clone, Parser)]
#[command(name = "jobs-bench")]
pub(crate) struct Arguments {
    /// Where to measure: `postgres://…`, `mysql://…`, or `sqlite:FILE`, next to which the run creates its own files.
    #[arg(long, value_name = "URL", default_value = "sqlite:jobs-bench.db")]
    pub(crate) database: String,

    /// The number of jobs in a drain. The other figures' numbers follow in proportion.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    pub(crate) jobs: u64,

    /// How many workers drain.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) workers: u16,

    /// How many jobs a worker runs at once [default: drains are measured with 10 and with 100].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    concurrency: Option<u32>,

    /// How often each figure is measured; the median counts [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    repeats: Option<u16>,

    /// How long the steady load and the idle measurement last [default: 60].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    seconds: Option<u16>,

    /// How many waiting or closed rows make a large backlog; and how many jobs the dashboard shows.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) backlog: u64,

    /// 3 repeats, and 5 seconds of steady load.
    #[arg(long)]
    quick: bool,

    /// Measure only these groups of figures.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    only: Vec<Group>,

    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,

    /// Fail if a ratio is worse than this fraction of its goal, such as 0.5.
    #[arg(long, value_name = "FRACTION")]
    pub(crate) require: Option<f64>,

    /// Be one of several draining processes: the run starts them itself.
    #[arg(long, hide = true)]
    pub(crate) drains: bool,
}

/// Figures that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Executing waiting jobs.
    Drain,
    /// Drains by many workers.
    Scale,
    /// Scheduling one job at a time.
    Schedule,
    /// Scheduling many at once.
    Bulk,
    /// Scheduling unique jobs.
    Unique,
    /// From schedule to start, on an idle worker.
    Latency,
    /// Half the load that it can bear.
    Steady,
    /// Statements of an idle worker.
    Idle,
    /// Claims beside a large backlog.
    Claims,
    /// Drains of a queue with many names or priorities.
    Mixed,
    /// Drains of jobs whose number is limited.
    Limits,
    /// A drain while another session holds a snapshot open.
    Snapshot,
    /// A drain beside jobs that report their progress.
    Progress,
    /// Memory, and CPU per job.
    Cost,
    /// The dashboard's pages over a large number of jobs.
    Dashboard,
}

impl Arguments {
    /// Whether this group is asked for.
    pub(crate) fn wants(&self, group: Group) -> bool {
        self.only.is_empty() || self.only.contains(&group)
    }

    pub(crate) fn repeats(&self) -> u16 {
        self.repeats.unwrap_or(if self.quick { 3 } else { 5 })
    }

    pub(crate) fn seconds(&self) -> u16 {
        self.seconds.unwrap_or(if self.quick { 5 } else { 60 })
    }

    /// The concurrencies with which to drain.
    pub(crate) fn concurrencies(&self) -> Vec<usize> {
        match self.concurrency {
            Some(_) => vec![self.concurrency()],
            None => vec![10, 100],
        }
    }

    /// The concurrency of figures that are not measured with several.
    pub(crate) fn concurrency(&self) -> usize {
        self.concurrency.map_or(100, |jobs| usize::try_from(jobs).unwrap_or(100))
    }

    /// A number of jobs in proportion to `--jobs`, given for a drain of 20,000.
    pub(crate) fn scaled(&self, of_twenty_thousand: u64) -> u64 {
        (of_twenty_thousand * self.jobs / 20_000).max(16)
    }
}
