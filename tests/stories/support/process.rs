//! A process of a story, as its test sees it. It is killed if the test ends before it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jobs_tests::{Database, PATIENCE, soon};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

use crate::support::setup::{Role, Setup, VARIABLE};

/// The program whose jobs are in a library.
pub(crate) const WORKER: &str = env!("CARGO_BIN_EXE_story-worker");

impl Setup {
    /// A worker whose jobs are rescued soon.
    pub(crate) fn new(t: &Database, name: &str) -> Self {
        Self {
            url: t.url().into(),
            name: name.into(),
            role: Role::Work,
            lease: Duration::from_secs(4),
            heartbeat: Duration::from_millis(500),
            cancel_grace: Duration::from_millis(100),
            shutdown_grace: Duration::from_secs(20),
            poll_interval: None,
            listen: true,
        }
    }

    /// A worker that nothing takes for dead in a story's time.
    pub(crate) fn steady(t: &Database, name: &str) -> Self {
        Self { lease: Duration::from_secs(30), heartbeat: Duration::from_secs(10), ..Self::new(t, name) }
    }
}

pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    said: Lines,
    logged: Lines,
}

impl Process {
    pub(crate) fn start(setup: &Setup) -> Self {
        Self::start_program(WORKER, setup)
    }

    pub(crate) fn start_program(program: &str, setup: &Setup) -> Self {
        let setup = serde_json::to_string(setup).expect("a setup serializes");
        let mut child = Command::new(program)
            .env(VARIABLE, setup)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let input = child.stdin.take().expect("it is piped");
        let said = lines(child.stdout.take().expect("it is piped"));
        let logged = lines(child.stderr.take().expect("it is piped"));
        Self { child, input, said, logged }
    }

    /// Lets one job pass the gate.
    pub(crate) async fn open(&mut self) {
        self.input.write_all(b"open\n").await.expect("the process listens");
    }

    /// Waits until it has said this line.
    pub(crate) async fn says(&self, line: &str) {
        self.wait_for(&self.said, line, |known| known == line).await;
    }

    /// Whether it has said this line so far.
    #[cfg(unix)]
    pub(crate) fn has_said(&self, line: &str) -> bool {
        self.said.borrow().iter().any(|known| known == line)
    }

    /// Waits until it has logged a line with this text.
    #[cfg(unix)]
    pub(crate) async fn logs(&self, text: &str) {
        self.wait_for(&self.logged, text, |line| line.contains(text)).await;
    }

    async fn wait_for(&self, lines: &Lines, text: &str, is_it: impl Fn(&str) -> bool) {
        let mut lines = lines.clone();
        let came = tokio::time::timeout(PATIENCE, lines.wait_for(|lines| lines.iter().any(|line| is_it(line)))).await;
        let (said, logged) = (self.said.borrow(), self.logged.borrow());
        assert!(matches!(came, Ok(Ok(_))), "no `{text}`, but {:?}, and in its log: {:#?}", *said, *logged);
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it runs");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("it can be sent");
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Tells it to stop, and waits until it has, successfully and without a complaint in its log.
    #[cfg(unix)]
    pub(crate) async fn stop(&mut self) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let (status, log) = self.ended().await;
        let complaints: Vec<_> =
            log.iter().filter(|line| line.contains(" WARN ") || line.contains(" ERROR ")).collect();
        assert!(status.success() && complaints.is_empty(), "{status}: {complaints:#?}");
    }

    /// Waits until it has ended, for no longer than this. Returns whether it has.
    #[cfg(unix)]
    pub(crate) async fn ends_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.child.wait()).await.is_ok()
    }

    /// Waits until it has ended. Returns how, and its log.
    pub(crate) async fn ended(&mut self) -> (ExitStatus, Vec<String>) {
        let status = soon(self.child.wait()).await.expect("it can be waited for");
        let mut log = self.logged.clone();
        // The log ends with its sender.
        while log.changed().await.is_ok() {}
        (status, log.borrow().clone())
    }
}

/// The lines that a process has written so far; closed if it has ended.
type Lines = watch::Receiver<Vec<String>>;

fn lines(stream: impl AsyncRead + Send + Unpin + 'static) -> Lines {
    let (sender, lines) = watch::channel(Vec::new());
    tokio::spawn(async move {
        let mut stream = BufReader::new(stream).lines();
        while let Ok(Some(line)) = stream.next_line().await {
            sender.send_modify(|lines| lines.push(line));
        }
    });
    lines
}
