//! Scheduling a job by a form that is made of its definition.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::redirect;
use crate::job::registry::{self, Definition};
use crate::web::authorized::{Authorized, Schedule};
use crate::web::failure::Failure;
use crate::web::form::{JobForm, Kind};
use crate::web::input::{Asked, Fields};
use crate::web::layout::{Layout, Page, html, html_with};
use crate::{Action, Error, JobId};

#[derive(Template)]
#[template(path = "schedule_job.html")]
struct FormPage {
    layout: Layout,
    about: Vec<String>,
    form: JobForm,
    /// The job whose parameters the form had at first.
    again: Option<JobId>,
    /// The job that holds the key.
    holder: Option<JobId>,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    name: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Again {
    id: JobId,
}

pub(in crate::web) async fn show(may: Authorized<Schedule>, Asked(which): Asked<Which>) -> Result<Response, Failure> {
    html(&page(&may, JobForm::new(find(&which.name)?), None))
}

/// The form with the parameters of a job.
pub(in crate::web) async fn show_again(
    may: Authorized<Schedule>,
    Asked(again): Asked<Again>,
) -> Result<Response, Failure> {
    let job = may.session().record(again.id).await?;
    if job.payload_hidden {
        let principal = may.session().principal().name().to_owned();
        return Err(Error::Forbidden { principal, action: Action::ViewPayload }.into());
    }
    html(&page(&may, JobForm::of_job(find(&job.name)?, &job), Some(job.id)))
}

pub(in crate::web) async fn schedule(may: Authorized<Schedule>, typed: Fields) -> Result<Response, Failure> {
    let mut form = JobForm::new(find(typed.get("name").unwrap_or_default())?).typed(&typed);
    let Ok((job, options)) = form.read() else { return refused(&may, form, None) };
    let scheduled = match may.session().schedule(job.with_options(options)).await {
        Ok(scheduled) => scheduled,
        Err(error @ (Error::InvalidValue { .. } | Error::Duplicate { .. })) => {
            form.refuse_option(&error);
            let holder = if let Error::Duplicate { existing } = error { Some(existing) } else { None };
            return refused(&may, form, holder);
        }
        Err(error) => return Err(error.into()),
    };
    if scheduled.existed() && !form.replaces() {
        form.problem =
            Some(format!("Job {} holds the key of this one, and is used: nothing was scheduled", scheduled.id()));
        return refused(&may, form, Some(scheduled.id()));
    }
    Ok(redirect::to("job", &[("id", &scheduled.id().to_string()), ("done", "scheduled")]))
}

fn find(name: &str) -> Result<&'static Definition, Failure> {
    registry::find(name).ok_or_else(|| Error::UnknownJob { name: name.to_owned() }.into())
}

fn page(may: &Authorized<Schedule>, form: JobForm, again: Option<JobId>) -> FormPage {
    FormPage {
        layout: may.layout(Page::Definitions, format!("Schedule {}", form.name)),
        about: form.about(),
        form,
        again,
        holder: None,
    }
}

/// The form with what was typed, and what is wrong with it.
fn refused(may: &Authorized<Schedule>, form: JobForm, holder: Option<JobId>) -> Result<Response, Failure> {
    let status = if holder.is_some() { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    html_with(status, &FormPage { holder, ..page(may, form, None) })
}
