//! A disk without space, and with space again.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{Error, JobFilter};
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::DatabaseConnection;

use crate::support::definitions::{Play, Script};

cases![
    a_worker_goes_on_when_its_full_disk_has_space_again if may_mount,
];

/// A small disk is a mount, and only root may make one.
fn may_mount(kind: Kind) -> bool {
    kind == Kind::Sqlite && nix::unistd::Uid::effective().is_root()
}

/// A disk of a few megabytes, until it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(directory.path()));
        Self(directory)
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(self.0.path()));
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// How often each job was executed.
type Executed = Arc<Mutex<HashMap<JobId, u32>>>;

const JOBS: u32 = 30;

/// Executes jobs while there is no space to write their ends.
async fn goes_on(db: DatabaseConnection, file: &Path, take_space: impl AsyncFn(), give_space: impl AsyncFn()) {
    let (gate, executed) = (Gate::default(), Executed::default());
    let script = Script::new(|job: JobContext| async move {
        *job.state::<Executed>().lock().unwrap().entry(job.id()).or_default() += 1;
        job.message("about to return");
        job.state::<Gate>().pass().await;
        Ok("x".repeat(50_000))
    });
    let worker = Worker::new(db.clone()).queue("play", JOBS as usize).state(script);
    let running = Running::start(worker.state(gate.clone()).state(executed.clone()));
    let handles = jobs::schedule_all(&db, (0..JOBS).map(|_| Play::new())).await.unwrap();
    gate.arrivals(JOBS).await;

    take_space().await;
    gate.open(JOBS as usize);
    // As in another process: what it schedules is refused, for lack of space, until the worker has tried often.
    let other = jobs::connect(format!("sqlite:{}", file.display())).await.unwrap();
    let full = Instant::now();
    while full.elapsed() < Duration::from_secs(4) {
        if let Err(error) = Play::new().with_name("y".repeat(100_000)).schedule(&db).await {
            assert!(matches!(&error, Error::Database(error) if error.to_string().contains("full")), "{error}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let waiting = jobs::counts(&db, JobFilter::new()).await.unwrap();
    assert!(waiting.running > 0, "the disk was not full: {waiting:?}");
    give_space().await;

    let freed = Instant::now();
    Play::new().schedule(&other).await.unwrap();
    gate.open(1_000);
    for handle in &handles {
        soon(handle.wait(&db)).await.unwrap();
    }
    assert!(freed.elapsed() < Duration::from_secs(25), "{:?}", freed.elapsed());
    let executed = executed.lock().unwrap().clone();
    assert!(executed.values().all(|times| *times == 1), "{executed:?}");
    running.stop().await;
    let left = jobs::counts(&other, JobFilter::new()).await.unwrap();
    assert_eq!((left.running, left.failed), (0, 0), "{left:?}");
}

async fn a_worker_goes_on_when_its_full_disk_has_space_again(_: Database) {
    let disk = Disk::new();
    let file = disk.0.path().join("jobs.db");
    let db = jobs::connect(format!("sqlite:{}", file.display())).await.unwrap();
    jobs::migrate(&db).await.unwrap();
    goes_on(db.clone(), &file, async || disk.fill(), async || disk.free()).await;
    db.close().await.unwrap();
}
