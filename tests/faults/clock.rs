//! Clocks of workers that are wrong, and that jump.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use jobs_tests::{Database, Kind, cases};

use crate::fleet::Fleet;
use crate::scenario::Scenario;

cases![workers_whose_clocks_are_wrong_run_nothing_early_and_rob_nobody if can_be_wrong];

/// By how much a clock is wrong.
const WRONG: [&str; 3] = ["+300", "-300", "+0"];

async fn workers_whose_clocks_are_wrong_run_nothing_early_and_rob_nobody(t: Database) {
    let mut fleet = Fleet::new(&t);
    let clocks = fleet.directory().to_owned();
    for (worker, wrong) in WRONG.into_iter().enumerate() {
        let clock = clocks.join(format!("clock-{worker}"));
        set(&clock, wrong);
        fleet.environment = environment(&clock);
        fleet.add().await;
    }
    assert!(is_wrong_in(&environment(&clocks.join("clock-0"))), "programs are not told the wrong time");
    let jump = async |_: &mut Fleet, random: &mut fastrand::Rng| {
        for worker in 0..WRONG.len() {
            set(&clocks.join(format!("clock-{worker}")), WRONG[random.usize(..WRONG.len())]);
        }
        // By then they have looked at it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let lost = t.number("SELECT count(*) FROM jobs_attempt WHERE how = 'lost'").await;
        assert_eq!(lost, 0, "live workers were robbed");
    };
    Scenario { name: "clocks that jump", rounds: 5, in_an_hour: 50, jobs_a_round: 100 }.run(&t, fleet, jump).await;
}

/// What makes a program believe in this clock. What it measures time with is left alone.
fn environment(clock: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("LD_PRELOAD", library().expect("it is installed").display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_CACHE_DURATION", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ]
}

/// Sets a clock, under the eyes of whoever reads it.
fn set(clock: &Path, wrong: &str) {
    let next = clock.with_extension("next");
    std::fs::write(&next, wrong).expect("the clock can be set");
    std::fs::rename(next, clock).expect("the clock can be set");
}

fn is_wrong_in(environment: &[(&'static str, String)]) -> bool {
    let variables = environment.iter().map(|(name, value)| (name, value));
    let date = Command::new("date").arg("+%s").envs(variables).output().expect("there is a clock");
    let told: u64 = String::from_utf8_lossy(&date.stdout).trim().parse().expect("seconds");
    let true_time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs();
    told.abs_diff(true_time) > 200
}

/// On SQLite the clock of the process is the database's.
fn can_be_wrong(kind: Kind) -> bool {
    kind.locks_rows() && library().is_some()
}

/// libfaketime, where distributions put it.
fn library() -> Option<PathBuf> {
    let name = "faketime/libfaketimeMT.so.1";
    let architectures = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    architectures
        .chain(["/usr/lib64".into(), "/usr/local/lib".into()])
        .map(|lib| lib.join(name))
        .find(|lib| lib.is_file())
}
