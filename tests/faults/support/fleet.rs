//! The workers of a case: processes that are killed, frozen, told to stop, and replaced.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use jobs_tests::{Database, PATIENCE, Proxy};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::check;
use crate::support::journal::{Journal, What};
use crate::support::scenario::until_none;
use crate::support::worker::{Setup, VARIABLE};

pub(crate) struct Fleet {
    /// How the next worker is set up.
    pub(crate) setup: Setup,
    /// Whether the next worker reaches the database through its own proxy.
    pub(crate) behind_proxy: bool,
    /// The environment of the next worker, besides this program's.
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) workers: Vec<Member>,
    /// How soon what ran in a worker that was killed runs again.
    pub(crate) recovery: Duration,
    /// Ends that nobody asked for, and whatever else a case has seen.
    pub(crate) surprises: Vec<String>,
    pub(crate) journal: Journal,
    started: usize,
    directory: TempDir,
}

/// A worker of the fleet.
pub(crate) struct Member {
    process: Child,
    pub(crate) proxy: Option<Proxy>,
    /// How often it was taken for dead, while it was frozen for longer than its lease.
    taken_for_dead: usize,
    log: PathBuf,
}

impl Member {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The log of the worker.
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Fleet {
    /// Creates an empty fleet.
    pub(crate) fn new(t: &Database) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the journals");
        let journal = Journal::open(directory.path()).expect("a journal of the test's own");
        let setup = Setup {
            url: check::named(t),
            directory: directory.path().into(),
            lease: Duration::from_secs(3),
            heartbeat: Duration::from_millis(500),
            cancel_grace: Duration::from_millis(300),
            shutdown_grace: Duration::from_millis(300),
            release: None,
        };
        Self {
            recovery: setup.lease + setup.heartbeat + Duration::from_secs(5),
            setup,
            behind_proxy: false,
            environment: Vec::new(),
            workers: Vec::new(),
            surprises: Vec::new(),
            journal,
            started: 0,
            directory,
        }
    }

    /// Starts a fleet of this many workers.
    pub(crate) async fn start(t: &Database, number: usize) -> Self {
        let mut fleet = Self::new(t);
        fleet.add_all(number).await;
        fleet
    }

    /// Starts a fleet of this many workers, each behind its own proxy.
    pub(crate) async fn start_behind_proxies(t: &Database, number: usize) -> Self {
        let mut fleet = Self::new(t);
        fleet.behind_proxy = true;
        fleet.add_all(number).await;
        fleet
    }

    /// Where the journals are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) async fn add_all(&mut self, number: usize) {
        for _ in 0..number {
            self.add().await;
        }
    }

    /// Starts another worker.
    pub(crate) async fn add(&mut self) {
        let proxy = if self.behind_proxy { Some(Proxy::to(&self.setup.url).await) } else { None };
        let url = proxy.as_ref().map_or(&*self.setup.url, Proxy::url).to_owned();
        let setup = Setup { url, ..self.setup.clone() };
        self.started += 1;
        let log = self.directory.path().join(format!("{}.log", self.started));
        let worker = Command::new(std::env::current_exe().expect("this program"))
            .env(VARIABLE, serde_json::to_string(&setup).expect("a setup serializes"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn();
        self.workers.push(Member { process: worker.expect("the worker starts"), proxy, taken_for_dead: 0, log });
    }

    /// Waits until each has a row: one that is told to stop before that would miss it.
    pub(crate) async fn until_all_have_joined(&self, t: &Database) {
        for worker in &self.workers {
            let missing = format!("SELECT 1 - count(*) FROM jobs_worker WHERE pid = {}", worker.pid());
            until_none(t, &missing, PATIENCE).await;
        }
    }

    /// A random worker.
    pub(crate) fn any(&self, random: &mut fastrand::Rng) -> &Member {
        &self.workers[random.usize(..self.workers.len())]
    }

    /// The proxy of a random worker.
    pub(crate) fn any_proxy(&self, random: &mut fastrand::Rng) -> &Proxy {
        self.any(random).proxy.as_ref().expect("it was started behind one")
    }

    /// Kills a random worker, and starts another.
    pub(crate) async fn kill_one(&mut self, random: &mut fastrand::Rng) {
        let mut killed = self.workers.swap_remove(random.usize(..self.workers.len()));
        killed.process.kill().expect("it can be killed");
        let status = killed.process.wait().expect("it can be waited for");
        self.must_end_by(status, Signal::SIGKILL);
        self.journal.note(killed.pid(), What::Killed);
        self.add().await;
    }

    /// Starts another for each that has ended by itself, or asks to be restarted, as a supervisor does.
    pub(crate) async fn replace_dead(&mut self) {
        let mut replaced = 0;
        for mut worker in std::mem::take(&mut self.workers) {
            if worker.process.try_wait().expect("it can be asked").is_some() {
                self.journal.note(worker.pid(), What::Died);
            } else if worker.log().contains("restart the process") {
                self.journal.note(worker.pid(), What::Frozen);
                worker.process.kill().expect("it can be killed");
                worker.process.wait().expect("it can be waited for");
                self.journal.note(worker.pid(), What::Killed);
            } else {
                self.workers.push(worker);
                continue;
            }
            replaced += 1;
        }
        self.add_all(replaced).await;
    }

    /// Kills all workers: those whose threads never come back can't be told to stop.
    pub(crate) fn kill_all(&mut self) {
        for mut worker in std::mem::take(&mut self.workers) {
            worker.process.kill().expect("it can be killed");
            worker.process.wait().expect("it can be waited for");
            self.journal.note(worker.pid(), What::Killed);
        }
    }

    /// Freezes a random worker past its lease. Afterwards, its log has to say that others took its jobs.
    pub(crate) async fn freeze_one(&mut self, t: &Database, random: &mut fastrand::Rng) {
        let (time, any) = (self.setup.lease + Duration::from_secs(1), random.usize(..self.workers.len()));
        let frozen = self.workers[any].pid();
        // It may have just woken up from the last time.
        self.until_all_have_joined(t).await;
        send(frozen, Signal::SIGSTOP);
        // None of its threads is running any longer.
        waitpid(process(frozen), Some(WaitPidFlag::WUNTRACED)).expect("it stops");
        self.journal.note(frozen, What::Frozen);
        tokio::time::sleep(time).await;
        let has_row = format!("SELECT count(*) FROM jobs_worker WHERE pid = {frozen}");
        if t.kind().locks_rows() {
            // If it was frozen inside a transaction that has its row locked, the server ends that first.
            until_none(t, &has_row, PATIENCE).await;
        }
        if t.number(&has_row).await == 0 {
            self.workers[any].taken_for_dead += 1;
        } else if t.kind().locks_rows() {
            // If there is one lock, it may hold that, and no other worker can take it for dead.
            self.surprises.push(format!("a worker was frozen for {PATIENCE:?}, and not taken for dead"));
        }
        send(frozen, Signal::SIGCONT);
    }

    /// Starts another worker; when that has joined, tells a random older one to stop, and waits until it has.
    pub(crate) async fn replace_one(&mut self, t: &Database, random: &mut fastrand::Rng) {
        let stopped = self.workers.swap_remove(random.usize(..self.workers.len()));
        self.add().await;
        self.until_all_have_joined(t).await;
        self.stop(stopped).await;
    }

    /// Tells all workers to stop, and waits until they have.
    pub(crate) async fn stop_all(&mut self) {
        for worker in std::mem::take(&mut self.workers) {
            self.stop(worker).await;
        }
    }

    async fn stop(&mut self, mut worker: Member) {
        send(worker.pid(), Signal::SIGTERM);
        let ended = tokio::task::spawn_blocking(move || (worker.process.wait(), worker));
        let (status, worker) = jobs_tests::soon(ended).await.expect("it is waited for");
        let status = status.expect("it can be waited for");
        if !status.success() {
            let log = worker.log();
            let last = log.lines().last().unwrap_or_default();
            self.surprises.push(format!("a worker that was told to stop ended with {status}: {last}"));
        }
        let (taken, noticed) = (worker.taken_for_dead, worker.log().matches("has taken this one for dead").count());
        if noticed < taken {
            self.surprises.push(format!("a worker was taken for dead {taken} times, and noticed {noticed}"));
        }
    }

    fn must_end_by(&mut self, status: ExitStatus, signal: Signal) {
        use std::os::unix::process::ExitStatusExt as _;
        if status.signal() != Some(signal as i32) {
            self.surprises.push(format!("a worker ended by itself, with {status}"));
        }
    }

    /// The logs of all workers.
    pub(crate) fn log(&self) -> String {
        let logs = (1..=self.started).map(|number| self.directory.path().join(format!("{number}.log")));
        logs.filter_map(|log| std::fs::read_to_string(log).ok()).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.process.kill();
            let _ = worker.process.wait();
        }
    }
}

fn send(pid: u32, signal: Signal) {
    kill(process(pid), signal).expect("it runs");
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a process id"))
}
