//! A command that was called, as its test sees it.

use std::process::Stdio;

use jobs_tests::{Database, soon};
use serde_json::Value;
use tokio::process::{Child, Command};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cli-program");
pub(crate) const WITHOUT_JOBS: &str = env!("CARGO_BIN_EXE_cli-without-jobs");

/// How a command has ended, and what it has printed.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Called {
    /// The output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Calls a command of the program with jobs, on the test's database.
pub(crate) async fn call(t: &Database, arguments: &[&str]) -> Called {
    call_on(PROGRAM, Some(t.url()), arguments).await
}

/// Calls a command that must succeed, and returns its output.
pub(crate) async fn done(t: &Database, arguments: &[&str]) -> String {
    let called = call(t, arguments).await;
    assert_eq!(called.code, 0, "{arguments:?}: {called:#?}");
    called.output
}

/// Like `done`, with `--json`.
pub(crate) async fn json(t: &Database, arguments: &[&str]) -> Value {
    let called = call(t, &[arguments, &["--json"]].concat()).await;
    assert_eq!(called.code, 0, "{arguments:?}: {called:#?}");
    called.json()
}

pub(crate) async fn call_on(program: &str, url: Option<&str>, arguments: &[&str]) -> Called {
    let output = soon(command(program, url, arguments).output()).await.unwrap();
    Called {
        code: output.status.code().unwrap_or_else(|| panic!("{arguments:?}: {output:#?}")),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts a command that runs beside the test. It is killed if the test ends before it.
pub(crate) fn start(t: &Database, arguments: &[&str]) -> Child {
    start_of(PROGRAM, t, arguments)
}

/// Like `start`, for this program.
pub(crate) fn start_of(program: &str, t: &Database, arguments: &[&str]) -> Child {
    command(program, Some(t.url()), arguments).spawn().unwrap()
}

/// The exit code of a command whose output and errors nobody reads.
pub(crate) async fn unread(t: &Database, arguments: &[&str]) -> Option<i32> {
    let mut child = start(t, arguments);
    drop((child.stdout.take(), child.stderr.take()));
    soon(child.wait()).await.unwrap().code()
}

fn command(program: &str, url: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("JOBS_DATABASE_URL").kill_on_drop(true);
    if let Some(url) = url {
        command.env("JOBS_DATABASE_URL", url);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
