//! Clocks that are wrong, and that jump: of workers, and of the database.

use std::cell::Cell;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use jobs_tests::{Database, Kind, PATIENCE, cases};
use tempfile::TempDir;

use crate::support::fleet::Fleet;
use crate::support::load::{self, Long};
use crate::support::options::Options;
use crate::support::scenario::{Scenario, until_none};
use crate::support::scheduled::{Fate, Scheduled};
use crate::support::server::{self, Server};

cases![
    workers_whose_clocks_are_wrong_run_nothing_early_and_rob_nobody if can_be_wrong,
    a_database_whose_clock_jumps_robs_no_live_worker_and_hides_no_dead_one if can_be_set,
];

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
        // By then, they have read it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let lost = t.number("SELECT count(*) FROM jobs_attempt WHERE how = 'lost'").await;
        assert_eq!(lost, 0, "live workers were robbed");
    };
    Scenario { name: "clocks that jump", rounds: 5, in_an_hour: 50, jobs_a_round: 100 }.run(&t, fleet, jump).await;
}

/// By how many seconds the database's clock jumps: for longer than a lease, and back by less than tests wait for what waits meanwhile.
const FORWARD: i64 = 60;
const BACK: i64 = 20;

/// How many jobs run from before a jump forward until after the jump back.
const LONG: usize = 12;

async fn a_database_whose_clock_jumps_robs_no_live_worker_and_hides_no_dead_one(t: Database) {
    let clock = DatabaseClock::new();
    let (server, t) = match t.kind() {
        Kind::Sqlite => (None, t),
        kind => {
            let server = Server::start_in(kind, clock.environment()).await;
            let t = Database::on(kind, &server.url()).await.unwrap();
            (Some(server), t)
        }
    };
    let mut fleet = Fleet::new(&t);
    if server.is_none() {
        fleet.environment = clock.environment();
    }
    fleet.add_all(3).await;
    load::prepare(&t).await;
    fleet.until_all_have_joined(&t).await;
    let (options, mut scheduled) = (Options::get(), Scheduled::default());
    let mut random = fastrand::Rng::with_seed(options.seed);
    for _ in 0..options.rounds(3, 30) {
        for _ in 0..LONG {
            scheduled.one(Long::new(u8::MAX).schedule(t.db()), Fate::Terminates).await;
        }
        scheduled.add(t.db(), &mut random, 50).await;
        let missing = format!("SELECT {LONG} - count(*) FROM jobs_job WHERE status = 1 AND name = 'Long'");
        until_none(&t, &missing, PATIENCE).await;
        clock.jump(FORWARD);
        tokio::time::sleep(fleet.setup.lease).await;
        fleet.kill_one(&mut random).await;
        clock.jump(-BACK);
        // What it had is executed again before the next jump makes it wait.
        tokio::time::sleep(fleet.recovery).await;
    }
    // By the clock of the journals they run early: what is due later is due sooner if the clock is set forward.
    scheduled.due.clear();
    let scenario = Scenario { name: "jumps of the database's clock", rounds: 3, in_an_hour: 30, jobs_a_round: 50 };
    Box::pin(scenario.conclude(&t, fleet, scheduled)).await;
}

/// The clock of a database, that can be set while it runs.
struct DatabaseClock {
    directory: TempDir,
    ahead: Cell<i64>,
}

impl DatabaseClock {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the clock");
        // A server runs under another user.
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let clock = Self { directory, ahead: Cell::new(0) };
        clock.jump(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }

    /// All processes see it at once.
    fn environment(&self) -> Vec<(&'static str, String)> {
        [environment(&self.file()), vec![("FAKETIME_NO_CACHE", "1".into())]].concat()
    }

    fn jump(&self, seconds: i64) {
        self.ahead.set(self.ahead.get() + seconds);
        set(&self.file(), &format!("{:+}", self.ahead.get()));
    }
}

/// The environment that makes a program use this clock. Its monotonic clock is left alone.
fn environment(clock: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("LD_PRELOAD", library().expect("it is installed").display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_CACHE_DURATION", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ]
}

/// Sets a clock while others may be reading it.
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

/// Whether the clock can be set: that of the case's own server, or of all processes on SQLite.
fn can_be_set(kind: Kind) -> bool {
    library().is_some() && (kind == Kind::Sqlite || server::is_installed(kind))
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
