#[derive(::jobs::__private::serde::Serialize, ::jobs::__private::serde::Deserialize)]
#[serde(crate = "::jobs::__private::serde")]
/// Logs a user in.
#[serde(rename_all = "camelCase")]
pub struct LogIn {
    user: String,
    #[serde(alias = "passphrase")]
    pass_word: String,
    #[serde(default = "LogIn::__default_pin")]
    r#pin: u32,
}
#[automatically_derived]
#[allow(dead_code, clippy::new_without_default, clippy::too_many_arguments)]
impl LogIn {
    /// A `LogIn` with what it requires; the other parameters have their defaults.
    #[must_use]
    pub fn new(
        user: impl ::core::convert::Into<String>,
        pass_word: impl ::core::convert::Into<String>,
    ) -> Self {
        Self {
            user: ::core::convert::Into::into(user),
            pass_word: ::core::convert::Into::into(pass_word),
            r#pin: Self::__default_pin(),
        }
    }
    /// The parameter `user`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
    /// The parameter `pass_word`.
    #[must_use]
    pub fn pass_word(&self) -> &str {
        &self.pass_word
    }
    /// The parameter `r#pin`.
    #[must_use]
    pub fn r#pin(&self) -> u32 {
        self.r#pin
    }
    /// Sets the parameter `user`.
    #[must_use]
    pub fn with_user(mut self, user: impl ::core::convert::Into<String>) -> Self {
        self.user = ::core::convert::Into::into(user);
        self
    }
    /// Sets the parameter `pass_word`.
    #[must_use]
    pub fn with_pass_word(
        mut self,
        pass_word: impl ::core::convert::Into<String>,
    ) -> Self {
        self.pass_word = ::core::convert::Into::into(pass_word);
        self
    }
    /// Sets the parameter `r#pin`.
    #[must_use]
    pub fn with_pin(mut self, r#pin: u32) -> Self {
        self.r#pin = r#pin;
        self
    }
    #[allow(clippy::unnecessary_wraps)]
    fn __default_pin() -> u32 {
        1234
    }
}
#[automatically_derived]
impl ::jobs::__private::JobParams for LogIn {
    const PARAMETERS: &'static [&'static str] = &["user", "passWord", "pin"];
    const SECRETS: &'static [&'static str] = &["passWord", "passphrase", "pin"];
    const DESCRIPTION: ::jobs::__private::Description = ::jobs::__private::Description::new(
        ::core::concat!(" Logs a user in.", "\n"),
        &[
            ::jobs::__private::Parameter::new(&["user"], "String"),
            ::jobs::__private::Parameter::new(&["passWord", "passphrase"], "String")
                .secret(),
            ::jobs::__private::Parameter::new(&["pin"], "u32").optional().secret(),
        ],
    );
}
#[automatically_derived]
impl ::core::fmt::Debug for LogIn {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.debug_struct("LogIn")
            .field("user", &self.user)
            .field("pass_word", &::jobs::__private::HIDDEN)
            .field("pin", &::jobs::__private::HIDDEN)
            .finish()
    }
}
#[automatically_derived]
impl ::jobs::__private::Job for LogIn {
    const DEFAULTS: ::jobs::__private::JobDefaults = ::jobs::__private::JobDefaults::new(
        "LogIn",
    );
}
#[automatically_derived]
#[allow(dead_code)]
impl LogIn {
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
    ::jobs::__private::Definition::of:: < LogIn > (::core::file!(), ::core::line!())
}
