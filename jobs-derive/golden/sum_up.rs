#[job_fn(crate = background)]
fn sum_up(job: &JobContext, numbers: Vec<u64>, #[serde(rename = "unit")] label: Option<String>) -> Result<u64, Overflow> {
    job.message(label.unwrap_or_default());
    numbers.into_iter().try_fold(0, u64::checked_add).ok_or(Overflow)
}
