//! Workers in separate processes: this program, started again.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Result;
use crate::arguments::Arguments;
use crate::database::Database;
use crate::workers::worker;

/// Processes that drain until they are stopped, with one worker each.
pub(crate) struct Processes(Vec<Child>);

impl Processes {
    /// Starts this many processes, and lets them begin together.
    pub(crate) async fn start(database: &Database, number: u16, concurrency: usize) -> Result<Self> {
        let mut processes = Vec::new();
        for _ in 0..number {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--drains", "--database", &database.url, "--concurrency", &concurrency.to_string()]);
            processes.push(command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?);
        }
        for process in &mut processes {
            let ready = process.stdout.take().ok_or("a process has no output")?;
            if BufReader::new(ready).read_line(&mut String::new()).await? == 0 {
                return Err("a process ended before it was ready".into());
            }
        }
        for process in &mut processes {
            process.stdin.as_mut().ok_or("a process has no input")?.write_all(b"go\n").await?;
        }
        Ok(Self(processes))
    }

    /// Stops them, and waits until they have ended.
    pub(crate) async fn stop(self) -> Result<()> {
        for mut process in self.0 {
            drop(process.stdin.take());
            let ended = process.wait().await?;
            if !ended.success() {
                return Err(format!("a process that drains ended with {ended}").into());
            }
        }
        Ok(())
    }
}

/// Runs one of these processes: it begins when it is told to, and ends when its input does.
pub(crate) async fn drain(arguments: &Arguments) -> Result<()> {
    let db = jobs::connect(&arguments.database).await?;
    println!("ready");
    let mut told = BufReader::new(tokio::io::stdin()).lines();
    told.next_line().await?;
    let stop = jobs::CancellationToken::new();
    let running = tokio::spawn(worker(db, &[("bench", arguments.concurrency())]).stop_on(stop.clone()).run());
    while told.next_line().await?.is_some() {}
    stop.cancel();
    Ok(running.await??)
}
