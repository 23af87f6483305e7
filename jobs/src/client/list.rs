//! Listing jobs by filter, page by page.

use super::JobFilter;
use super::search::{JobPage, Search};
use crate::error::Error;
use crate::store::connection::Connection;
use crate::store::unserved::{self, Unserved};

/// Lists one page of the jobs that match the filter, newest first.
///
/// A call examines at most 20,000 rows, and reads the errors and parameters of at most 5,000, so it takes a bounded time however many jobs
/// there are. If few of them match, the page is not full, or even empty, although older jobs may match: [`JobPage::next`] says where to go
/// on, and is `None` only at the end.
///
/// ```
/// # use jobs::prelude::*;
/// # #[derive(Job)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// # jobs::schedule_all(&db, ["ada", "grace", "ada"].map(Greet::new)).await?;
/// let mut filter: jobs::JobFilter = "param.name:ada since:7d".parse()?;
/// let mut found = Vec::new();
/// loop {
///     let page = jobs::list(&db, filter.clone()).await?;
///     found.extend(page.jobs);
///     let Some(next) = page.next else { break };
///     filter = filter.after(next);
/// }
/// assert_eq!(found.len(), 2);
/// # Ok(()) }
/// ```
pub async fn list<C: Connection>(db: &C, filter: JobFilter) -> Result<JobPage, Error> {
    let limit = filter.page_size()?;
    Ok(Search::piece(db, &filter).await?.page(db, limit).await?.into())
}

/// Counts the due jobs that no live worker serves, by queue and name: either the queue has no worker, or no running program
/// defines the name.
pub async fn unserved<C: Connection>(db: &C) -> Result<Vec<Unserved>, Error> {
    Ok(unserved::unserved(db).await?)
}
