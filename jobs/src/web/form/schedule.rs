//! The fields of a schedule: its name, and when it fires.

use super::field::Wrong;
use super::options::OptionField;
use super::reason;
use crate::cron::{Cron, Missed, UTC};
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::web::input::Fields;

/// The fields of a schedule. The first two must be given.
pub(in crate::web) struct ScheduleFields {
    pub(in crate::web) name: OptionField,
    pub(in crate::web) cron: OptionField,
    pub(in crate::web) timezone: OptionField,
    pub(in crate::web) missed: OptionField,
}

impl ScheduleFields {
    /// Empty fields.
    pub(in crate::web) fn new() -> Self {
        let field = |name, label, help: &str| OptionField::new(name, label, help.to_owned(), "text");
        Self {
            name: field("name", "Name", "How the schedule is known, 1 to 200 characters."),
            cron: field(
                "cron",
                "Expression",
                "Minute, hour, day of month, month and day of week, such as 0 3 * * MON-FRI; with six fields, the first is for seconds.",
            ),
            timezone: field("timezone", "Time zone", "Such as Europe/Paris; by default UTC."),
            missed: field(
                "missed",
                "Missed times",
                "What to do about times that were missed because no worker was up: skip, once, or for example all(10); by default once.",
            ),
        }
    }

    /// The fields with what was typed.
    pub(in crate::web) fn typed(typed: &Fields) -> Self {
        let mut fields = Self::new();
        fields.all_mut().into_iter().for_each(|field| field.take("schedule", typed));
        fields
    }

    pub(in crate::web) const fn all(&self) -> [&OptionField; 4] {
        [&self.name, &self.cron, &self.timezone, &self.missed]
    }

    const fn all_mut(&mut self) -> [&mut OptionField; 4] {
        [&mut self.name, &mut self.cron, &mut self.timezone, &mut self.missed]
    }

    /// Whether a field says that it is wrong.
    pub(in crate::web) fn is_wrong(&self) -> bool {
        self.all().iter().any(|field| field.problem.is_some())
    }

    /// The name and the times. Says in the fields what is wrong.
    pub(in crate::web) fn read(&mut self) -> Result<(String, Cron), Wrong> {
        let name = match self.name.value.as_str() {
            "" => Err(self.name.refuse("It is required.")),
            name => check_name("name", name).map_err(|error| self.refuse(&error)),
        };
        let (name, cron) = (name.map(|()| self.name.value.clone()), self.cron());
        Ok((name?, cron?))
    }

    fn cron(&mut self) -> Result<Cron, Wrong> {
        let missed = match self.missed.value.as_str() {
            "" => Ok(Missed::default()),
            policy => policy.parse().map_err(|error| self.refuse(&error)),
        };
        if self.cron.value.is_empty() {
            return Err(self.cron.refuse("It is required."));
        }
        let zone = if self.timezone.value.is_empty() { UTC } else { &self.timezone.value };
        let cron = Cron::new(&self.cron.value).timezone(zone);
        let times = cron.times().map_err(|error| self.refuse(&error));
        let missed = missed?;
        times.map(|_| cron.missed(missed))
    }

    /// Says at the field that the error is about what is wrong with it; at the name, if the error is about the schedule as a whole.
    pub(in crate::web) fn refuse(&mut self, error: &Error) -> Wrong {
        let (about, reason) = reason(error);
        let [name, others @ ..] = self.all_mut();
        others.into_iter().find(|field| about == Some(field.name)).unwrap_or(name).refuse(reason)
    }
}
