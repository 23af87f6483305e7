//! What jobs store: output, results, messages and errors that no database would take as they are.

use jobs::prelude::*;
use jobs::{AttemptEnd, MAX_JSON_BYTES};
use jobs_tests::{Database, Kind, cases};
use serde_json::{Value, json};

use crate::definitions::{Play, Unspeakable, work, wrong};
use crate::faults::history;

cases![
    an_output_over_the_limit_fails_the_job,
    an_output_that_json_cannot_say_fails_the_job,
    nul_is_cleaned_out_of_all_that_a_job_says,
    every_text_comes_back_as_it_was_said,
    a_database_whose_own_character_set_is_another_keeps_every_text if Kind::speaks_mysql,
    results_of_an_attempt_that_failed_are_kept_until_the_next,
    a_value_that_the_database_refuses_fails_its_job_alone,
];

async fn an_output_over_the_limit_fails_the_job(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async { Ok("x".repeat(MAX_JSON_BYTES)) }).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1));
    let reason = record.last_error.unwrap();
    assert!(reason.starts_with("`output` is invalid: ") && reason.contains("1048576"), "{reason}");
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Refused)]);
    assert!(record.results.is_empty());
}

async fn an_output_that_json_cannot_say_fails_the_job(t: Database) {
    let handle = Unspeakable::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async { Ok(()) }).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1));
    let reason = record.last_error.unwrap();
    assert!(reason.contains("`output`") && reason.contains("key must be a string"), "{reason}");
}

async fn nul_is_cleaned_out_of_all_that_a_job_says(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.message("a\0message");
        job.set_result("a\0name", json!({"a\0key": ["a\0value"]}))?;
        wrong(JobError::fail("an\0error"))
    })
    .await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!(record.status, JobStatus::Failed);
    assert_eq!(record.last_error.as_deref(), Some("an\u{FFFD}error"));
    assert_eq!(record.results["a\u{FFFD}name"], json!({"a\u{FFFD}key": ["a\u{FFFD}value"]}));
    assert_eq!(handle.messages(t.db()).await.unwrap()[0].text, "a\u{FFFD}message");
    assert_eq!(handle.attempts(t.db()).await.unwrap()[0].error.as_deref(), Some("an\u{FFFD}error"));
}

async fn every_text_comes_back_as_it_was_said(t: Database) {
    every_text_comes_back(&t).await;
}

async fn a_database_whose_own_character_set_is_another_keeps_every_text(t: Database) {
    t.execute(&format!("ALTER DATABASE {} CHARACTER SET latin1", t.name())).await;
    every_text_comes_back(&t).await;
}

async fn every_text_comes_back(t: &Database) {
    const TEXT: &str =
        "\"'`\\ \\u0041 \\\\n é 漢 😀 \u{1} \u{1f} \u{7f} \u{2028} \t\r\n % _ ? $1 :x {} \u{10FFFF}\u{FEFF} ";
    let handle = Play::new().with_name(TEXT).schedule(t.db()).await.unwrap();
    work(t, |job| async move {
        job.message(TEXT);
        job.set_result(TEXT, job.parameter::<String>("name")?)?;
        job.set_result("numbers", json!([0, -1, 1.5, u64::MAX, i64::MIN, 1e300, true, null, "", {}, []]))?;
        wrong(JobError::fail(TEXT))
    })
    .await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!(record.parameter::<String>("name").unwrap(), TEXT);
    assert_eq!(record.last_error.as_deref(), Some(TEXT));
    assert_eq!(record.result::<String>(TEXT).unwrap(), TEXT);
    let numbers: Vec<Value> = record.result("numbers").unwrap();
    assert_eq!(numbers[3], json!(u64::MAX));
    assert_eq!(numbers[4], json!(i64::MIN));
    assert_eq!(numbers[5].as_f64(), Some(1e300));
    assert_eq!(json!(numbers[7..]), json!([null, "", {}, []]));
    assert_eq!(handle.messages(t.db()).await.unwrap()[0].text, TEXT);
}

async fn results_of_an_attempt_that_failed_are_kept_until_the_next(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.set_progress(40);
        job.set_result("half", 1)?;
        wrong("only half")
    })
    .await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.progress, &record.results["half"]), (JobStatus::Scheduled, 40, &json!(1)));
    t.make_due().await;
    work(&t, |_| async { wrong("nothing") }).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.progress, record.results.len()), (0, 0));
}

/// The tables themselves refuse a word, as they would whatever slips through our checks.
async fn a_value_that_the_database_refuses_fails_its_job_alone(t: Database) {
    t.execute(match t.kind() {
        Kind::Sqlite => {
            "CREATE TRIGGER no_poison BEFORE UPDATE ON jobs_job WHEN new.results LIKE '%poison%'
             BEGIN SELECT RAISE(ABORT, 'poison is refused'); END"
        }
        Kind::Postgres => "ALTER TABLE jobs_job ADD CONSTRAINT no_poison CHECK (results::text NOT LIKE '%poison%')",
        Kind::Mariadb | Kind::Mysql => {
            "ALTER TABLE jobs_job ADD CONSTRAINT no_poison CHECK (results NOT LIKE '%poison%')"
        }
    })
    .await;
    let names = (0..20).map(|number| if number == 7 { "poison".to_owned() } else { format!("food {number}") });
    let handles = jobs::schedule_all(t.db(), names.map(|name| Play::new().with_name(name))).await.unwrap();
    work(&t, |job| async move { Ok(job.parameter::<String>("name")?) }).await;
    for (number, handle) in handles.into_iter().enumerate() {
        let record = handle.record(t.db()).await.unwrap();
        if number == 7 {
            assert_eq!(record.status, JobStatus::Failed);
            let reason = record.last_error.unwrap();
            assert!(reason.contains("refused") && reason.contains("poison"), "{reason}");
            assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Refused)]);
        } else {
            assert_eq!((record.status, history(&t, handle).await), (JobStatus::Terminated, vec![]));
        }
    }
}
