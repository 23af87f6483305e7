//! The cost of a worker at full drain: memory, and CPU per job. Read from `/proc`; elsewhere, there is no such figure.

use std::time::Duration;

use crate::Result;
use crate::bench::Bench;
use crate::drain::{drain, fill};
use crate::figure::{Figure, Samples, Unit};

/// The kernel counts CPU time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    if cpu().is_none() {
        return Ok(Vec::new());
    }
    let (database, jobs) = (bench.server.make().await?, bench.arguments.jobs);
    let (mut memory, mut per_job) = (Samples::default(), Samples::default());
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("cost, repeat {}", repeat + 1));
        fill(&database, jobs).await?;
        forget_peak();
        let before = cpu();
        drain(&database, &bench.arguments, 100, jobs).await?;
        if let (Some(before), Some(after)) = (before, cpu()) {
            per_job.push_micros_each(jobs, after.saturating_sub(before));
        }
        if let Some(peak) = peak() {
            memory.push(peak);
        }
    }
    bench.server.remove(database).await?;
    let slots = "drain, 100 slots";
    Ok(vec![
        Figure::new(format!("{slots}, peak memory of the process"), Unit::Mebibytes, memory),
        Figure::new(format!("{slots}, CPU of the process for each job"), Unit::Microseconds, per_job),
    ])
}

/// The CPU time that this process has used.
fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in brackets; user and system time are the 14th and 15th.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * (ticks()? + ticks()?))
}

/// The most memory that was in use, in MiB.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes / 1_024.0)
}

/// Resets the peak, so that it covers what follows; if the kernel does not allow that, it covers everything so far.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
