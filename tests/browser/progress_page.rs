//! The example of a page for a program's own users, as they see it.

use std::path::PathBuf;
use std::process::Stdio;

use jobs_tests::soon;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::browser::Browser;
use crate::support::case::cases;

cases![an_import_is_followed_to_its_end_and_again_after_a_reload if example_is_built, a_forged_link_shows_nothing if example_is_built];

/// The example, if it is built: `cargo test` does it, and `cargo build --examples`.
fn program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let program = own.ancestors().nth(2)?.join("examples").join("progress_page");
    program.exists().then_some(program)
}

fn example_is_built() -> bool {
    program().is_some()
}

/// Starts the example, and returns its address. It ends with the first value.
async fn start() -> (Child, String) {
    let program = program().expect("a case is ignored without it");
    let mut command = Command::new(program);
    command.arg("127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut example = command.spawn().unwrap();
    let mut lines = BufReader::new(example.stdout.take().unwrap()).lines();
    let address = soon(lines.next_line()).await.unwrap().expect("it prints its address");
    (example, address)
}

async fn an_import_is_followed_to_its_end_and_again_after_a_reload(browser: Browser) {
    let (_example, address) = start().await;
    browser.goto(&address).await;
    browser.click("Start the import").await;
    browser.until("document.querySelector('progress')?.value > 0").await;
    browser.until("document.querySelector('progress').value > 20").await;
    let page = browser.address().await;
    assert!(page.contains("/progress?token="), "{page}");
    browser.goto(&page).await;
    browser.until_text("Reading orders-november.csv").await;
    browser.until("document.querySelector('progress').value === 100").await;
    browser.until_text("orders were imported.").await;
    let notes = "return [...document.querySelectorAll('#notes li')].map(note => note.textContent)";
    let notes = browser.execute(notes, &[]).await;
    assert_eq!(notes.as_array().map(Vec::len), Some(5), "each once: {notes}");
    // Whoever comes late is told the same.
    browser.goto(&page).await;
    browser.until_text("orders were imported.").await;
    let deeds = browser.deeds().await;
    assert!(deeds.executed.is_empty() && deeds.refused.is_empty(), "{deeds:?}");
}

async fn a_forged_link_shows_nothing(browser: Browser) {
    let (_example, address) = start().await;
    browser.goto(&format!("{address}progress?token=1.9999999999.AAAA")).await;
    assert_eq!(browser.heading().await, "This link is not valid");
}
