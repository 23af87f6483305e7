//! Messages that jobs log while they run.

use std::time::{Duration, Instant};

use jobs::Level;
use jobs::prelude::*;
use jobs_tests::{Database, Gate, Running, cases};

use crate::support::definitions::{Play, work, worker};
use crate::support::rows::until;

cases![
    messages_are_seen_while_the_job_runs,
    messages_keep_their_order_level_and_time,
    a_flood_of_messages_is_bounded_and_says_what_was_dropped,
    a_long_message_is_cut,
    what_was_said_before_a_panic_is_kept,
];

async fn messages_are_seen_while_the_job_runs(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.message("before");
        job.state::<Gate>().pass().await;
        job.message("after");
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    until(|| async { !handle.messages(t.db()).await.unwrap().is_empty() }).await;
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Running);
    gate.open(1);
    handle.wait(t.db()).await.unwrap();
    assert_eq!(texts(&t, handle).await, ["before", "after"]);
    running.stop().await;
}

const PAUSE: Duration = Duration::from_millis(300);

async fn messages_keep_their_order_level_and_time(t: Database) {
    // On a busy machine, time passes between the moment from which a message's age is measured and that at which the database receives it.
    // But not always as much.
    let mut times = Vec::new();
    for _ in 0..10 {
        let (between, truth) = time_between_messages(&t).await;
        if between.abs_diff(truth) < PAUSE / 2 {
            return;
        }
        times.push((between, truth));
    }
    panic!("{times:?}");
}

/// The time between two messages, by their timestamps and as the job knows it.
async fn time_between_messages(t: &Database) -> (Duration, Duration) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(t, |job| async move {
        job.message("fine");
        job.warn("hm");
        // Logged at another time, and written in the same batch.
        let said = Instant::now();
        tokio::time::sleep(PAUSE).await;
        let between = said.elapsed();
        job.error("oh");
        for number in 0..100 {
            job.message(number.to_string());
        }
        Ok(between)
    })
    .await;
    let after = Play::new().schedule(t.db()).await.unwrap();
    let messages = handle.messages(t.db()).await.unwrap();
    let levels: Vec<_> = messages.iter().take(3).map(|message| (message.level, message.text.as_str())).collect();
    assert_eq!(levels, [(Level::Info, "fine"), (Level::Warn, "hm"), (Level::Error, "oh")]);
    let numbers: Vec<_> = messages.iter().skip(3).map(|message| message.text.clone()).collect();
    assert_eq!(numbers, (0..100).map(|number: u32| number.to_string()).collect::<Vec<_>>());
    assert!(messages.iter().all(|message| message.attempt == 1));

    let rounding = Duration::from_millis(5);
    let start = handle.record(t.db()).await.unwrap().started_at.unwrap() - rounding;
    // Messages may be written a moment after the end: no message is from later than that.
    let end = after.record(t.db()).await.unwrap().created_at + rounding;
    assert!(messages.iter().all(|message| (start..=end).contains(&message.time)), "{start} {end} {messages:#?}");
    let between = (messages[2].time - messages[1].time).to_std().unwrap();
    (between, handle.result(t.db(), "output").await.unwrap())
}

async fn a_flood_of_messages_is_bounded_and_says_what_was_dropped(t: Database) {
    const SAID: usize = 50_000;
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        for number in 0..SAID {
            job.message(number.to_string());
        }
        Ok(())
    })
    .await;
    let messages = handle.messages(t.db()).await.unwrap();
    let (told, kept): (Vec<_>, Vec<_>) = messages.iter().partition(|message| message.text.contains("were dropped"));
    let dropped: usize = told.iter().map(|told| told.text.split_once(' ').unwrap().0.parse::<usize>().unwrap()).sum();
    assert!(told.iter().all(|told| told.level == Level::Warn));
    assert_eq!(kept.len() + dropped, SAID);
    assert!(kept.len() < SAID / 2, "{} of {SAID} were kept", kept.len());
    assert_eq!(kept[0].text, "0");
}

async fn a_long_message_is_cut(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.message("é".repeat(100_000));
        Ok(())
    })
    .await;
    let text = texts(&t, handle).await.remove(0);
    assert!(text.len() < 17_000 && text.ends_with("… (cut off: it had 200000 bytes)"), "{}", text.len());
}

async fn what_was_said_before_a_panic_is_kept(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.message("the last words");
        job.set_result("so far", 1)?;
        assert!(job.attempt() > 1, "the end");
        Ok(())
    })
    .await;
    assert_eq!(texts(&t, handle).await, ["the last words"]);
    assert_eq!(handle.result::<u8>(t.db(), "so far").await.unwrap(), 1);
}

async fn texts(t: &Database, handle: JobHandle<Play>) -> Vec<String> {
    handle.messages(t.db()).await.unwrap().into_iter().map(|message| message.text).collect()
}
