//! `why`.

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::CommandResult;
use super::output::Output;
use super::text;
use crate::{JobId, Why as Answer};

#[derive(Debug, Args)]
pub(super) struct Why {
    /// The job.
    id: JobId,
}

impl Why {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> CommandResult {
        let why = crate::why(db, self.id).await?;
        output.show(&why, || match why.reasons[..] {
            [] => text::line(&why.to_string()),
            [..] => sentences(&why),
        })
    }
}

/// The reasons, one per line.
pub(super) fn sentences(why: &Answer) -> String {
    let lines: Vec<_> = why.reasons.iter().map(|reason| text::line(&reason.to_string())).collect();
    lines.join("\n")
}
