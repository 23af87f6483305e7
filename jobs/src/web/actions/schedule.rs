//! Changing schedules.

use axum::response::Response;
use serde::Deserialize;

use super::redirect;
use crate::Error;
use crate::cron::CronSource;
use crate::web::authorized::{Authorized, ManageCron};
use crate::web::failure::Failure;
use crate::web::input::{Asked, Sent};
use crate::web::layout::Page;
use crate::web::pages::confirm::Confirm;

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    name: String,
}

pub(in crate::web) async fn pause(may: Authorized<ManageCron>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().pause_schedule(&which.name).await?;
    Ok(redirect::to("cron", &[("done", "paused"), ("name", &which.name)]))
}

pub(in crate::web) async fn resume(may: Authorized<ManageCron>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().resume_schedule(&which.name).await?;
    Ok(redirect::to("cron", &[("done", "resumed"), ("name", &which.name)]))
}

pub(in crate::web) async fn run_now(
    may: Authorized<ManageCron>,
    Sent(which): Sent<Which>,
) -> Result<Response, Failure> {
    let job = may.session().run_schedule_now(&which.name).await?;
    Ok(redirect::to("cron", &[("done", "run"), ("name", &which.name), ("job", &job.to_string())]))
}

pub(in crate::web) async fn confirm_remove(
    may: Authorized<ManageCron>,
    Asked(which): Asked<Which>,
) -> Result<Response, Failure> {
    let schedules = may.session().schedules().await?;
    let Some(schedule) = schedules.into_iter().find(|schedule| schedule.name == which.name) else {
        return Err(Error::NoSchedule { name: which.name }.into());
    };
    let comes_again = match schedule.source {
        CronSource::Definition => {
            " It is the schedule of a definition: the next worker that starts with it adds it again. To stop it, pause it instead."
        }
        CronSource::Runtime => "",
    };
    Confirm {
        layout: may.layout(Page::Cron, format!("Remove {}?", schedule.name)),
        text: format!("The schedule is removed with its history. The jobs that it has scheduled stay.{comes_again}"),
        action: "remove-schedule",
        field: "name",
        value: schedule.name,
        yes: "Remove",
        back: "cron".to_owned(),
    }
    .ask()
}

pub(in crate::web) async fn remove(may: Authorized<ManageCron>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().remove_schedule(&which.name).await?;
    Ok(redirect::to("cron", &[("done", "removed"), ("name", &which.name)]))
}
