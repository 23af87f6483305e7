//! Changing one job.

use axum::response::Response;
use serde::Deserialize;

use super::redirect;
use crate::web::authorized::{Authorized, Cancel, Delete, Retry, RunNow};
use crate::web::failure::Failure;
use crate::web::input::{Asked, Sent};
use crate::web::layout::Page;
use crate::web::pages::confirm::Confirm;
use crate::{Cancellation, Error, JobId};

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    id: JobId,
}

pub(in crate::web) async fn cancel(may: Authorized<Cancel>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    let done = match may.session().cancel(which.id).await? {
        Cancellation::Done => "canceled",
        Cancellation::Requested => "asked",
    };
    Ok(back(which.id, done))
}

pub(in crate::web) async fn retry(may: Authorized<Retry>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().retry(which.id).await?;
    Ok(back(which.id, "retried"))
}

pub(in crate::web) async fn run_now(may: Authorized<RunNow>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().run_now(which.id).await?;
    Ok(back(which.id, "due"))
}

pub(in crate::web) async fn confirm_delete(
    may: Authorized<Delete>,
    Asked(which): Asked<Which>,
) -> Result<Response, Failure> {
    let job = may.session().record(which.id).await?;
    if !job.status.is_closed() {
        return Err(Error::NotClosed { id: job.id, status: job.status }.into());
    }
    Confirm {
        layout: may.layout(Page::Jobs, format!("Delete job {}?", job.id)),
        text: format!(
            "{} ({}) is deleted with its messages and its history. It can't be brought back.",
            job.name, job.status
        ),
        action: "delete",
        field: "id",
        value: job.id.to_string(),
        yes: "Delete",
        back: format!("job?id={}", job.id),
    }
    .ask()
}

pub(in crate::web) async fn delete(may: Authorized<Delete>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().delete(which.id).await?;
    Ok(redirect::to("jobs", &[("deleted", &which.id.to_string())]))
}

fn back(id: JobId, done: &str) -> Response {
    redirect::to("job", &[("id", &id.to_string()), ("done", done)])
}
