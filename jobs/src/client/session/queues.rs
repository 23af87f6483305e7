//! What a session does to queues.

use super::Session;
use crate::client::pause::{self, PauseOptions};
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::model::{Action, AuditAction};
use crate::store::wake;

impl Session {
    /// Pauses a queue. See [`pause`](crate::pause). Takes [`Action::PauseQueue`].
    pub async fn pause(&self, queue: &str) -> Result<(), Error> {
        self.pause_with(queue, PauseOptions::new()).await
    }

    /// Pauses a queue, with a reason and an end; the queue also names who paused it. See [`pause_with`](crate::pause_with). Takes
    /// [`Action::PauseQueue`].
    pub async fn pause_with(&self, queue: &str, options: PauseOptions) -> Result<(), Error> {
        let entry = self.entry(Action::PauseQueue, AuditAction::PauseQueue)?.of(queue);
        check_name("queue", queue)?;
        options.check()?;
        let (options, by) = (&options, Some(self.principal().name()));
        self.change(&entry, |change| async move {
            pause::pause_once(&change.transaction, queue, options, by).await?;
            change.commit(None, ()).await
        })
        .await?;
        wake::queue_changed(queue);
        Ok(())
    }

    /// Resumes a queue. See [`resume`](crate::resume). Takes [`Action::PauseQueue`].
    pub async fn resume(&self, queue: &str) -> Result<(), Error> {
        let entry = self.entry(Action::PauseQueue, AuditAction::ResumeQueue)?.of(queue);
        check_name("queue", queue)?;
        self.change(&entry, |change| async move {
            pause::resume_once(&change.transaction, queue).await?;
            change.commit(None, ()).await
        })
        .await?;
        wake::queue_changed(queue);
        Ok(())
    }
}
