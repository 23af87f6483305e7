//! `set-parameter`.

use clap::Args;
use serde_json::{Value, json};

use super::failure::CommandResult;
use super::output::Output;
use super::{schedule, text};
use crate::{JobId, Session};

#[derive(Debug, Args)]
pub(super) struct SetParameter {
    /// The job, which has to be waiting.
    id: JobId,

    /// The parameter, by its stored name. The value is JSON if it parses as such, otherwise a string. A secret one stays secret.
    #[arg(value_name = "NAME=VALUE", value_parser = schedule::parameter)]
    parameter: (String, Value),
}

impl SetParameter {
    pub(super) async fn run(self, session: &Session, output: Output) -> CommandResult {
        let Self { id, parameter: (name, value) } = self;
        session.set_parameter(id, &name, value).await?;
        let done = json!({ "id": id, "parameter": name, "done": "set" });
        output.show(&done, || text::line(&format!("parameter {name} of job {id} is set")))
    }
}
