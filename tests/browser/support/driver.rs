//! The program that drives the browser.

use std::process::Stdio;

use jobs_tests::soon;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// What it says when it listens.
const STARTED: &str = "was started successfully on port ";

/// A chromedriver of our own. It ends with this value.
pub(crate) struct Driver {
    pub(crate) address: String,
    _process: Child,
    /// It ends if nobody reads what it says.
    _output: BufReader<ChildStdout>,
}

/// The chromedriver that the environment names.
pub(crate) fn program() -> Option<String> {
    std::env::var("JOBS_TEST_CHROMEDRIVER").ok().filter(|program| !program.is_empty())
}

impl Driver {
    /// Starts it on a port of its choice.
    pub(crate) async fn start() -> Self {
        let program = program().expect("a case is ignored without it");
        let mut command = Command::new(&program);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        let port =
            soon(port(&mut output)).await.unwrap_or_else(|| panic!("{program} has not said on which port it listens"));
        Self { address: format!("http://127.0.0.1:{port}"), _process: process, _output: output }
    }
}

async fn port(output: &mut BufReader<ChildStdout>) -> Option<u16> {
    let mut line = String::new();
    while output.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if let Some((_, port)) = line.split_once(STARTED) {
            return port.trim().trim_end_matches('.').parse().ok();
        }
        line.clear();
    }
    None
}
