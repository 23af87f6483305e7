//! Following a job while the database fails, and jobs that can't be followed.

use jobs::prelude::*;
use jobs::{Error, JobEventKind};
use jobs_tests::{Database, Kind, Proxy, cases, soon};

use crate::support::definitions::{Play, work};
use crate::support::events::{after, next, rest, state, text};

cases![
    a_job_that_does_not_exist_or_is_deleted_ends_with_not_found,
    a_job_that_can_t_be_read_ends_its_own_stream_only,
    following_goes_on_after_the_database_was_away if Kind::locks_rows,
    following_goes_on_after_a_connection_has_silently_died if Kind::locks_rows,
];

async fn a_job_that_does_not_exist_or_is_deleted_ends_with_not_found(t: Database) {
    let mut nothing = jobs::watch(t.db(), 77);
    let error = soon(nothing.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::NotFound { id, .. } if id == JobId::from(77)), "{error:?}");
    assert!(soon(nothing.next()).await.is_none());

    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut events = handle.watch(t.db());
    let event = next(&mut events).await;
    t.execute("DELETE FROM jobs_job").await;
    for mut events in [events, after(&t, handle, &event)] {
        let error = soon(events.next()).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::NotFound { id, .. } if id == handle.id()), "{error:?}");
        assert!(soon(events.next()).await.is_none());
    }
}

async fn a_job_that_can_t_be_read_ends_its_own_stream_only(t: Database) {
    let [bad, good] = [(); 2].map(|()| Play::new().schedule(t.db()));
    let (bad, good) = (bad.await.unwrap(), good.await.unwrap());
    let (mut bad_events, mut good_events) = (bad.watch(t.db()), good.watch(t.db()));
    for events in [&mut bad_events, &mut good_events] {
        assert_eq!(state(&next(events).await).status, JobStatus::Scheduled);
    }
    let good_rest = tokio::spawn(rest(good_events));
    // A status that no release knows.
    t.execute(&format!("UPDATE jobs_job SET status = 99, version = version + 1 WHERE id = {bad}")).await;
    let error = soon(bad_events.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error:?}");
    assert!(soon(bad_events.next()).await.is_none());
    work(&t, |_| async { Ok(()) }).await;
    let good_rest = soon(good_rest).await.unwrap();
    assert!(matches!(good_rest.last().unwrap().kind, JobEventKind::End(_)));
}

async fn following_goes_on_after_the_database_was_away(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut events = handle.watch(&db);
    assert_eq!(state(&next(&mut events).await).status, JobStatus::Scheduled);
    proxy.stall();
    let following = tokio::spawn(rest(events));
    work(&t, |job| async move {
        job.message("nobody hears this now");
        Ok(())
    })
    .await;
    proxy.cut();
    proxy.flow();
    let rest = soon(following).await.unwrap();
    assert_eq!(rest.iter().filter_map(text).collect::<Vec<_>>(), ["nobody hears this now"]);
    assert!(matches!(rest.last().unwrap().kind, JobEventKind::End(_)));
}

/// It takes as long as a read may take.
async fn following_goes_on_after_a_connection_has_silently_died(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut events = handle.watch(&db);
    assert_eq!(state(&next(&mut events).await).status, JobStatus::Scheduled);
    proxy.forget();
    let following = tokio::spawn(rest(events));
    work(&t, |_| async { Ok(()) }).await;
    let rest = soon(following).await.unwrap();
    assert!(matches!(rest.last().unwrap().kind, JobEventKind::End(_)));
}
