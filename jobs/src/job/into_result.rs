//! The return types of functions that are jobs.

use crate::error::{JobError, JobResult};

/// A type that a job's function may return.
#[diagnostic::on_unimplemented(
    message = "a job's function can't return `{Self}`",
    label = "return `JobResult<…>`, another `Result`, or nothing"
)]
pub trait IntoJobResult {
    /// The output of the job.
    type Output;

    /// The result of its `execute`.
    fn into_job_result(self) -> JobResult<Self::Output>;
}

impl<T, E: Into<JobError>> IntoJobResult for Result<T, E> {
    type Output = T;

    fn into_job_result(self) -> JobResult<T> {
        self.map_err(Into::into)
    }
}

impl IntoJobResult for () {
    type Output = ();

    fn into_job_result(self) -> JobResult {
        Ok(())
    }
}
