//! Who may ask a route, and what it is asked about.

use jobs::cron::{self, Cron};
use jobs::{Action, Error, JobId, JobStatus, NamedJob, Principal, Role};
use jobs_tests::Database;
use serde_json::json;

use super::definitions::ended;

/// Those with each role, and those who may do a single thing.
pub(crate) fn principals() -> Vec<Principal> {
    let roles = Role::ALL.iter().map(|role| Principal::new(role.to_string(), *role));
    let nothing = || Principal::new("someone", Role::Viewer).deny(Action::View);
    let single = Action::ALL.iter().map(|action| nothing().allow(*action));
    let all_but_one = Action::ALL.iter().map(|action| Principal::new("someone", Role::Admin).deny(*action));
    roles.chain([nothing()]).chain(single).chain(all_but_one).collect()
}

/// Makes the schedules, of which there is only `nightly`, and the job what they were before a route was asked. Returns the job: another one
/// if it was deleted.
pub(crate) async fn restored(t: &Database, mut job: JobId, status: JobStatus) -> JobId {
    if jobs::record(t.db(), job).await.is_err() {
        job = ended(t, "well").await;
    }
    let every_day = NamedJob::new("Talk", json!({ "end": "well" }));
    match cron::add(t.db(), "nightly", Cron::new("0 3 * * *"), every_day).await {
        Ok(()) | Err(Error::ScheduleExists { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    t.execute("DELETE FROM jobs_cron WHERE name <> 'nightly'").await;
    t.execute(&format!("UPDATE jobs_job SET status = {} WHERE id = {job}", status.code())).await;
    job
}
