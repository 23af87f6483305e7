#[derive(::jobs::__private::serde::Serialize, ::jobs::__private::serde::Deserialize)]
#[serde(crate = "::jobs::__private::serde")]
/// Resize an image to fit in a box.
pub struct Resize {
    /// Where the image is.
    file: String,
    #[serde(default = "Resize::__default_width")]
    width: u32,
    #[serde(default = "Resize::__default_height")]
    height: u32,
}
#[automatically_derived]
#[allow(dead_code, clippy::new_without_default, clippy::too_many_arguments)]
impl Resize {
    /// A `Resize` with what it requires; the other parameters have their defaults.
    #[must_use]
    pub fn new(file: impl ::core::convert::Into<String>) -> Self {
        Self {
            file: ::core::convert::Into::into(file),
            width: Self::__default_width(),
            height: Self::__default_height(),
        }
    }
    /// Where the image is.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
    /// The parameter `width`.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }
    /// The parameter `height`.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }
    /// Where the image is.
    #[must_use]
    pub fn with_file(mut self, file: impl ::core::convert::Into<String>) -> Self {
        self.file = ::core::convert::Into::into(file);
        self
    }
    /// Sets the parameter `width`.
    #[must_use]
    pub fn with_width(mut self, width: u32) -> Self {
        self.width = width;
        self
    }
    /// Sets the parameter `height`.
    #[must_use]
    pub fn with_height(mut self, height: u32) -> Self {
        self.height = height;
        self
    }
    #[allow(clippy::unnecessary_wraps)]
    fn __default_width() -> u32 {
        32
    }
    #[allow(clippy::unnecessary_wraps)]
    fn __default_height() -> u32 {
        32
    }
}
#[automatically_derived]
impl ::jobs::__private::JobParams for Resize {
    const PARAMETERS: &'static [&'static str] = &["file", "width", "height"];
    const DESCRIPTION: ::jobs::__private::Description = ::jobs::__private::Description::new(
        ::core::concat!(" Resize an image to fit in a box.", "\n"),
        &[
            ::jobs::__private::Parameter::new(&["file"], "String")
                .docs(::core::concat!(" Where the image is.", "\n")),
            ::jobs::__private::Parameter::new(&["width"], "u32").default("32"),
            ::jobs::__private::Parameter::new(&["height"], "u32").default("32"),
        ],
    );
}
#[automatically_derived]
impl ::jobs::__private::Job for Resize {
    const DEFAULTS: ::jobs::__private::JobDefaults = ::jobs::__private::JobDefaults::new(
            "Resize",
        )
        .queue("images")
        .max_attempts(3u32)
        .timeout(::core::time::Duration::from_millis(300000u64));
}
#[automatically_derived]
#[allow(dead_code)]
impl Resize {
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
    ::jobs::__private::Definition::of:: < Resize > (::core::file!(), ::core::line!())
}
