#[allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]
fn sum_up(
    job: &JobContext,
    numbers: Vec<u64>,
    label: Option<String>,
) -> Result<u64, Overflow> {
    job.message(label.unwrap_or_default());
    numbers.into_iter().try_fold(0, u64::checked_add).ok_or(Overflow)
}
#[derive(
    background::__private::serde::Serialize,
    background::__private::serde::Deserialize
)]
#[serde(crate = "background::__private::serde")]
/// The job that calls `sum_up`.
struct SumUp {
    numbers: Vec<u64>,
    #[serde(rename = "unit")]
    #[serde(default)]
    label: Option<String>,
}
#[automatically_derived]
#[allow(dead_code, clippy::new_without_default, clippy::too_many_arguments)]
impl SumUp {
    /// A `SumUp` with what it requires; the other parameters have their defaults.
    #[must_use]
    fn new(numbers: impl ::core::convert::Into<Vec<u64>>) -> Self {
        Self {
            numbers: ::core::convert::Into::into(numbers),
            label: ::core::option::Option::None,
        }
    }
    /// The parameter `numbers`.
    #[must_use]
    fn numbers(&self) -> &[u64] {
        &self.numbers
    }
    /// The parameter `label`.
    #[must_use]
    fn label(&self) -> ::core::option::Option<&str> {
        self.label.as_deref()
    }
    /// Sets the parameter `numbers`.
    #[must_use]
    fn with_numbers(mut self, numbers: impl ::core::convert::Into<Vec<u64>>) -> Self {
        self.numbers = ::core::convert::Into::into(numbers);
        self
    }
    /// Sets the parameter `label`.
    #[must_use]
    fn with_label(mut self, label: impl ::core::convert::Into<String>) -> Self {
        self.label = ::core::option::Option::Some(::core::convert::Into::into(label));
        self
    }
}
#[automatically_derived]
impl background::__private::JobParams for SumUp {
    const PARAMETERS: &'static [&'static str] = &["numbers", "unit"];
    const DESCRIPTION: background::__private::Description = background::__private::Description::new(
        ::core::concat!(" The job that calls `sum_up`.", "\n"),
        &[
            background::__private::Parameter::new(&["numbers"], "Vec<u64>"),
            background::__private::Parameter::new(&["unit"], "Option<String>").optional(),
        ],
    );
}
#[automatically_derived]
impl background::__private::Job for SumUp {
    const DEFAULTS: background::__private::JobDefaults = background::__private::JobDefaults::new(
        "SumUp",
    );
}
#[automatically_derived]
#[allow(dead_code)]
impl SumUp {
    /// Schedules this job when it is awaited. In a transaction, the job exists if and only if it commits.
    fn schedule<C: background::__private::Connection>(
        self,
        db: &C,
    ) -> background::__private::Schedule<'_, C, Self> {
        background::__private::schedule(self, db)
    }
    /// This job with options of its own.
    fn with_options(
        self,
        options: background::__private::JobOptions,
    ) -> background::__private::WithOptions<Self> {
        background::__private::with_options(self, options)
    }
}
background::__private::inventory::submit! {
    background::__private::Definition::of:: < SumUp > (::core::file!(), ::core::line!())
}
#[automatically_derived]
impl background::__private::Execute for SumUp {
    type Output = <Result<
        u64,
        Overflow,
    > as background::__private::IntoJobResult>::Output;
    async fn execute(
        &self,
        context: &background::__private::JobContext,
    ) -> background::__private::JobResult<Self::Output> {
        <Result<
            u64,
            Overflow,
        > as background::__private::IntoJobResult>::into_job_result({
            let owned = (
                ::core::clone::Clone::clone(context),
                ::core::clone::Clone::clone(&self.numbers),
                ::core::clone::Clone::clone(&self.label),
            );
            context.run_blocking(move || sum_up(&owned.0, owned.1, owned.2)).await
        })
    }
}
