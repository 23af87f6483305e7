//! What it costs to follow jobs: statements, and what is kept for one who is slow.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobs::{JobEventKind, JobEvents};
use jobs_tests::{Database, Gate, cases, soon};
use sea_orm::DatabaseConnection;
use tokio::task::JoinSet;

use crate::support::definitions::{Play, work};

cases![
    a_thousand_who_follow_cost_the_statements_of_one,
    of_many_jobs_no_more_than_200_are_asked_for_at_once,
    whoever_is_slow_misses_nothing_and_is_not_read_for,
    while_nobody_follows_nothing_is_asked,
];

/// The statements that a connection has sent.
#[derive(Debug, Clone, Default)]
struct Sent(Arc<Mutex<Vec<String>>>);

impl Sent {
    async fn by_a_connection(t: &Database) -> (DatabaseConnection, Self) {
        let mut db = t.connect().await;
        let sent = Self::default();
        let record = sent.clone();
        db.set_metric_callback(move |info| {
            record.0.lock().unwrap().push(format!("{} {:?}", info.statement.sql, info.statement.values));
        });
        (db, sent)
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn last(&self) -> String {
        self.0.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// The statements that ask for news, and all others.
    fn asked(&self) -> (usize, usize) {
        let sent = self.0.lock().unwrap();
        let asked = sent.iter().filter(|sql| sql.contains("jobs_message")).count();
        (asked, sent.len() - asked)
    }

    /// The most jobs that one statement has asked for.
    fn most_places(&self) -> usize {
        self.0.lock().unwrap().iter().map(|sql| sql.matches("\\\"place\\\"").count()).max().unwrap_or_default()
    }

    async fn reaches(&self, count: usize) {
        soon(async {
            while self.count() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

/// Follows to the end. Returns the messages.
async fn follow(mut events: JobEvents, begun: Gate) -> Vec<String> {
    let mut messages = Vec::new();
    begun.arrive();
    while let Some(event) = soon(events.next()).await {
        if let JobEventKind::Message(message) = event.unwrap().kind {
            messages.push(message.text);
        }
    }
    messages
}

/// Executes what is due: each job logs two messages.
async fn work_aloud(t: &Database) {
    work(t, |job| async move {
        job.message("one");
        job.message("two");
        Ok(())
    })
    .await;
}

async fn a_thousand_who_follow_cost_the_statements_of_one(t: Database) {
    for followers in [1, 1_000] {
        let handles = jobs::schedule_all(t.db(), (0..followers.min(50)).map(|_| Play::new())).await.unwrap();
        let (db, sent) = Sent::by_a_connection(&t).await;
        let (started, begun) = (Instant::now(), Gate::default());
        let mut following = JoinSet::new();
        for handle in handles.iter().cycle().take(followers) {
            following.spawn(follow(handle.watch(&db), begun.clone()));
        }
        begun.arrivals(u32::try_from(followers).unwrap()).await;
        sent.reaches(3).await;
        work_aloud(&t).await;
        for messages in soon(following.join_all()).await {
            assert_eq!(messages, ["one", "two"]);
        }
        let (asked, records) = sent.asked();
        let rounds = usize::try_from(started.elapsed().as_millis() / 500).unwrap() + 1;
        assert!((3..=rounds).contains(&asked), "{followers} asked {asked} times in {rounds} rounds");
        assert!((1..=asked).contains(&records), "{followers} read records {records} times in {asked} rounds");
    }
}

async fn of_many_jobs_no_more_than_200_are_asked_for_at_once(t: Database) {
    const JOBS: usize = 450;
    let handles = jobs::schedule_all(t.db(), (0..JOBS).map(|_| Play::new())).await.unwrap();
    let (db, sent) = Sent::by_a_connection(&t).await;
    let (started, begun) = (Instant::now(), Gate::default());
    let mut following = JoinSet::new();
    for handle in &handles {
        following.spawn(follow(handle.watch(&db), begun.clone()));
    }
    begun.arrivals(u32::try_from(JOBS).unwrap()).await;
    sent.reaches(9).await;
    let rounds = usize::try_from(started.elapsed().as_millis() / 500).unwrap() + 1;
    let asked = sent.asked().0;
    assert!(asked <= (rounds + 1) * 3, "{asked} times in {rounds} rounds");
    work_aloud(&t).await;
    for messages in soon(following.join_all()).await {
        assert_eq!(messages, ["one", "two"]);
    }
    assert_eq!(sent.most_places(), 200);
}

async fn whoever_is_slow_misses_nothing_and_is_not_read_for(t: Database) {
    const SAID: usize = 950;
    let (db, sent) = Sent::by_a_connection(&t).await;
    let loud = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        (0..SAID).for_each(|number| job.message(number.to_string()));
        Ok(())
    })
    .await;
    let mut slow = loud.watch(&db);
    let first = soon(slow.next()).await.unwrap().unwrap();
    let waiting = Play::new().schedule(t.db()).await.unwrap();
    let mut other = waiting.watch(&db);
    soon(other.next()).await.unwrap().unwrap();
    assert_eq!(sent.count(), 2, "{sent:?}");
    assert!(sent.last().contains(&format!("\\\"id\\\":{}", waiting.id())), "{sent:?}");
    assert!(!sent.last().contains(&format!("\\\"id\\\":{},", loud.id())), "read though nobody asked: {sent:?}");

    let mut texts = Vec::new();
    let mut event = Some(first);
    while let Some(JobEventKind::Message(message)) = event.map(|event| event.kind) {
        texts.push(message.text);
        event = soon(slow.next()).await.map(Result::unwrap);
    }
    assert_eq!(texts, (0..SAID).map(|number| number.to_string()).collect::<Vec<_>>());
    // It has read a hundred at a time, and did not wait half a second for each.
    let (asked, _) = sent.asked();
    assert!(asked > SAID / 100, "{asked}");
}

async fn while_nobody_follows_nothing_is_asked(t: Database) {
    let (db, sent) = Sent::by_a_connection(&t).await;
    let (elsewhere, sent_elsewhere) = Sent::by_a_connection(&t).await;
    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut never_polled = handle.watch(&db);
    let mut dropped = handle.watch(&db);
    soon(dropped.next()).await.unwrap().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(1), dropped.next()).await.is_err(), "there is nothing new");
    sent.reaches(2).await;
    drop(dropped);
    let before = sent.count();
    // Elsewhere, someone follows for some rounds.
    let mut clock = handle.watch(&elsewhere);
    soon(clock.next()).await.unwrap().unwrap();
    tokio::select! {
        event = clock.next() => panic!("there is nothing new: {event:?}"),
        () = sent_elsewhere.reaches(4) => {}
    }
    // A statement may have been under way.
    assert!(sent.count() <= before + 1, "{sent:?}");
    let before = sent.count();
    tokio::select! {
        event = clock.next() => panic!("there is nothing new: {event:?}"),
        () = sent_elsewhere.reaches(7) => {}
    }
    assert_eq!(sent.count(), before, "{sent:?}");
    soon(never_polled.next()).await.unwrap().unwrap();
    assert_eq!(sent.count(), before + 1, "{sent:?}");
}
