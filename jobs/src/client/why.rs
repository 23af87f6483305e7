//! Why a job waits.

use crate::error::Error;
use crate::model::{AttemptEnd, JobId, JobStatus, WaitReason, Why};
use crate::store::connection::Connection;
use crate::store::limits::{running_under, scopes_of};
use crate::store::queues;
use crate::store::why::{self as store, Serving, Waiting};

/// Why a job waits: all reasons that hold at once, the decisive first.
///
/// A job that runs or has ended does not wait, and the answer says so: its status, and no reason. The answer is of one moment, and a
/// job may have been started since.
///
/// It costs fewer than a hundred short statements, usually about ten, however many jobs wait. Jobs before this one are counted up to
/// 10,000, and only in the first 20 groups of the same priority and name: [`WaitReason::Behind`] says if there may be more. Not counted
/// are those of names that no worker knows which could execute this job: such a worker does not claim them before it. If there is no
/// such worker, all names count. Of jobs whose number is limited, only those that are counted together with this one are counted here:
/// others take turns with them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// let mail = jobs::NamedJob::new("SendMail", serde_json::json!({})).schedule(&db).queue("mail").await?;
/// jobs::pause(&db, "mail").await?;
/// let why = jobs::why(&db, mail.id()).await?;
/// assert!(matches!(why.reasons[0], jobs::WaitReason::QueuePaused { .. }));
/// assert_eq!(why.reasons[1].to_string(), "No live worker serves queue `mail`.");
/// # Ok(()) }
/// ```
///
/// [`Error::NotFound`] if there is no such job.
pub async fn why<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<Why, Error> {
    let id = id.into();
    let job = store::job(db, id).await?.ok_or(Error::NotFound { id })?;
    let reasons = if job.status == JobStatus::Scheduled { reasons(db, &job).await? } else { Vec::new() };
    Ok(Why { id, status: job.status, asked_at: job.now, reasons })
}

/// In the order of [`WaitReason`].
async fn reasons<C: Connection>(db: &C, job: &Waiting) -> Result<Vec<WaitReason>, Error> {
    let queue = || job.queue.clone();
    let is_due = job.scheduled_at <= job.now;
    let mut reasons = Vec::new();
    if !is_due {
        reasons.push(due_later(db, job).await?);
    }
    reasons.extend(paused(db, job).await?);
    let serving = store::serving(db, &job.queue).await?;
    let unserved = unserved(job, &serving);
    let is_served = unserved.is_none();
    reasons.extend(unserved);
    if is_due {
        reasons.extend(limits_reached(db, job).await?);
        let before = store::before(db, job, |name| competes(name, job, &serving)).await?;
        if before.jobs > 0 || before.or_more {
            reasons.push(WaitReason::Behind { queue: queue(), jobs: before.jobs, or_more: before.or_more });
        }
        // Without a worker that could execute it, none is too busy to.
        let running = if is_served { store::running(db, &job.queue).await? } else { 0 };
        if running > 0 {
            reasons.push(WaitReason::WorkersBusy { queue: queue(), running });
        }
    }
    if reasons.is_empty() {
        reasons.push(WaitReason::NothingKnown {});
    }
    Ok(reasons)
}

async fn due_later<C: Connection>(db: &C, job: &Waiting) -> Result<WaitReason, Error> {
    let at = job.scheduled_at;
    // Without an error, an operator has retried the job since.
    if let (Some(error), Some(how)) = (&job.last_error, store::latest_end(db, job).await?) {
        let number = |count: i32| u32::try_from(count).unwrap_or(0);
        return Ok(WaitReason::RetryLater {
            at,
            attempt: number(job.attempt),
            max_attempts: number(job.max_attempts),
            how: AttemptEnd::stored(&how),
            error: error.clone(),
        });
    }
    Ok(WaitReason::DueLater { at })
}

fn unserved(job: &Waiting, serving: &Serving) -> Option<WaitReason> {
    if serving.live.is_empty() {
        return Some(WaitReason::NoWorker { queue: job.queue.clone(), last_seen_at: serving.last_seen_at });
    }
    let is_known = serving.live.iter().any(|names| names.contains(&job.name));
    (!is_known).then(|| WaitReason::UnknownName {
        queue: job.queue.clone(),
        name: job.name.clone(),
        workers: u64::try_from(serving.live.len()).unwrap_or(u64::MAX),
    })
}

/// The limits under which as many jobs run as may.
async fn limits_reached<C: Connection>(db: &C, job: &Waiting) -> Result<Vec<WaitReason>, Error> {
    let mut reached = Vec::new();
    let scopes = scopes_of(db, &job.name).await?;
    let limits = scopes
        .iter()
        .flat_map(|scope| [(scope, scope.running, None), (scope, scope.running_each, Some(job.limit_key.as_str()))]);
    for (scope, most, key) in limits {
        let Some(most) = most.and_then(|most| u64::try_from(most).ok()) else { continue };
        let (count, holders) = running_under(db, scope, key).await?;
        if count >= most {
            reached.push(WaitReason::LimitReached {
                definition: scope.name.clone(),
                counted_by: key.map(str::to_owned),
                most,
                holders: holders.into_iter().map(JobId).collect(),
            });
        }
    }
    Ok(reached)
}

async fn paused<C: Connection>(db: &C, job: &Waiting) -> Result<Option<WaitReason>, Error> {
    let queue = queues::find_paused(db, &job.queue).await?;
    Ok(queue.and_then(|queue| {
        Some(WaitReason::QueuePaused {
            queue: queue.name,
            since: queue.paused_at?,
            until: queue.paused_until,
            by: queue.paused_by,
            pause_reason: queue.pause_reason,
        })
    }))
}

/// Whether a worker that could execute this job may claim one of that name before it. If there is no such worker, the one that is started
/// may know all names.
fn competes(name: &str, job: &Waiting, serving: &Serving) -> bool {
    let knows = |names: &&Vec<String>, name: &str| names.iter().any(|known| known == name);
    let mut able = serving.live.iter().filter(|names| knows(names, &job.name)).peekable();
    able.peek().is_none() || able.any(|names| knows(&names, name))
}
