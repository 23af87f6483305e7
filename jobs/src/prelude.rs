//! What a program that defines, schedules and executes jobs needs: `use jobs::prelude::*;`.

pub use crate::{
    Execute, Job, JobContext, JobError, JobHandle, JobId, JobOptions, JobResult, JobStatus, Worker, job_fn, job_params,
};
