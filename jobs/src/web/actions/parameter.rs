//! Changing a parameter of a job that waits.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::redirect;
use crate::web::authorized::{Authorized, Edit};
use crate::web::failure::Failure;
use crate::web::form::{self, Field, Kind};
use crate::web::input::{Asked, Fields};
use crate::web::layout::{Layout, Page, html, html_with};
use crate::{Action, Error, JobId, JobRecord, JobStatus};

#[derive(Template)]
#[template(path = "parameter.html")]
struct ParameterPage {
    layout: Layout,
    id: JobId,
    name: String,
    field: Field,
    /// What is wrong with the job's parameters as a whole.
    problem: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    id: JobId,
    name: String,
}

pub(in crate::web) async fn show(may: Authorized<Edit>, Asked(which): Asked<Which>) -> Result<Response, Failure> {
    let (job, field) = field(&may, which.id, &which.name).await?;
    html(&page(&may, &job, &which.name, field))
}

pub(in crate::web) async fn change(may: Authorized<Edit>, typed: Fields) -> Result<Response, Failure> {
    let id = typed.get("id").unwrap_or_default();
    let id = id.parse::<JobId>().map_err(|_| Error::invalid("id", format!("`{id}` is not the number of a job")))?;
    let name = typed.get("name").unwrap_or_default();
    let (job, mut field) = field(&may, id, name).await?;
    field.take(&typed);
    let refused = |page: ParameterPage| html_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    let Ok(value) = field.read_change() else { return refused(page(&may, &job, name, field)) };
    match may.session().set_parameter(id, name, value).await {
        Ok(()) => Ok(redirect::to("job", &[("id", &id.to_string()), ("done", "changed")])),
        Err(error @ (Error::InvalidValue { .. } | Error::Decode { .. })) => {
            let problem = tell(&error, &mut field, name, may.may(Action::ViewPayload));
            refused(ParameterPage { problem, ..page(&may, &job, name, field) })
        }
        Err(error) => Err(error.into()),
    }
}

/// The job, which has to wait, and a field for this parameter of it.
async fn field(may: &Authorized<Edit>, id: JobId, name: &str) -> Result<(JobRecord, Field), Failure> {
    let job = may.session().record(id).await?;
    match job.status {
        JobStatus::Scheduled => {}
        JobStatus::Running => return Err(Error::NotScheduled { id }.into()),
        status => return Err(Error::Closed { id, status }.into()),
    }
    let value = job.parameters.get(name);
    let value = value.ok_or_else(|| Error::invalid(name, format!("job {id} has no such parameter")))?;
    let field = form::field_of_job(&job, name, value);
    Ok((job, field))
}

fn page(may: &Authorized<Edit>, job: &JobRecord, name: &str, field: Field) -> ParameterPage {
    ParameterPage {
        layout: may.layout(Page::Jobs, format!("Change {name} · job {}", job.id)),
        id: job.id,
        name: name.to_owned(),
        field,
        problem: None,
    }
}

/// Says what is wrong: in the field, or else above it. An error about another parameter may quote that.
fn tell(error: &Error, field: &mut Field, name: &str, sees_payload: bool) -> Option<String> {
    match form::reason(error) {
        (Some(place), reason) if form::is_of(place, name) => {
            field.problem = Some(reason);
            None
        }
        (Some(place), reason) if sees_payload => Some(format!("{place}: {reason}")),
        _ => Some(format!("{error}.")),
    }
}
