//! How soon a change of a job is on its page, if somebody looks.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use jobs::JobId;
use jobs::sea_orm::DatabaseConnection;
use tower::ServiceExt as _;

use crate::Result;
use crate::dashboard::{Dashboard, page, success};
use crate::job::Noop;

/// How far apart the changes are: not at the pace at which pages look for them.
const APART: Duration = Duration::from_millis(37);

/// How long each of these jobs, which are canceled one after the other, takes to be shown as canceled.
pub(crate) async fn times_to_page(dashboard: &Dashboard, db: &DatabaseConnection, jobs: u64) -> Result<Vec<Duration>> {
    let later = |number| Noop::numbered(number).with_options(jobs::JobOptions::new().delay(Duration::from_hours(1)));
    let handles = jobs::schedule_all(db, (0..jobs).map(later)).await?;
    let mut looks = Vec::new();
    for handle in &handles {
        let mut events = follow(dashboard, handle.id()).await?;
        // The first event is the state as it is.
        next_event(&mut events).await?;
        looks.push((handle.id(), events));
    }
    let mut shown = Vec::new();
    for (id, events) in looks {
        tokio::time::sleep(APART).await;
        jobs::cancel(db, id).await?;
        shown.push(tokio::spawn(until_canceled(dashboard.clone(), id, events, Instant::now())));
    }
    let mut times = Vec::new();
    for shown in shown {
        times.push(shown.await??);
    }
    Ok(times)
}

/// As the page's script does it: at an event, the page is asked for again.
async fn until_canceled(
    dashboard: Dashboard,
    id: JobId,
    mut events: BodyDataStream,
    since: Instant,
) -> Result<Duration> {
    loop {
        next_event(&mut events).await?;
        if page(&dashboard, &format!("/job?id={id}")).await?.contains("class=\"status canceled\"") {
            return Ok(since.elapsed());
        }
    }
}

async fn follow(dashboard: &Dashboard, id: JobId) -> Result<BodyDataStream> {
    let request = Request::get(format!("/job-events?id={id}")).body(Body::empty())?;
    Ok(success(dashboard.clone().oneshot(request).await?)?.into_body().into_data_stream())
}

async fn next_event(events: &mut BodyDataStream) -> Result<()> {
    while let Some(chunk) = events.next().await {
        if chunk?.starts_with(b"id:") {
            return Ok(());
        }
    }
    Err("the events of a job ended".into())
}
