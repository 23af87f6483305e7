#[allow(clippy::needless_pass_by_value, clippy::unused_async)]
/// Sends a mail.
pub async fn send_mail(job: &JobContext, to: String, copies: u32) -> JobResult<()> {
    job.message(to);
    Ok(())
}
#[derive(::jobs::__private::serde::Serialize, ::jobs::__private::serde::Deserialize)]
#[serde(crate = "::jobs::__private::serde")]
/// Sends a mail.
#[allow(clippy::duplicated_attributes)]
pub struct SendMail {
    to: String,
    #[serde(default = "SendMail::__default_copies")]
    copies: u32,
}
#[automatically_derived]
#[allow(dead_code, clippy::new_without_default, clippy::too_many_arguments)]
impl SendMail {
    /// A `SendMail` with what it requires; the other parameters have their defaults.
    #[must_use]
    pub fn new(to: impl ::core::convert::Into<String>) -> Self {
        Self {
            to: ::core::convert::Into::into(to),
            copies: Self::__default_copies(),
        }
    }
    /// The parameter `to`.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }
    /// The parameter `copies`.
    #[must_use]
    pub fn copies(&self) -> u32 {
        self.copies
    }
    /// Sets the parameter `to`.
    #[must_use]
    pub fn with_to(mut self, to: impl ::core::convert::Into<String>) -> Self {
        self.to = ::core::convert::Into::into(to);
        self
    }
    /// Sets the parameter `copies`.
    #[must_use]
    pub fn with_copies(mut self, copies: u32) -> Self {
        self.copies = copies;
        self
    }
    #[allow(clippy::unnecessary_wraps)]
    fn __default_copies() -> u32 {
        3
    }
}
#[automatically_derived]
impl ::jobs::__private::JobParams for SendMail {
    const PARAMETERS: &'static [&'static str] = &["to", "copies"];
    const DESCRIPTION: ::jobs::__private::Description = ::jobs::__private::Description::new(
        ::core::concat!(" Sends a mail.", "\n"),
        &[
            ::jobs::__private::Parameter::new(&["to"], "String"),
            ::jobs::__private::Parameter::new(&["copies"], "u32").default("3"),
        ],
    );
}
#[automatically_derived]
impl ::jobs::__private::Job for SendMail {
    const DEFAULTS: ::jobs::__private::JobDefaults = ::jobs::__private::JobDefaults::new(
            "SendMail",
        )
        .queue("mail")
        .retry(
            ::jobs::__private::RetryPolicy::exponential(
                ::core::time::Duration::from_millis(1000u64),
                ::core::time::Duration::from_millis(600000u64),
            ),
        )
        .unique(::jobs::__private::Unique::new())
        .limit(::jobs::__private::Limit::new().running(50u32))
        .limit_each(&["to", "copies"], ::jobs::__private::Limit::new().running(3u32));
    fn unique_values(
        &self,
    ) -> ::core::result::Result<::jobs::__private::Value, ::jobs::__private::Error> {
        ::core::result::Result::Ok(
            ::core::iter::IntoIterator::into_iter([
                    ("to", ::jobs::__private::to_value("to", &self.to)?),
                ])
                .collect(),
        )
    }
    fn limit_values(
        &self,
    ) -> ::core::result::Result<::jobs::__private::Value, ::jobs::__private::Error> {
        ::core::result::Result::Ok(
            ::jobs::__private::Value::Array(
                ::std::vec![
                    ::jobs::__private::to_value("to", & self.to) ?,
                    ::jobs::__private::to_value("copies", & self.copies) ?
                ],
            ),
        )
    }
}
#[automatically_derived]
#[allow(dead_code)]
impl SendMail {
    /// Schedules this job when it is awaited. In a transaction, the job exists if and only if it commits.
    pub fn schedule<C: ::jobs::__private::Connection>(
        self,
        db: &C,
    ) -> ::jobs::__private::Schedule<'_, C, Self> {
        ::jobs::__private::schedule(self, db)
    }
    /// This job with options of its own.
    pub fn with_options(
        self,
        options: ::jobs::__private::JobOptions,
    ) -> ::jobs::__private::WithOptions<Self> {
        ::jobs::__private::with_options(self, options)
    }
}
::jobs::__private::inventory::submit! {
    ::jobs::__private::Definition::of:: < SendMail > (::core::file!(), ::core::line!())
}
#[automatically_derived]
impl ::jobs::__private::Execute for SendMail {
    type Output = <JobResult<()> as ::jobs::__private::IntoJobResult>::Output;
    async fn execute(
        &self,
        context: &::jobs::__private::JobContext,
    ) -> ::jobs::__private::JobResult<Self::Output> {
        <JobResult<
            (),
        > as ::jobs::__private::IntoJobResult>::into_job_result(
            send_mail(
                    context,
                    ::core::clone::Clone::clone(&self.to),
                    ::core::clone::Clone::clone(&self.copies),
                )
                .await,
        )
    }
}
