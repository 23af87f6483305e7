//! Which jobs a program has.

use jobs_tests::{Database, cases, soon};
use story_jobs::{Wait, started};

use crate::support::process::{Process, WORKER};
use crate::support::setup::Setup;
use crate::support::tables::workers;

cases![
    jobs_in_a_library_that_the_program_names_once_are_found,
    a_program_that_does_not_name_the_library_refuses_to_work_and_says_what_to_do,
    a_program_with_two_jobs_of_one_name_refuses_to_work_and_says_where_they_are,
];

const WITHOUT_JOBS: &str = env!("CARGO_BIN_EXE_story-worker-without-jobs");
const WITH_DUPLICATES: &str = env!("CARGO_BIN_EXE_story-worker-with-duplicates");

async fn jobs_in_a_library_that_the_program_names_once_are_found(t: Database) {
    let worker = Process::start_program(WORKER, &Setup::steady(&t, "worker"));
    let job = jobs_tests::schedule_by_name(t.db(), "Hold", serde_json::json!({})).await.unwrap();
    worker.says(&started(job, 1)).await;
}

async fn a_program_that_does_not_name_the_library_refuses_to_work_and_says_what_to_do(t: Database) {
    let error = refusal(&t, WITHOUT_JOBS).await;
    assert!(error.contains("no definition is linked into this program"), "{error}");
    assert!(error.contains("write `use my_jobs as _;`"), "{error}");
}

async fn a_program_with_two_jobs_of_one_name_refuses_to_work_and_says_where_they_are(t: Database) {
    let error = refusal(&t, WITH_DUPLICATES).await;
    assert!(error.contains("two definitions are named `Twice`"), "{error}");
    assert!(error.contains("#[job(name = \"…\")]"), "{error}");
    let source = include_str!("programs/worker_with_duplicates.rs").lines().enumerate();
    let lines: Vec<_> = source.filter(|(_, line)| line.contains("job_fn")).map(|(before, _)| before + 1).collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(error.contains(&format!("worker_with_duplicates.rs:{line})")), "{line}: {error}");
    }
}

/// The last line of a program that ends by itself, leaving nothing behind.
async fn refusal(t: &Database, program: &str) -> String {
    let waiting = Wait::new().schedule(t.db()).await.unwrap();
    let mut worker = Process::start_program(program, &Setup::steady(t, "worker"));
    let (status, mut log) = soon(worker.ended()).await;
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert_eq!(workers(t).await, 0);
    assert_eq!(waiting.record(t.db()).await.unwrap().attempt, 0);
    log.pop().expect("it says why")
}
