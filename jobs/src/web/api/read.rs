//! Queues, workers, schedules, and whether anything is wrong.

use serde::Deserialize;

use super::answer::Answer;
use super::input::Query;
use super::schema::object;
use crate::client::answers::Diagnosis;
use crate::client::health::Check;
use crate::cron::ListedSchedule;
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::{Error, QueueRecord, WorkerRecord};

/// The most next times of each schedule.
const MOST_NEXT: u64 = 20;

pub(in crate::web::api) async fn list_queues(
    view: Authorized<View>,
    (): (),
) -> Result<Answer<Vec<QueueRecord>>, Failure> {
    Ok(Answer(view.session().queues().await?))
}

pub(in crate::web::api) async fn list_workers(
    view: Authorized<View>,
    (): (),
) -> Result<Answer<Vec<WorkerRecord>>, Failure> {
    Ok(Answer(view.session().workers().await?))
}

pub(in crate::web::api) async fn examine(view: Authorized<View>, (): ()) -> Result<Answer<Diagnosis>, Failure> {
    Ok(Answer(Diagnosis::of(view.session().findings(&Check::ALL).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct Next {
    next: Option<u64>,
}

object! { read Next "What of schedules is told." {
    next: "How many of the next times to tell for each, 1 to 20; 1 if left out.",
} }

pub(in crate::web::api) async fn list_schedules(
    view: Authorized<View>,
    Query(Next { next }): Query<Next>,
) -> Result<Answer<Vec<ListedSchedule>>, Failure> {
    let count = next.unwrap_or(1);
    if !(1..=MOST_NEXT).contains(&count) {
        return Err(Error::invalid("next", format!("{count} is not between 1 and {MOST_NEXT}")).into());
    }
    let count = usize::try_from(count).unwrap_or(1);
    let schedules = view.session().schedules().await?.into_iter();
    Ok(Answer(schedules.map(|schedule| ListedSchedule::with_next(count, schedule)).collect()))
}
