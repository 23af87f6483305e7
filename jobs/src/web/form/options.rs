//! The fields of the options of a job.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::field::Wrong;
use crate::client::durations;
use crate::job::JobDefaults;
use crate::web::input::Fields;
use crate::{JobOptions, JobRecord, default_queue};

/// A field for an option. All may be left empty.
pub(in crate::web) struct OptionField {
    /// As in `JobOptions`.
    pub(in crate::web) name: &'static str,
    pub(in crate::web) label: &'static str,
    /// What it is if it is left empty, or what is to be written.
    pub(in crate::web) help: String,
    /// The type of the input.
    pub(in crate::web) input: &'static str,
    pub(in crate::web) value: String,
    pub(in crate::web) problem: Option<String>,
}

impl OptionField {
    pub(super) fn new(name: &'static str, label: &'static str, help: String, input: &'static str) -> Self {
        Self { name, label, help, input, value: String::new(), problem: None }
    }

    pub(super) fn take(&mut self, prefix: &str, typed: &Fields) {
        typed.get(&format!("{prefix}.{}", self.name)).unwrap_or_default().trim().clone_into(&mut self.value);
    }

    pub(super) fn refuse(&mut self, problem: impl Into<String>) -> Wrong {
        self.problem = Some(problem.into());
        Wrong
    }
}

/// The options of a form.
pub(in crate::web) struct OptionFields(pub(in crate::web) Vec<OptionField>);

impl OptionFields {
    pub(super) fn of(defaults: &JobDefaults) -> Self {
        let field = OptionField::new;
        let queue = defaults.queue.map_or_else(default_queue, str::to_owned);
        Self(vec![
            field("queue", "Queue", format!("By default {queue}."), "text"),
            field(
                "priority",
                "Priority",
                format!("−100 to 100, smaller first; by default {}.", defaults.priority),
                "number",
            ),
            field("max_attempts", "Attempts", format!("1 to 32767; by default {}.", defaults.max_attempts), "number"),
            field("delay", "Delay", "Such as 10m or 1h30m; by default none.".to_owned(), "text"),
            field("at", "Due at", "In UTC, instead of a delay.".to_owned(), "datetime-local"),
        ])
    }

    /// Fills in what differs from the definition.
    pub(super) fn fill(&mut self, job: &JobRecord, defaults: &JobDefaults) {
        let queue = defaults.queue.map_or_else(default_queue, str::to_owned);
        self.set("queue", Some(job.queue.clone()).filter(|given| *given != queue));
        self.set("priority", Some(job.priority).filter(|given| *given != defaults.priority).map(|it| it.to_string()));
    }

    /// Whether any is given.
    pub(in crate::web) fn are_given(&self) -> bool {
        self.0.iter().any(|field| !field.value.is_empty() || field.problem.is_some())
    }

    pub(super) fn take(&mut self, typed: &Fields) {
        self.0.iter_mut().for_each(|field| field.take("option", typed));
    }

    /// The options that were typed. Says in the fields what is wrong.
    pub(super) fn read(&mut self) -> Result<JobOptions, Wrong> {
        let (queue, delay) = (self.given("queue"), self.read_one("delay", durations::parse));
        let priority = self.read_one("priority", |text| text.parse::<i16>().map_err(|_| not_whole("−100 to 100")));
        let attempts = self.read_one("max_attempts", |text| text.parse::<u32>().map_err(|_| not_whole("1 to 32767")));
        let at = self.read_one("at", time);
        let (delay, priority, attempts, at) = (delay?, priority?, attempts?, at?);
        if delay.is_some() && at.is_some() {
            return Err(self.refuse("at", "Give either a delay or a time."));
        }
        let mut options = JobOptions::new();
        if let Some(queue) = queue {
            options = options.queue(queue);
        }
        if let Some(priority) = priority {
            options = options.priority(priority);
        }
        if let Some(attempts) = attempts {
            options = options.max_attempts(attempts);
        }
        if let Some(delay) = delay {
            options = options.delay(delay);
        }
        Ok(at.map_or(options.clone(), |at| options.at(at)))
    }

    /// Says in the field of this name what is wrong, if there is one.
    pub(super) fn refuse_named(&mut self, name: &str, problem: &str) -> Option<Wrong> {
        let field = self.0.iter_mut().find(|field| field.name == name)?;
        Some(field.refuse(problem))
    }

    fn set(&mut self, name: &str, value: Option<String>) {
        if let (Some(field), Some(value)) = (self.0.iter_mut().find(|field| field.name == name), value) {
            field.value = value;
        }
    }

    fn given(&self, name: &str) -> Option<String> {
        let field = self.0.iter().find(|field| field.name == name)?;
        Some(field.value.clone()).filter(|value| !value.is_empty())
    }

    fn read_one<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Wrong> {
        let read = self.given(name).map(|text| read(&text)).transpose();
        read.map_err(|problem| self.refuse(name, &problem))
    }

    fn refuse(&mut self, name: &str, problem: &str) -> Wrong {
        self.refuse_named(name, problem).unwrap_or(Wrong)
    }
}

fn not_whole(range: &str) -> String {
    format!("A whole number is needed, {range}.")
}

/// The form of a browser, whose seconds may be left out.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let parse = |form| NaiveDateTime::parse_from_str(text, form).map(|time| time.and_utc());
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"]
        .into_iter()
        .find_map(|form| parse(form).ok())
        .ok_or_else(|| "A time is needed, such as 2026-11-28T10:30.".to_owned())
}
