//! What the jobs do, what a sign-up schedules, and how it all works together.

use std::time::Duration;

use jobs::prelude::*;
use jobs::testing;

use crate::{Outbox, Remind, Welcome, sign_up};

#[tokio::test]
async fn a_welcome_is_sent_to_its_address() {
    let outbox = Outbox::default();
    let ran = testing::Run::new(Welcome::new("ada@example.org")).state(outbox.clone()).run().await;
    assert_eq!(ran.status(), JobStatus::Terminated);
    assert_eq!(ran.messages()[0].text, "ada@example.org is welcomed");
    assert_eq!(outbox.sent().await, ["welcome, ada@example.org"]);
}

#[tokio::test]
async fn what_is_no_address_is_not_tried_again() {
    let ran = testing::Run::new(Welcome::new("ada")).state(Outbox::default()).run().await;
    assert_eq!((ran.status(), ran.error()), (JobStatus::Failed, Some("`ada` is not an address")));
}

#[tokio::test]
async fn a_sign_up_schedules_a_welcome_and_a_reminder() -> Result<(), jobs::Error> {
    let db = testing::database().await?;
    sign_up(&db, "ada@example.org").await?;
    testing::assert_scheduled::<Welcome>(&db, |job| job.address() == "ada@example.org").await;
    testing::refute_scheduled::<Welcome>(&db, |job| job.address() != "ada@example.org").await;
    let (reminder, _) = testing::scheduled::<Remind>(&db).await?.remove(0);
    assert_eq!((reminder.scheduled_at - reminder.created_at).num_days(), 3);
    Ok(())
}

#[tokio::test]
async fn a_reminder_comes_after_three_days_however_often_it_is_tried() -> Result<(), jobs::Error> {
    let (db, outbox) = (testing::database().await?, Outbox::default());
    let drain = || testing::drain_with(&db, |worker| worker.state(outbox.clone()));
    sign_up(&db, "ada@example.org").await?;
    drain().await?.assert_all_terminated();

    testing::advance(&db, Duration::from_hours(72)).await?;
    assert_eq!(drain().await?.counts().scheduled, 1);
    testing::advance(&db, Duration::from_mins(10)).await?;
    drain().await?.assert_all_terminated();
    assert_eq!(outbox.sent().await, ["welcome, ada@example.org", "are you there, ada@example.org?"]);
    Ok(())
}
