//! Where someone stands who has read a job in another way.

use super::event::JobEventId;
use crate::client::record::{JobRecord, MessageKey};

impl JobEventId {
    /// The place of someone who has read the job, and then its messages up to this one.
    pub(crate) fn of_reader(job: &JobRecord, last_message: Option<MessageKey>) -> Self {
        // A message of a later version does not tell that all of this one were read.
        let of_version = last_message.filter(|key| key.version == job.version);
        Self {
            version: job.version,
            message: of_version.map_or(0, |key| key.number),
            progress: job.progress,
            asked_to_stop: job.cancel_requested_at.is_some(),
        }
    }

    /// Whether nothing follows this event, as the job stands.
    pub(crate) const fn is_last_of(self, job: &JobRecord) -> bool {
        job.status.is_closed() && self.version == job.version
    }
}
