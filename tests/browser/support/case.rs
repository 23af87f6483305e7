//! Cases, and the program that runs each of them with a browser of its own.

use std::pin::Pin;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::task::LocalSet;

use super::browser::Browser;
use super::driver;

/// A test: its claim, and the code that shows it.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// `module::claim`.
    pub(crate) name: &'static str,
    /// Whether there is what it takes, besides a browser.
    pub(crate) is_possible: fn() -> bool,
    /// Panics if the claim does not hold.
    pub(crate) run: fn(Browser) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Lists a module's cases: `cases![a_claim, another_claim if axe_is_there];` makes `pub(crate) fn cases() -> Vec<Case>`.
macro_rules! cases {
    ($($case:ident $(if $is_possible:path)?),* $(,)?) => {
        pub(crate) fn cases() -> Vec<$crate::support::case::Case> {
            vec![$($crate::support::case::Case {
                name: concat!(module_path!(), "::", stringify!($case)),
                is_possible: || true $(&& $is_possible())?,
                run: |browser| Box::pin($case(browser)),
            }),*]
        }
    };
}
pub(crate) use cases;

/// Runs all cases. Those for which something is missing are ignored.
pub(crate) fn main(cases: &[Case]) -> ExitCode {
    let trials = cases.iter().map(|case| trial(*case)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(case: Case) -> Trial {
    let claim = case.name.split_once("::").map_or(case.name, |(_, claim)| claim);
    let is_possible = driver::program().is_some() && (case.is_possible)();
    Trial::test(format!("browser::{claim}"), move || run(case)).with_ignored_flag(!is_possible)
}

fn run(case: Case) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = LocalSet::new().block_on(&runtime, async {
        let browser = Browser::start().await;
        // A case is spawned for its panic, after which the browser is closed all the same.
        let ended = tokio::task::spawn_local((case.run)(browser.clone())).await;
        browser.close().await;
        ended.map_err(|panic| Failed::from(panic.to_string()))
    });
    runtime.shutdown_background();
    result
}
