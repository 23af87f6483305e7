//! One job, with its history.

use serde::Serialize;
use serde_json::Value;

use super::answer::Answer;
use super::input::Id;
use super::schema::{Member, Schema, Schemas, extended};
use crate::JobStatus;
use crate::client::answers::JobDetails;
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;

/// The most messages of an answer, the newest. The events of the job tell all.
const MESSAGES: usize = 500;

/// The most unsuccessful attempts of an answer, the newest.
const ATTEMPTS: usize = 100;

/// A job with its history, as far as it is not too long.
#[derive(Debug, Serialize)]
pub(in crate::web::api) struct JobWithHistory {
    #[serde(flatten)]
    details: JobDetails,
    older_attempts: bool,
    older_messages: bool,
}

impl Schema for JobWithHistory {
    fn schema(named: &mut Schemas) -> Value {
        let details = JobDetails::schema(named);
        let members = vec![
            Member::of(named, "older_attempts", |it: &Self| &it.older_attempts, "Whether there are older attempts."),
            Member::of(
                named,
                "older_messages",
                |it: &Self| &it.older_messages,
                "Whether there are older messages: the job's events tell all.",
            ),
        ];
        extended(named, "JobWithHistory", &details, "A job with its history.", members)
    }
}

pub(in crate::web::api) async fn show_job(
    view: Authorized<View>,
    Id(id): Id,
) -> Result<Answer<JobWithHistory>, Failure> {
    let session = view.session();
    let job = session.record(id).await?;
    let (attempts, older_attempts) = session.newest_failed_attempts(id, ATTEMPTS).await?;
    let (messages, older_messages) = session.newest_messages(id, MESSAGES).await?;
    let messages = messages.into_iter().map(|(_, message)| message).collect();
    let why = if job.status == JobStatus::Scheduled { Some(session.why(id).await?) } else { None };
    let details = JobDetails { job, attempts, messages, why };
    Ok(Answer(JobWithHistory { details, older_attempts, older_messages }))
}
