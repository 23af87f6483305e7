//! The jobs that a command applies to.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::failure::Failure;
use crate::{JobFilter, JobStatus};

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which jobs")]
pub(super) struct FilterArguments {
    /// In this status; may be given more than once.
    #[arg(long, ignore_case = true, value_parser = a_status())]
    status: Vec<JobStatus>,

    /// Of the definition with this name.
    #[arg(long)]
    name: Option<String>,

    /// In this queue.
    #[arg(long)]
    queue: Option<String>,

    /// On behalf of this user.
    #[arg(long)]
    user: Option<String>,

    /// Requested by this session.
    #[arg(long)]
    session: Option<String>,

    /// Requested by this event.
    #[arg(long)]
    event: Option<String>,

    /// Due, in a queue or with a name that no live worker serves.
    #[arg(long)]
    unserved: bool,
}

fn a_status() -> impl TypedValueParser<Value = JobStatus> {
    PossibleValuesParser::new(JobStatus::ALL.iter().map(|status| status.as_str())).try_map(|name| name.parse())
}

impl FilterArguments {
    /// Whether no condition is given.
    pub(super) fn is_empty(&self) -> bool {
        let texts = [&self.name, &self.queue, &self.user, &self.session, &self.event];
        self.status.is_empty() && !self.unserved && texts.into_iter().all(Option::is_none)
    }

    /// The conditions of the arguments, and of words in the language of filters.
    pub(super) fn with_words(&self, words: &[String]) -> Result<JobFilter, Failure> {
        self.filter().and_words(&words.join(" ")).map_err(|error| Failure::Usage(error.to_string()))
    }

    fn filter(&self) -> JobFilter {
        let mut filter = self.status.iter().fold(JobFilter::new(), |filter, status| filter.status(*status));
        if let Some(name) = &self.name {
            filter = filter.name(name);
        }
        if let Some(queue) = &self.queue {
            filter = filter.queue(queue);
        }
        if let Some(user) = &self.user {
            filter = filter.user(user);
        }
        if let Some(session) = &self.session {
            filter = filter.session(session);
        }
        if let Some(event) = &self.event {
            filter = filter.event(event);
        }
        if self.unserved { filter.unserved() } else { filter }
    }
}
