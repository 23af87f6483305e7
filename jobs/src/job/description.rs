//! What a definition says about itself, for people who schedule its jobs by hand.

/// The documentation of a job's struct, and of its parameters. `#[job_params]` writes it.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    pub(crate) docs: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Whether there may be parameters besides these.
    pub(crate) has_others: bool,
}

impl Description {
    /// Of a struct that says nothing: any parameters may be given.
    pub const NONE: Self = Self { docs: "", parameters: &[], has_others: true };

    /// Of a struct that is documented so, and takes these parameters.
    #[must_use]
    pub const fn new(docs: &'static str, parameters: &'static [Parameter]) -> Self {
        Self { docs, parameters, has_others: false }
    }

    /// Says that there are parameters whose names are not known here: those of a flattened field.
    #[must_use]
    pub const fn with_others(mut self) -> Self {
        self.has_others = true;
        self
    }
}

/// One parameter of a definition.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The names by which it is read; the first is the one to give it by.
    pub(crate) names: &'static [&'static str],
    /// The type as it is written in the source.
    pub(crate) type_name: &'static str,
    pub(crate) docs: &'static str,
    pub(crate) is_required: bool,
    /// The default as it is written in the source, unless that is secret or there is none.
    pub(crate) default: Option<&'static str>,
    pub(crate) is_secret: bool,
    /// Whether its values may be of another JSON type than those of its own type.
    pub(crate) is_converted: bool,
}

impl Parameter {
    /// A parameter that must be given.
    #[must_use]
    pub const fn new(names: &'static [&'static str], type_name: &'static str) -> Self {
        Self { names, type_name, docs: "", is_required: true, default: None, is_secret: false, is_converted: false }
    }

    /// Sets its documentation.
    #[must_use]
    pub const fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Says that it may be left out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.is_required = false;
        self
    }

    /// Says what it is if it is left out.
    #[must_use]
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self.optional()
    }

    /// Says that its values are not shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// Says that a function of the source reads it, whatever its type is.
    #[must_use]
    pub const fn converted(mut self) -> Self {
        self.is_converted = true;
        self
    }
}
