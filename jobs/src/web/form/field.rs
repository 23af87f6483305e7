//! A field of a form, for one parameter.

use serde_json::Value;

use super::kind::{Kind, in_option};
use crate::job::description::Parameter;
use crate::web::format;
use crate::web::input::Fields;

/// The longest default that is shown.
const LONGEST_DEFAULT: usize = 100;

/// A field for a value.
pub(in crate::web) struct Field {
    /// What its label and its help refer to.
    pub(in crate::web) id: String,
    /// The name of the parameter.
    pub(in crate::web) label: String,
    pub(in crate::web) kind: Kind,
    pub(in crate::web) type_name: String,
    pub(in crate::web) help: Vec<String>,
    pub(in crate::web) default: Option<String>,
    pub(in crate::web) is_required: bool,
    pub(in crate::web) is_secret: bool,
    /// What the field shows: nothing of a secret.
    pub(in crate::web) value: String,
    /// What is wrong with the value.
    pub(in crate::web) problem: Option<String>,
    /// What was typed.
    typed: String,
}

impl Field {
    /// An empty field of this number in its form, for a parameter of a definition.
    pub(super) fn of(number: usize, parameter: &Parameter) -> Self {
        let kind = Kind::of_type(parameter.type_name);
        // A default that only the code knows is neither yes nor no.
        let is_literal = matches!(parameter.default, Some("true" | "false"));
        let kind = if kind == Kind::Flag && !parameter.is_required && !is_literal { Kind::Choice } else { kind };
        let mut field = Self {
            id: format!("parameter{number}"),
            label: parameter.names.first().copied().unwrap_or_default().to_owned(),
            // A secret is typed into a line, whatever it is; what a function reads may have any type.
            kind: if (parameter.is_secret || parameter.is_converted) && kind != Kind::Text { Kind::Json } else { kind },
            type_name: parameter.type_name.to_owned(),
            help: format::paragraphs(parameter.docs),
            default: parameter.default.map(|default| format::first_line(default, LONGEST_DEFAULT)),
            is_required: parameter.is_required,
            is_secret: parameter.is_secret,
            value: String::new(),
            problem: None,
            typed: String::new(),
        };
        if field.kind == Kind::Flag {
            parameter.default.unwrap_or("false").clone_into(&mut field.typed);
            field.value = field.shown();
        }
        field
    }

    /// A field for the value of a job, of whose parameter nothing more is known.
    pub(super) fn of_value(value: &Value, is_secret: bool) -> Self {
        Self {
            id: "parameter0".to_owned(),
            label: String::new(),
            // What it is can't be seen.
            kind: if is_secret { Kind::Json } else { Kind::of_value(value) },
            type_name: String::new(),
            help: Vec::new(),
            default: None,
            is_required: true,
            is_secret,
            value: String::new(),
            problem: None,
            typed: String::new(),
        }
    }

    /// The name of the field in the form.
    pub(in crate::web) fn name(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.label)
    }

    pub(in crate::web) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// Whether there is a text below it.
    pub(in crate::web) fn has_help(&self) -> bool {
        !self.help.is_empty() || self.default.is_some() || self.is_secret || self.kind == Kind::Json
    }

    /// The elements that tell about it.
    pub(in crate::web) fn described_by(&self) -> String {
        let help = self.has_help().then(|| format!("{}-help", self.id));
        let problem = self.problem.is_some().then(|| format!("{}-problem", self.id));
        problem.into_iter().chain(help).collect::<Vec<_>>().join(" ")
    }

    /// Fills it with a value.
    pub(super) fn fill(&mut self, value: &Value) {
        (self.kind, self.typed) = match value {
            // Left out is the same.
            Value::Null if in_option(&self.type_name).is_some() => (self.kind, String::new()),
            // Left empty is not the same.
            Value::String(text) if text.is_empty() => (Kind::Json, "\"\"".to_owned()),
            value => self.kind.write(value),
        };
        self.value = self.shown();
    }

    /// Fills it with what was typed, in the kind in which it was.
    pub(in crate::web) fn take(&mut self, typed: &Fields) {
        let name = |kind: Kind| format!("{}{}", kind.prefix(), self.label);
        let given = Kind::ALL.into_iter().find_map(|kind| Some((kind, typed.get(&name(kind))?)));
        let (kind, text) = given.unwrap_or((self.kind, if self.kind == Kind::Flag { "false" } else { "" }));
        text.clone_into(&mut self.typed);
        if kind.prefix() != self.kind.prefix() {
            self.kind = kind;
        }
        if self.kind == Kind::Text && text.contains('\n') {
            self.kind = Kind::Lines;
        }
        self.value = self.shown();
    }

    /// The value that was typed; none if the field was left empty. Says in the field what is wrong.
    pub(super) fn read(&mut self) -> Result<Option<Value>, Wrong> {
        let is_empty = match self.kind {
            Kind::Text | Kind::Lines => self.typed.is_empty(),
            _ => self.typed.trim().is_empty(),
        };
        let value = match is_empty {
            true if self.is_required => Err("It is required.".to_owned()),
            true => Ok(None),
            false => self.kind.read(&self.typed).map(Some),
        };
        value.map_err(|problem| self.refuse(problem))
    }

    /// The new value of a parameter that a job has: it can't be left out.
    pub(in crate::web) fn read_change(&mut self) -> Result<Value, Wrong> {
        let is_text = matches!(self.kind, Kind::Text | Kind::Lines);
        let value = match self.typed.trim().is_empty() {
            true if self.is_secret => Err("A value is needed.".to_owned()),
            true if in_option(&self.type_name).is_some() => Ok(Value::Null),
            true if !is_text => Err("A value is needed.".to_owned()),
            _ => self.kind.read(&self.typed),
        };
        value.map_err(|problem| self.refuse(problem))
    }

    pub(super) fn refuse(&mut self, problem: String) -> Wrong {
        self.problem = Some(problem);
        Wrong
    }

    fn shown(&self) -> String {
        if self.is_secret { String::new() } else { self.typed.clone() }
    }
}

/// Something in the form is wrong, and it says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct Wrong;
