//! Forms that are made of definitions: a field for each parameter, what was typed, and what is wrong with it.

mod field;
mod kind;
mod options;
mod pause;
mod schedule;

use std::fmt::Write as _;

use serde_json::{Map, Value};

pub(super) use field::{Field, Wrong};
pub(super) use kind::Kind;
pub(super) use options::OptionFields;
pub(super) use pause::PauseFields;
pub(super) use schedule::ScheduleFields;

use super::format;
use super::input::Fields;
use super::pages::job_values;
use crate::error::Error;
use crate::job::JobDefaults;
use crate::job::parameters::secrets::{MARK, is_marked};
use crate::job::registry::{self, Definition};
use crate::{JobOptions, JobRecord, NamedJob, OnConflict};

/// The field of parameters that have none of their own.
const OTHERS: &str = "others";

/// The form in which a job is scheduled, or the jobs of a schedule are given.
pub(super) struct JobForm {
    pub(super) name: String,
    /// The definition of that name, if it is known here.
    definition: Option<&'static Definition>,
    pub(super) fields: Vec<Field>,
    /// Parameters that have no field, as JSON.
    pub(super) others: String,
    pub(super) others_problem: Option<String>,
    others_typed: String,
    pub(super) options: OptionFields,
    /// What is wrong with the form as a whole.
    pub(super) problem: Option<String>,
}

impl JobForm {
    /// An empty form.
    pub(super) fn new(definition: &'static Definition) -> Self {
        Self::with(definition.defaults.name.to_owned(), Some(definition))
    }

    /// An empty form for jobs of this name, whether or not their definition is known here.
    pub(super) fn of_name(name: &str) -> Self {
        Self::with(name.to_owned(), registry::find(name))
    }

    fn with(name: String, definition: Option<&'static Definition>) -> Self {
        let parameters = definition.map_or(&[][..], |definition| definition.description.parameters);
        let fields = parameters.iter().enumerate().map(|(number, parameter)| Field::of(number, parameter));
        let defaults = definition.map_or(JobDefaults::new("unknown"), |definition| definition.defaults);
        Self {
            name,
            definition,
            fields: fields.collect(),
            others: String::new(),
            others_problem: None,
            others_typed: String::new(),
            options: OptionFields::of(&defaults),
            problem: None,
        }
    }

    /// The same for the jobs of a schedule, which are due when it fires, or after a delay.
    pub(super) fn of_schedule(mut self) -> Self {
        self.options.0.retain(|option| option.name != "at");
        self
    }

    /// The form with what a job was given, but for its secrets.
    pub(super) fn of_job(definition: &'static Definition, job: &JobRecord) -> Self {
        let mut form = Self::new(definition);
        let mut rest = job.parameters.as_object().cloned().unwrap_or_default();
        rest.retain(|name, _| !job.secrets.contains(name));
        for (field, parameter) in form.fields.iter_mut().zip(definition.description.parameters) {
            if let Some(value) = parameter.names.iter().find_map(|name| rest.remove(*name)) {
                field.fill(&value);
            }
        }
        if !rest.is_empty() {
            form.others = job_values::text(&Value::Object(rest));
        }
        form.options.fill(job, &definition.defaults);
        form
    }

    /// The form with what was typed, but for secrets.
    pub(super) fn typed(mut self, typed: &Fields) -> Self {
        self.fields.iter_mut().for_each(|field| field.take(typed));
        self.options.take(typed);
        typed.get(OTHERS).unwrap_or_default().trim().clone_into(&mut self.others_typed);
        self.others = self.shown_others();
        self
    }

    /// What the definition says of itself.
    pub(super) fn about(&self) -> Vec<String> {
        format::paragraphs(self.definition.map_or("", |definition| definition.description.docs))
    }

    /// Whether a job of the definition replaces the one that holds its key.
    pub(super) fn replaces(&self) -> bool {
        let unique = self.definition.and_then(|definition| definition.defaults.unique);
        unique.is_some_and(|unique| unique.on_conflict == OnConflict::Replace)
    }

    /// Whether there may be parameters without a field.
    pub(super) fn has_others(&self) -> bool {
        self.definition.is_none_or(|definition| definition.description.has_others)
            || !self.others.is_empty()
            || self.others_problem.is_some()
    }

    /// Whether a field says that it is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        self.fields.iter().any(|field| field.problem.is_some())
            || self.options.0.iter().any(|option| option.problem.is_some())
            || self.others_problem.is_some()
    }

    /// The job and its options. Says in the form what is wrong.
    pub(super) fn read(&mut self) -> Result<(NamedJob, JobOptions), Wrong> {
        let parameters = self.parameters();
        let options = self.options.read();
        let job = NamedJob::new(self.name.as_str(), parameters?);
        if let Err(error) = job.check() {
            return Err(self.refuse_parameter(&error));
        }
        Ok((job, options?))
    }

    fn parameters(&mut self) -> Result<Value, Wrong> {
        let others = self.other_parameters();
        // All of them, so that each says what is wrong.
        let values: Vec<_> = self.fields.iter_mut().map(Field::read).collect();
        let mut all = others?;
        for (field, value) in self.fields.iter_mut().zip(values) {
            if let Some(value) = value?
                && all.insert(field.label.clone(), value).is_some()
            {
                return Err(field.refuse("It is given twice: here and in the other parameters.".to_owned()));
            }
        }
        Ok(Value::Object(all))
    }

    fn other_parameters(&mut self) -> Result<Map<String, Value>, Wrong> {
        if self.others_typed.is_empty() {
            return Ok(Map::new());
        }
        let problem = match serde_json::from_str(&self.others_typed) {
            Ok(Value::Object(others)) => return Ok(others),
            Ok(_) => "An object is needed, such as {\"width\": 64}.".to_owned(),
            Err(error) => format!("It is not JSON: {error}."),
        };
        self.others_problem = Some(problem);
        Err(Wrong)
    }

    /// What was typed, unless it contains a secret, or may do so.
    fn shown_others(&self) -> String {
        let secrets = self.definition.map_or(&[][..], |definition| definition.secrets);
        let is_secret = |name: &str| secrets.contains(&name);
        match serde_json::from_str(&self.others_typed) {
            Ok(Value::Object(others)) if others.iter().any(|(name, value)| is_secret(name) || is_marked(value)) => {
                let open: Map<_, _> =
                    others.into_iter().filter(|(name, value)| !is_secret(name) && !is_marked(value)).collect();
                Value::Object(open).to_string()
            }
            Err(_) if !secrets.is_empty() || self.others_typed.contains(MARK) => String::new(),
            _ => self.others_typed.clone(),
        }
    }

    /// Says at the parameter, or at the top, why the job can't be.
    pub(super) fn refuse_parameter(&mut self, error: &Error) -> Wrong {
        let (name, reason) = reason(error);
        let field = name.and_then(|name| self.fields.iter_mut().find(|field| is_of(name, &field.label)));
        match (field, name) {
            (Some(field), _) => field.refuse(reason),
            (None, Some(name)) if !self.others_typed.is_empty() => {
                self.others_problem = Some(format!("{name}: {reason}"));
                Wrong
            }
            (None, _) => self.refuse(error),
        }
    }

    /// Says at the option, or at the top, why the job can't be.
    pub(super) fn refuse_option(&mut self, error: &Error) -> Wrong {
        let at_option = match error {
            Error::InvalidValue { name, reason } => self.options.refuse_named(name, &format!("{}.", capital(reason))),
            _ => None,
        };
        at_option.unwrap_or_else(|| self.refuse(error))
    }

    fn refuse(&mut self, error: &Error) -> Wrong {
        self.problem = Some(capital(&crate::error::chain(error)));
        Wrong
    }
}

/// A field for a parameter that a job has: as its definition says, if that is known here.
pub(super) fn field_of_job(job: &JobRecord, name: &str, value: &Value) -> Field {
    let is_secret = job.secrets.iter().any(|secret| secret == name);
    let parameters = registry::find(&job.name).map_or(&[][..], |definition| definition.description.parameters);
    let known = parameters.iter().find(|parameter| parameter.names.contains(&name));
    let mut field = known.map_or_else(|| Field::of_value(value, is_secret), |parameter| Field::of(0, parameter));
    name.clone_into(&mut field.label);
    // It is not what the job has without a value.
    field.default = None;
    if is_secret {
        field.is_secret = true;
    } else if !job.payload_hidden {
        field.fill(value);
    }
    field
}

/// The parameter or option that an error is about, and what is wrong with it. Errors quote no secrets.
pub(super) fn reason(error: &Error) -> (Option<&str>, String) {
    match error {
        Error::InvalidValue { name, reason } => (Some(name), format!("{}.", capital(reason))),
        Error::Decode { name, source } => (Some(name), format!("{}.", capital(&source.to_string()))),
        other => (None, capital(&other.to_string())),
    }
}

/// Whether an error at this path is about this parameter, or about something in it.
pub(super) fn is_of(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn capital(message: &str) -> String {
    let mut characters = message.chars();
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = characters.next().map(|first| write!(text, "{}", first.to_uppercase()));
    text + characters.as_str()
}
