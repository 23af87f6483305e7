//! `web`: the dashboard in a process of its own.

use std::process::ExitStatus;

use jobs_tests::{Database, cases, soon};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout};

use crate::support::command::{PROGRAM, WITHOUT_JOBS, call, start_of};

cases![
    a_link_is_printed_that_lets_a_browser_in,
    a_token_lets_programs_in_and_other_machines_may_reach_it,
    it_knows_the_definitions_of_its_own_program,
    it_stops_when_told_to_although_requests_are_open,
    other_machines_do_not_reach_a_server_that_knows_nobody,
    what_would_not_be_safe_is_refused_and_the_error_says_what_to_do,
];

/// A server, as who started it sees it.
struct Server {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(t: &Database, arguments: &[&str]) -> Self {
        Self::of(PROGRAM, t, arguments)
    }

    fn of(program: &str, t: &Database, arguments: &[&str]) -> Self {
        let mut child = start_of(program, t, &[&["web"], arguments].concat());
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, output }
    }

    /// The next line that it prints.
    async fn line(&mut self) -> String {
        let Some(line) = soon(self.output.next_line()).await.unwrap() else {
            let mut errors = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
            panic!("it has ended: {errors}");
        };
        line
    }

    async fn stop(mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().unwrap().try_into().unwrap()), signal).unwrap();
        soon(self.child.wait()).await.unwrap()
    }
}

/// Splits an address into that of the server, and the path.
fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").expect("a link");
    rest.split_at(rest.find('/').expect("a path"))
}

/// Sends a request to a server, and returns all that it answers.
async fn ask(server: &str, request: &str, headers: &[(&str, &str)], form: &str) -> String {
    let mut stream = soon(TcpStream::connect(server)).await.unwrap();
    let length = form.len().to_string();
    let first = [("Host", server), ("Connection", "close"), ("Content-Length", &length)];
    let lines: Vec<_> = first.iter().chain(headers).map(|(name, value)| format!("{name}: {value}")).collect();
    let request = format!("{request} HTTP/1.1\r\n{}\r\n\r\n{form}", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

async fn a_link_is_printed_that_lets_a_browser_in(t: Database) {
    let mut server = Server::start(&t, &["--listen", "127.0.0.1:0"]);
    let link = server.line().await;
    let (address, path) = split(&link);
    assert!(path.starts_with("/login?token="), "{link}");
    let unknown = ask(address, "GET /overview", &[], "").await;
    assert!(unknown.starts_with("HTTP/1.1 401 "), "{unknown}");
    let page = ask(address, &format!("GET {path}"), &[], "").await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("Open the dashboard"), "{page}");

    let origin = format!("http://{address}");
    let browser = [FORM, ("Origin", origin.as_str())];
    let form = path.strip_prefix("/login?").unwrap();
    let entered = ask(address, "POST /login", &browser, form).await;
    assert!(entered.starts_with("HTTP/1.1 303 ") && entered.contains("location: overview\r\n"), "{entered}");
    let (_, cookie) = entered.split_once("set-cookie: ").unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let page = ask(address, "GET /overview", &[("Cookie", cookie)], "").await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("href=\"audit\""), "an administrator: {page}");
    assert!(ask(address, "POST /login", &browser, form).await.starts_with("HTTP/1.1 403 "));

    // The link is used: another one can be had.
    assert!(ask(address, "POST /link", &browser, "").await.starts_with("HTTP/1.1 200 "));
    let next = server.line().await;
    assert!(split(&next).0 == address && next != link, "{next}");
    assert_eq!(server.stop(Signal::SIGTERM).await.code(), Some(0));
}

async fn a_token_lets_programs_in_and_other_machines_may_reach_it(t: Database) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
    let path = file.path().to_str().unwrap();
    let mut server =
        Server::start(&t, &["--json", "--listen", "0.0.0.0:0", "--token-file", path, "--role", "operator"]);
    let started: Value = serde_json::from_str(&server.line().await).unwrap();
    let (address, path) = split(started["url"].as_str().unwrap());
    assert_eq!((path, &started["valid_seconds"]), ("/", &Value::Null));
    let address = format!("127.0.0.1:{}", address.strip_prefix("0.0.0.0:").unwrap());

    let bearer = ("Authorization", "Bearer 0123456789abcdef0123456789abcdef");
    let paused = ask(&address, "POST /pause-queue", &[FORM, bearer], "queue=mail").await;
    assert!(paused.starts_with("HTTP/1.1 303 "), "{paused}");
    let audit = ask(&address, "GET /audit", &[bearer], "").await;
    assert!(audit.starts_with("HTTP/1.1 403 "), "an operator: {audit}");
    assert!(jobs::queues(t.db()).await.unwrap()[0].paused_at.is_some());
    assert_eq!(server.stop(Signal::SIGINT).await.code(), Some(0));
}

async fn it_knows_the_definitions_of_its_own_program(t: Database) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
    let path = file.path().to_str().unwrap();
    let bearer = ("Authorization", "Bearer 0123456789abcdef0123456789abcdef");
    for (program, text) in
        [(PROGRAM, "<a href=\"definition?name="), (WITHOUT_JOBS, "<strong>This program has no definitions.</strong>")]
    {
        let mut server = Server::of(program, &t, &["--listen", "127.0.0.1:0", "--token-file", path]);
        let url = server.line().await;
        let page = ask(split(&url).0, "GET /definitions", &[bearer], "").await;
        assert!(page.starts_with("HTTP/1.1 200 ") && page.contains(text), "{program}: {page}");
        assert_eq!(server.stop(Signal::SIGTERM).await.code(), Some(0));
    }
}

async fn it_stops_when_told_to_although_requests_are_open(t: Database) {
    let mut server = Server::start(&t, &["--listen", "127.0.0.1:0"]);
    let link = server.line().await;
    let (address, _) = split(&link);
    let mut open = soon(TcpStream::connect(address)).await.unwrap();
    let begin = format!(
        "POST /login HTTP/1.1\r\nHost: {address}\r\n{}: {}\r\nContent-Length: 100\r\n\r\ntoken=",
        FORM.0, FORM.1
    );
    open.write_all(begin.as_bytes()).await.unwrap();
    // It has been accepted by the time that the next one is answered.
    ask(address, "GET /login", &[], "").await;
    assert_eq!(server.stop(Signal::SIGTERM).await.code(), Some(0));
    let mut rest = Vec::new();
    // Closed, reset, or told that it takes too long.
    let _ = soon(open.read_to_end(&mut rest)).await;
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&rest));
}

async fn other_machines_do_not_reach_a_server_that_knows_nobody(t: Database) {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.7:7433"] {
        let called = call(&t, &["web", "--listen", address]).await;
        assert_eq!((called.code, called.output.as_str()), (2, ""), "{address}: {called:#?}");
        for option in ["--token-file", "--trust-header", "--trust-proxy"] {
            assert!(called.errors.contains(option), "{address}: {called:#?}");
        }
    }
}

async fn what_would_not_be_safe_is_refused_and_the_error_says_what_to_do(t: Database) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "too-short").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (path, taken) = (file.path().to_str().unwrap(), taken.local_addr().unwrap().to_string());
    for (arguments, code, reason) in [
        (&["--trust-header", "X-User"][..], 2, "--trust-proxy"),
        (&["--trust-proxy", "192.0.2.7"], 2, "--trust-header"),
        (&["--trust-header", "not a header", "--trust-proxy", "192.0.2.7"], 2, "header"),
        (&["--trust-header", "X-User", "--trust-proxy", "proxy.example.com"], 2, "proxy.example.com"),
        (&["--listen", "7433"], 2, "127.0.0.1:7433"),
        (&["--host", "https://jobs.example.com"], 2, "without a scheme"),
        (&["--role", "root"], 2, "viewer"),
        (&["--token-file", "/no/such/file"], 1, "/no/such/file"),
        (&["--token-file", path], 1, "at least 32"),
        (&["--listen", &taken], 1, "--listen"),
    ] {
        let called = call(&t, &[&["web"], arguments].concat()).await;
        assert_eq!((called.code, called.output.as_str()), (code, ""), "{arguments:?}: {called:#?}");
        assert!(called.errors.contains(reason), "{arguments:?}: {called:#?}");
    }
}
