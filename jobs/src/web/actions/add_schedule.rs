//! Adding a schedule by a form: of its times, and of the job that it schedules.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::redirect;
use crate::job::registry::Registry;
use crate::web::authorized::{Authorized, ManageCron};
use crate::web::failure::Failure;
use crate::web::form::{JobForm, Kind, ScheduleFields};
use crate::web::input::{Asked, Fields};
use crate::web::layout::{Layout, Page, html, html_with};
use crate::{Action, Error};

#[derive(Template)]
#[template(path = "choose_job.html")]
struct ChoicePage {
    layout: Layout,
    /// The definitions that are known here.
    names: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "add_schedule.html")]
struct FormPage {
    layout: Layout,
    schedule: ScheduleFields,
    about: Vec<String>,
    form: JobForm,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    #[serde(default)]
    job: String,
}

/// Asks for the job first: the form depends on it.
pub(in crate::web) async fn show(may: Authorized<ManageCron>, Asked(which): Asked<Which>) -> Result<Response, Failure> {
    check(&may)?;
    match which.job.trim() {
        "" => {
            html(&ChoicePage { layout: may.layout(Page::Cron, "Add a schedule"), names: Registry::new(&[])?.names() })
        }
        job => html(&page(&may, ScheduleFields::new(), JobForm::of_name(job).of_schedule())),
    }
}

pub(in crate::web) async fn add(may: Authorized<ManageCron>, typed: Fields) -> Result<Response, Failure> {
    check(&may)?;
    let mut schedule = ScheduleFields::typed(&typed);
    let mut form = JobForm::of_name(typed.get("job").unwrap_or_default()).of_schedule().typed(&typed);
    // Both, so that each says what is wrong.
    let (Ok((name, cron)), Ok((job, options))) = (schedule.read(), form.read()) else {
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&may, schedule, form));
    };
    let status = match may.session().add_schedule(&name, cron, job.with_options(options)).await {
        Ok(()) => return Ok(redirect::to("cron", &[("done", "added"), ("name", &name)])),
        Err(error @ Error::ScheduleExists { .. }) => {
            schedule.refuse(&error);
            StatusCode::CONFLICT
        }
        Err(error @ Error::InvalidValue { .. }) => {
            form.refuse_option(&error);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(error) => return Err(error.into()),
    };
    html_with(status, &page(&may, schedule, form))
}

/// Who may not schedule the job has no use for the form.
fn check(may: &Authorized<ManageCron>) -> Result<(), Failure> {
    if may.may(Action::Schedule) {
        return Ok(());
    }
    let principal = may.session().principal().name().to_owned();
    Err(Error::Forbidden { principal, action: Action::Schedule }.into())
}

fn page(may: &Authorized<ManageCron>, schedule: ScheduleFields, form: JobForm) -> FormPage {
    let layout = may.layout(Page::Cron, format!("Add a schedule of {}", form.name));
    FormPage { layout, schedule, about: form.about(), form }
}
