//! The fields of a pause: why, and for how long.

use super::options::OptionField;
use super::{Wrong, reason};
use crate::client::durations;
use crate::error::Error;
use crate::web::input::Fields;
use crate::{PauseOptions, QueueRecord};

/// The fields of a pause. Both may be left empty.
pub(in crate::web) struct PauseFields {
    pub(in crate::web) reason: OptionField,
    pub(in crate::web) lasting: OptionField,
}

impl PauseFields {
    pub(in crate::web) fn new() -> Self {
        let field = |name, label, help: &str| OptionField::new(name, label, help.to_owned(), "text");
        Self {
            reason: field("reason", "Reason", "For all who see the queue: a line, if there is something to say."),
            lasting: field("lasting", "For", "Such as 30m or 2h; by default until it is resumed."),
        }
    }

    /// The fields with the reason that a paused queue has.
    pub(in crate::web) fn of(queue: Option<&QueueRecord>) -> Self {
        let mut fields = Self::new();
        fields.reason.value = queue.and_then(|queue| queue.pause_reason.clone()).unwrap_or_default();
        fields
    }

    /// The fields with what was typed.
    pub(in crate::web) fn typed(typed: &Fields) -> Self {
        let mut fields = Self::new();
        fields.reason.take("pause", typed);
        fields.lasting.take("pause", typed);
        fields
    }

    pub(in crate::web) const fn all(&self) -> [&OptionField; 2] {
        [&self.reason, &self.lasting]
    }

    /// The options that were typed. Says in the field what is wrong.
    pub(in crate::web) fn read(&mut self) -> Result<PauseOptions, Wrong> {
        let mut options = PauseOptions::new();
        if !self.reason.value.is_empty() {
            options = options.reason(&self.reason.value);
        }
        match self.lasting.value.as_str() {
            "" => Ok(options),
            text => match durations::parse(text) {
                Ok(lasting) => Ok(options.lasting(lasting)),
                Err(problem) => Err(self.lasting.refuse(problem)),
            },
        }
    }

    /// Says at the field that the error is about what is wrong with it. Returns the error if it is about neither.
    pub(in crate::web) fn refuse(&mut self, error: Error) -> Result<(), Error> {
        let (about, problem) = reason(&error);
        let field = [&mut self.reason, &mut self.lasting].into_iter().find(|field| about == Some(field.name));
        let Some(field) = field else { return Err(error) };
        field.refuse(problem);
        Ok(())
    }
}
