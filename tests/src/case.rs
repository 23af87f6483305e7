//! Cases, and the program that runs each of them on each database.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use tokio::task::LocalSet;

use crate::{Account, Database, Kind};

/// A test: its claim, and the code that shows it.
#[derive(Clone, Copy)]
pub struct Case {
    /// `module::claim`.
    pub name: &'static str,
    /// Whether the claim applies to this kind of database.
    pub fits: fn(Kind) -> bool,
    /// Panics if the claim does not hold.
    pub run: fn(Database) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Lists a module's cases: `cases![a_claim, another_claim if Kind::notifies];` makes `pub(crate) fn cases() -> Vec<Case>`.
#[macro_export]
macro_rules! cases {
    ($($case:ident $(if $fits:path)?),* $(,)?) => {
        pub(crate) fn cases() -> Vec<$crate::Case> {
            let module = module_path!();
            let _ = module;
            vec![$($crate::Case {
                name: concat!(module_path!(), "::", stringify!($case)),
                fits: |_kind| true $(&& $fits(_kind))?,
                run: |database| Box::pin($case(database)),
            }),*]
        }
    };
}

/// Runs all cases on all databases. One whose server is not named in the environment is reported as ignored.
pub fn main(cases: &[Case]) {
    run_all(cases, &Arguments::from_args()).exit();
}

/// Like [`main`], for a program that takes its own arguments besides these.
#[must_use]
pub fn main_with(cases: &[Case], arguments: impl IntoIterator<Item = String>) -> ExitCode {
    run_all(cases, &Arguments::from_iter(arguments)).exit_code()
}

fn run_all(cases: &[Case], arguments: &Arguments) -> Conclusion {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    let trials = Kind::ALL
        .into_iter()
        .flat_map(|kind| cases.iter().filter(move |case| (case.fits)(kind)).map(move |case| trial(kind, *case)))
        .collect();
    libtest_mimic::run(arguments, trials)
}

fn trial(kind: Kind, case: Case) -> Trial {
    let claim = case.name.split_once("::").map_or(case.name, |(_, claim)| claim);
    Trial::test(format!("{kind}::{claim}"), move || run(kind, case)).with_ignored_flag(kind.server().is_none())
}

fn run(kind: Kind, case: Case) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // A case is spawned for its panic, and stays on this thread: what it borrows need not be proved to be sent.
    let result = LocalSet::new().block_on(&runtime, async {
        let database = Database::new(kind).await?;
        let name = database.name().to_owned();
        let ended = tokio::task::spawn_local((case.run)(database)).await;
        Database::drop_server_side(kind, &name).await?;
        Account::drop_all(kind, &name).await?;
        // The panic's message has been printed where it happened.
        ended.map_err(|panic| Failed::from(panic.to_string()))
    });
    runtime.shutdown_background();
    result
}
