//! A parameter or a result, whole: pages show the beginning of a long one.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::job_values;
use crate::web::authorized::{Authorized, ViewPayload};
use crate::web::failure::Failure;
use crate::web::input::Asked;
use crate::web::layout::{Layout, Page, html};
use crate::{Error, JobId};

#[derive(Template)]
#[template(path = "value.html")]
struct ValuePage {
    layout: Layout,
    id: JobId,
    name: String,
    text: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    id: JobId,
    of: Of,
    name: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    Parameters,
    Results,
}

pub(in crate::web) async fn show(
    view: Authorized<ViewPayload>,
    Asked(which): Asked<Which>,
) -> Result<Response, Failure> {
    let job = view.session().record(which.id).await?;
    let value = match which.of {
        Of::Parameters => job_values::parameter(&job, &which.name),
        Of::Results => job.results.get(&which.name),
    };
    let value = value.ok_or_else(|| Error::invalid(&which.name, format!("job {} has no such value", which.id)))?;
    html(&ValuePage {
        layout: view.layout(Page::Jobs, format!("{} · job {}", which.name, job.id)),
        id: job.id,
        text: job_values::text(value),
        name: which.name,
    })
}
