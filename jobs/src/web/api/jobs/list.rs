//! Listing jobs by filter, page by page.

use chrono::{DateTime, Utc};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::web::api::answer::Answer;
use crate::web::api::input::Query;
use crate::web::api::schema::{Schema, Schemas, object, reduced};
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::{Error, JobFilter, JobId, JobPage, JobRecord};

/// The jobs of a page if nothing else is asked for.
const USUAL: u64 = 50;

/// The most jobs of a page.
const MOST: u64 = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct Search {
    filter: Option<String>,
    after: Option<JobId>,
    limit: Option<u64>,
}

object! { read Search "Which jobs are listed." {
    filter: "The jobs that match, such as `status:failed name:Resize since:2h`; all if left out.",
    after: "The job after which the page begins: `next` of the page before.",
    limit: "The most jobs of a page, 1 to 100; 50 if left out.",
} }

/// A page of a list.
#[derive(Debug, Serialize)]
pub(in crate::web::api) struct JobList {
    jobs: Vec<JobSummary>,
    next: Option<JobId>,
    searched_back_to: Option<DateTime<Utc>>,
    secrets: Vec<String>,
}

object! { write JobList "A page of jobs." {
    jobs: "The jobs, newest first.",
    next: "Where the search goes on: give it as `after`. Null if no older job matches. A page may have no jobs and yet a next one.",
    searched_back_to: "If the page is not full because the search stopped at its bound: since when the jobs were scheduled that it has examined.",
    secrets: "The parameters on which there are conditions, and which are secret in a job that was examined: secrets match no condition.",
} }

/// The record of a job in a list: without its parameters and results, which may be megabytes.
#[derive(Debug)]
pub(in crate::web::api) struct JobSummary(JobRecord);

/// The members of a record that a list leaves out.
const LEFT_OUT: [&str; 3] = ["parameters", "secrets", "results"];

impl Serialize for JobSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serde_json::to_value(&self.0).map_err(S::Error::custom)?;
        if let Value::Object(members) = &mut record {
            members.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
        }
        record.serialize(serializer)
    }
}

impl Schema for JobSummary {
    fn schema(named: &mut Schemas) -> Value {
        let record = JobRecord::schema(named);
        reduced(named, "JobSummary", &record, "A job in a list, without its parameters and results.", &LEFT_OUT)
    }
}

pub(in crate::web::api) async fn list_jobs(
    view: Authorized<View>,
    Query(search): Query<Search>,
) -> Result<Answer<JobList>, Failure> {
    let filter: JobFilter =
        search.filter.as_deref().unwrap_or_default().parse().map_err(|error| Failure::Filter(Box::new(error)))?;
    let limit = search.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Error::invalid("limit", format!("{limit} is not between 1 and {MOST}")).into());
    }
    let filter = filter.limit(limit);
    let filter = search.after.map_or(filter.clone(), |last| filter.after(last));
    let JobPage { jobs, next, searched_back_to, secrets } = view.session().list_without_values(filter).await?;
    let jobs = jobs.into_iter().map(JobSummary).collect();
    Ok(Answer(JobList { jobs, next, searched_back_to, secrets }))
}
