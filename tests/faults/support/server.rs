//! A case's own database server, which can be restarted under its clients.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jobs_tests::{Kind, soon};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};
use tempfile::TempDir;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    kind: Kind,
    directory: TempDir,
    port: u16,
    environment: Vec<(&'static str, String)>,
    process: Child,
}

/// Whether the programs of this kind of server are on this machine.
pub(crate) fn is_installed(kind: Kind) -> bool {
    match kind {
        Kind::Sqlite => false,
        Kind::Postgres => program("postgres").is_some() && program("initdb").is_some(),
        Kind::Mariadb => program("mariadbd").is_some() && program("mariadb-install-db").is_some(),
        Kind::Mysql => program("mysqld").is_some(),
    }
}

impl Server {
    /// Creates a server, and starts it.
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::start_in(kind, Vec::new()).await
    }

    /// Like `start`, in this environment.
    pub(crate) async fn start_in(kind: Kind, environment: Vec<(&'static str, String)>) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the server");
        std::os::unix::fs::chown(directory.path(), account().map(|user| user.uid.as_raw()), None).expect("it is ours");
        // Free now, and most probably so when the server starts.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        prepare(kind, directory.path());
        let process = run(kind, directory.path(), port, &environment);
        let server = Self { kind, directory, port, environment, process };
        server.accepts().await;
        server
    }

    /// The URL of the server.
    pub(crate) fn url(&self) -> String {
        match self.kind {
            Kind::Postgres => format!("postgres://postgres@127.0.0.1:{}/postgres", self.port),
            Kind::Sqlite | Kind::Mariadb | Kind::Mysql => format!("mysql://root@127.0.0.1:{}/mysql", self.port),
        }
    }

    /// Stops the server without notice to its clients, and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        self.process = run(self.kind, self.directory.path(), self.port, &self.environment);
        self.accepts().await;
    }

    fn stop(&mut self) {
        // PostgreSQL calls that an immediate shutdown: its processes end as if they had crashed.
        let signal = if self.kind == Kind::Postgres { Signal::SIGQUIT } else { Signal::SIGKILL };
        let pid = i32::try_from(self.process.id()).expect("a process id");
        let _ = kill(Pid::from_raw(pid), signal);
        let _ = self.process.wait();
    }

    /// Waits until the server lets clients in.
    async fn accepts(&self) {
        let until_it_answers = async {
            while jobs::connect(&self.url()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        soon(until_it_answers).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn prepare(kind: Kind, directory: &Path) {
    let made = match kind {
        Kind::Postgres => {
            command("initdb").args(["-A", "trust", "-U", "postgres", "-D"]).arg(directory.join("data")).output()
        }
        Kind::Mysql => command("mysqld")
            .args(["--no-defaults", "--initialize-insecure"])
            .arg(format!("--datadir={}", directory.join("data").display()))
            .output(),
        Kind::Sqlite | Kind::Mariadb => command("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", directory.join("data").display()))
            .output(),
    };
    let made = made.expect("the program is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn run(kind: Kind, directory: &Path, port: u16, environment: &[(&'static str, String)]) -> Child {
    let (port, data) = (port.to_string(), directory.join("data"));
    let mut command = match kind {
        Kind::Postgres => {
            let mut command = command("postgres");
            command.args(["-c", "listen_addresses=127.0.0.1", "-p", &port, "-k"]).arg(directory).arg("-D").arg(data);
            command
        }
        Kind::Sqlite | Kind::Mariadb | Kind::Mysql => {
            let mut command = command(if kind == Kind::Mysql { "mysqld" } else { "mariadbd" });
            command
                .args(["--no-defaults", "--bind-address=127.0.0.1", "--port", &port])
                .args(if kind == Kind::Mysql { &["--mysqlx=OFF"][..] } else { &[] })
                .arg(format!("--datadir={}", data.display()))
                .arg(format!("--socket={}", directory.join("socket").display()))
                .arg(format!("--pid-file={}", directory.join("pid").display()));
            command
        }
    };
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.spawn().expect("the program is installed")
}

/// A program of a server, by a user who may run it.
fn command(name: &str) -> Command {
    let mut command = Command::new(program(name).expect("it is installed"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/").env_remove("TMPDIR");
    if let Some(user) = account() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// Servers refuse to run as root.
fn account() -> Option<User> {
    nix::unistd::getuid().is_root().then(|| User::from_name("nobody").ok().flatten()).flatten()
}

/// Where distributions install the programs of a server.
fn program(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .chain(versions.map(|version| version.path().join("bin")))
        .map(|directory| directory.join(name))
        // Distributions call MariaDB `mysqld`, too.
        .find(|program| {
            std::fs::canonicalize(program)
                .is_ok_and(|file| file.is_file() && (name == "mariadbd" || !file.ends_with("mariadbd")))
        })
}
