//! What a session does to queues.

use super::Session;
use crate::client::queue;
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::model::{Action, AuditAction};
use crate::store::wake;

impl Session {
    /// Pauses a queue. See [`pause`](crate::pause). Takes [`Action::PauseQueue`].
    pub async fn pause(&self, queue: &str) -> Result<(), Error> {
        let entry = self.entry(Action::PauseQueue, AuditAction::PauseQueue)?.of(queue);
        check_name("queue", queue)?;
        self.change(&entry, |change| async move {
            queue::pause_once(&change.transaction, queue).await?;
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
            queue::resume_once(&change.transaction, queue).await?;
            change.commit(None, ()).await
        })
        .await?;
        wake::queue_changed(queue);
        Ok(())
    }
}
