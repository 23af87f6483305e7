//! Stored values: output, results, messages and errors that not every database would accept unchanged.

use jobs::prelude::*;
use jobs::{AttemptEnd, MAX_JSON_BYTES};
use jobs_tests::{Database, Kind, cases, soon};
use serde_json::{Value, json};

use crate::support::definitions::{Play, Script, Unspeakable, work, wrong};
use crate::support::rows::history;

cases![
    an_output_over_the_limit_fails_the_job,
    an_output_that_json_cannot_say_fails_the_job,
    nul_is_cleaned_out_of_all_that_a_job_says,
    every_text_comes_back_as_it_was_said,
    a_database_whose_own_character_set_is_another_keeps_every_text if Kind::speaks_mysql,
    numbers_come_back_bit_by_bit,
    numbers_that_json_does_not_have_are_refused_by_their_names,
    an_output_that_does_not_read_back_fails_the_job,
    a_row_that_cannot_be_read_hides_no_other,
    what_is_stored_is_as_large_as_what_was_counted,
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
    assert_eq!(handle.failed_attempts(t.db()).await.unwrap()[0].error.as_deref(), Some("an\u{FFFD}error"));
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

/// Returns the bits of its numbers, and the numbers.
#[derive(Job, Debug)]
#[job_params]
struct Measure {
    numbers: Vec<f64>,
    small: f32,
    #[param(default = 0.0)]
    one: f64,
}

impl Execute for Measure {
    type Output = (Vec<u64>, Vec<f64>, f32);

    async fn execute(&self, _job: &JobContext) -> JobResult<Self::Output> {
        Ok((self.numbers().iter().map(|number| number.to_bits()).collect(), self.numbers().to_vec(), self.small()))
    }
}

async fn measure(t: &Database) {
    soon(Worker::new(t.db().clone()).state(Script::new(|_| async { Ok(()) })).run_until_idle()).await.unwrap();
}

async fn numbers_come_back_bit_by_bit(t: Database) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut numbers =
        vec![f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e16, 1.7e308, 0.1 + 0.2, 1e300, 9_007_199_254_740_993.0];
    numbers.extend(
        std::iter::repeat_with(|| f64::from_bits(random.u64(..))).filter(|number| number.is_finite()).take(10_000),
    );
    numbers.extend(std::iter::repeat_with(|| f64::from(fastrand::i32(..)) / 100.0).take(2_000));
    let batches = numbers.chunks(1_000).map(|numbers| Measure::new(numbers.to_vec(), 0.1_f32));
    let handles = jobs::schedule_all(t.db(), batches).await.unwrap();
    let alone = Measure::new(vec![f64::MAX], f32::MAX).schedule(t.db()).await.unwrap();
    measure(&t).await;
    for (handle, numbers) in handles.iter().zip(numbers.chunks(1_000)) {
        let bits: Vec<_> = numbers.iter().map(|number| number.to_bits()).collect();
        let (as_read, output, small) = handle.output(t.db()).await.unwrap();
        let changed = as_read.iter().zip(&bits).filter(|(read, bits)| read != bits).count();
        assert_eq!(changed, 0, "of {} parameters so many arrived changed", bits.len());
        assert_eq!(output.iter().map(|number| number.to_bits()).collect::<Vec<_>>(), bits, "outputs");
        assert_eq!(small.to_bits(), 0.1_f32.to_bits());
    }
    let record = alone.record(t.db()).await.unwrap();
    assert_eq!(record.parameter::<Vec<f64>>("numbers").unwrap(), [f64::MAX]);
    assert_eq!(alone.output(t.db()).await.unwrap().2.to_bits(), f32::MAX.to_bits());
    let listed = jobs::list(t.db(), jobs::JobFilter::new()).await.unwrap().jobs;
    assert!(listed.contains(&record));
}

async fn numbers_that_json_does_not_have_are_refused_by_their_names(t: Database) {
    let refused = |result: Result<JobHandle<Measure>, jobs::Error>| match result {
        Err(jobs::Error::InvalidValue { name, reason, .. }) if reason.contains("NaN") => name,
        other => panic!("{other:?}"),
    };
    let nan = Measure::new(vec![1.0, f64::NAN], 0.0).schedule(t.db()).await;
    assert_eq!(refused(nan), "numbers");
    let infinite = Measure::new(vec![], f32::INFINITY).schedule(t.db()).await;
    assert_eq!(refused(infinite), "small");
    let in_bulk = jobs::schedule_all(t.db(), [Measure::new(vec![], 0.0).with_one(f64::NEG_INFINITY)]).await;
    assert_eq!(refused(in_bulk.map(|handles| handles[0])), "one");
    let handle = Measure::new(vec![], 0.0).schedule(t.db()).await.unwrap();
    let changed = handle.set_parameter(t.db(), "one", f64::NAN).await;
    assert_eq!(refused(changed.map(|()| handle)), "one");
    assert_eq!(jobs::counts(t.db(), jobs::JobFilter::new()).await.unwrap().total(), 1);
}

/// Returns a number that JSON writes as nothing.
#[derive(Job, Debug)]
#[job_params]
struct Undefined;

impl Execute for Undefined {
    type Output = f64;

    async fn execute(&self, _job: &JobContext) -> JobResult<f64> {
        Ok(f64::NAN)
    }
}

/// Serializes as text, and deserializes from a number.
#[derive(Debug, serde::Deserialize)]
struct OneWay(#[allow(dead_code)] u8);

impl serde::Serialize for OneWay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("one way")
    }
}

#[derive(Job, Debug)]
#[job_params]
struct GoOneWay;

impl Execute for GoOneWay {
    type Output = OneWay;

    async fn execute(&self, _job: &JobContext) -> JobResult<OneWay> {
        Ok(OneWay(1))
    }
}

async fn an_output_that_does_not_read_back_fails_the_job(t: Database) {
    let handles =
        [Undefined::new().schedule(t.db()).await.unwrap().id(), GoOneWay::new().schedule(t.db()).await.unwrap().id()];
    measure(&t).await;
    for (id, why) in handles.into_iter().zip(["NaN", "one way"]) {
        let record = jobs::record(t.db(), id).await.unwrap();
        let reason = record.last_error.unwrap_or_default();
        assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1), "{reason}");
        assert!(reason.contains("`output`") && reason.contains(why), "{reason}");
    }
}

/// Another program has written a number that is larger than any of ours: JSON has no largest one.
async fn a_row_that_cannot_be_read_hides_no_other(t: Database) {
    let fine = Play::new().with_name("fine").schedule(t.db()).await.unwrap();
    let odd = Play::new().schedule(t.db()).await.unwrap();
    let huge = r#"'{"name": 1e400}'"#;
    for column in ["parameters", "results"] {
        let written = t.try_execute(&format!("UPDATE jobs_job SET {column} = {huge} WHERE id = {odd}")).await;
        // MySQL's own JSON has numbers of the same size as ours.
        assert!(written.is_ok() || t.kind() == Kind::Mysql, "{written:?}");
    }
    let listed = jobs::list(t.db(), jobs::JobFilter::new()).await.unwrap().jobs;
    let ids: Vec<_> = listed.iter().map(|record| record.id).collect();
    assert_eq!((ids.len(), ids.contains(&fine.id())), (2, true));
    assert_eq!(odd.record(t.db()).await.unwrap().status, JobStatus::Scheduled);
    work(&t, |job| async move { Ok(job.parameter::<String>("name")?) }).await;
    assert_eq!(fine.status(t.db()).await.unwrap(), JobStatus::Terminated);
    if t.kind() != Kind::Mysql {
        assert_eq!(history(&t, odd).await, [(1, AttemptEnd::Undecodable)]);
    }
}

async fn what_is_stored_is_as_large_as_what_was_counted(t: Database) {
    let numbers = vec![1e300; 10_000];
    let handle = Measure::new(numbers.clone(), 0.0).schedule(t.db()).await.unwrap();
    let in_bulk = jobs::schedule_all(t.db(), [Measure::new(numbers, 0.0)]).await.unwrap()[0];
    measure(&t).await;
    for id in [handle.id(), in_bulk.id()] {
        for column in ["parameters", "results"] {
            let length = t
                .number(&format!("SELECT LENGTH(CAST({column} AS CHAR(1000000))) FROM jobs_job WHERE id = {id}"))
                .await;
            assert!(length < 500_000, "{column} has {length} bytes");
        }
    }
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

/// The tables themselves refuse a word, as they would refuse anything that passes our checks by mistake.
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
