//! Schedules: every worker sleeps until the next one is due, and fires it unless another has.

mod backoff;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::database::StoreClient;
use super::session::Session;
use crate::cron::fire::{self, Failure, FireResult, Fired, Unreadable};
use crate::error::chain;
use crate::store::cron::{self as store, DueFilter};
use backoff::Backoff;

/// How often to poll the schedules if no notification of a change arrives: if there are schedules, and if there are none.
const POLL_INTERVAL: Duration = Duration::from_secs(30);
const POLL_INTERVAL_WITHOUT_SCHEDULES: Duration = Duration::from_mins(1);

/// The pause before the next poll after a change: its transaction may still be open. Each further pause is longer by this factor.
const FIRST_POLL: Duration = Duration::from_secs(1);
const POLL_FACTOR: u32 = 10;

/// Changes that come within this time are handled together.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// The pause if a due schedule is locked by another transaction, or if the database does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// How long a schedule that can't be read is left alone.
const UNREADABLE: Duration = Duration::from_mins(10);

/// If this many schedules in a row can't be fired, the schedules are not the reason.
const MAX_FAILURES: u32 = 10;

/// Fires schedules until the worker stops. It ends by itself, and never in the middle of a statement: an in-memory database is
/// dropped with its connection.
pub(super) async fn run(session: Arc<Session>) {
    let mut schedules = Schedules::new(&session);
    let mut poll = POLL_INTERVAL;
    while !is_over(&session) {
        let pause = match schedules.fire().await {
            Ok(Some(wait)) => wait.min(poll),
            Ok(None) if poll == POLL_INTERVAL => POLL_INTERVAL_WITHOUT_SCHEDULES,
            Ok(None) => poll,
            Err(error) => {
                tracing::warn!(%error, "schedules can't be fired; trying again in {RETRY:?}");
                RETRY
            }
        };
        poll = (poll * POLL_FACTOR).min(POLL_INTERVAL);
        tokio::select! {
            () = session.phases.stop_claiming.cancelled() => {}
            () = session.phases.terminated.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
            () = session.wakeups.cron.notified() => {
                poll = FIRST_POLL;
                schedules.backoff.clear();
                tokio::time::sleep(DEBOUNCE).await;
            }
        }
    }
}

/// Whether the worker stops, or was dropped.
fn is_over(session: &Session) -> bool {
    session.phases.stop_claiming.is_cancelled() || session.phases.terminated.is_cancelled()
}

/// Fires what is due now, and nothing else.
pub(super) async fn fire_once(session: &Session) -> Result<(), DbErr> {
    Schedules::new(session).fire().await.map(drop)
}

/// The schedules of the jobs that this worker knows.
struct Schedules<'a> {
    session: &'a Session,
    client: StoreClient,
    jobs: Vec<&'static str>,
    backoff: Backoff,
    /// How many of the next schedules are fired one by one, because one of several in a transaction could not be.
    one_by_one: usize,
    failures_in_a_row: u32,
}

impl<'a> Schedules<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            client: session.database.client(),
            jobs: session.registry.names(),
            backoff: Backoff::default(),
            one_by_one: 0,
            failures_in_a_row: 0,
        }
    }

    /// Fires what is due. Returns the time until the next schedule is due, if there is one.
    async fn fire(&mut self) -> Result<Option<Duration>, DbErr> {
        let wait = self.due_in().await?;
        if wait != Some(Duration::ZERO) {
            return Ok(wait);
        }
        self.fire_due().await?;
        Ok(self.due_in().await?.map(|wait| if wait.is_zero() { RETRY } else { wait }))
    }

    async fn due_in(&mut self) -> Result<Option<Duration>, DbErr> {
        let store = self.client.store();
        let filter = DueFilter::new(&self.jobs, &self.backoff.names())?;
        let due_in = self.client.with_timeout(store::due_in(&store.db, &filter)).await?;
        Ok(due_in.into_iter().chain(self.backoff.next_retry(Instant::now())).min())
    }

    /// Fires all schedules that are due and that no other worker is firing. Retries come last, one at a time: each may hold up the others for as
    /// long as its transaction may wait.
    async fn fire_due(&mut self) -> Result<(), DbErr> {
        self.failures_in_a_row = 0;
        while !is_over(self.session) {
            let FireResult { unreadable, fired } = self.fire_some().await?;
            let all_could_be_read = unreadable.is_empty();
            for schedule in unreadable {
                self.leave_alone(schedule);
            }
            match fired {
                Ok(fired) if fired.is_empty() && all_could_be_read => {
                    if !self.backoff.retry_one(Instant::now()) {
                        break;
                    }
                    self.one_by_one = 1;
                }
                Ok(fired) => self.record_fired(&fired),
                Err(failure) => self.record_failure(failure)?,
            }
        }
        Ok(())
    }

    async fn fire_some(&mut self) -> Result<FireResult, DbErr> {
        let store = self.client.store();
        let filter = DueFilter::new(&self.jobs, &self.backoff.names())?;
        let limit = if self.one_by_one > 0 { 1 } else { fire::PAGE };
        let default_queue = &self.session.config.default_queue;
        let fire = fire::fire_next_due(&store, &self.session.registry, default_queue, &filter, limit);
        self.client.with_timeout(fire).await
    }

    fn leave_alone(&mut self, Unreadable { schedule, reason }: Unreadable) {
        tracing::error!(schedule, "a schedule is due that can't be read here: {}", chain(&reason));
        self.backoff.back_off_for(schedule, UNREADABLE, Instant::now());
    }

    fn record_fired(&mut self, fired: &[Fired]) {
        self.one_by_one = self.one_by_one.saturating_sub(1);
        self.failures_in_a_row = 0;
        for fired in fired {
            self.backoff.reset(&fired.schedule);
            trace(fired);
        }
    }

    /// Backs off from a schedule that can't be fired. If it is one of several, they are fired one by one.
    fn record_failure(&mut self, Failure { schedules, error }: Failure) -> Result<(), DbErr> {
        let [schedule] = &schedules[..] else {
            self.one_by_one = schedules.len();
            return Ok(());
        };
        self.one_by_one = self.one_by_one.saturating_sub(1);
        let pause = self.backoff.back_off(schedule, Instant::now());
        tracing::warn!(schedule, %error, "a schedule can't be fired; trying again in {pause:?}");
        self.failures_in_a_row += 1;
        // Perhaps a table is missing, or the disk is full.
        if self.failures_in_a_row == MAX_FAILURES { Err(error) } else { Ok(()) }
    }
}

fn trace(fired: &Fired) {
    let Fired { schedule, missed, was_up, policy, jobs } = fired;
    if *missed > 0 {
        let jobs = jobs.len();
        let when = if *was_up { "others came before their turn" } else { "no worker was up" };
        tracing::warn!(schedule, missed, jobs, "times were missed: {when}; the policy is `{policy}`");
    }
    for (time, job) in jobs {
        tracing::debug!(schedule, job = job.0, nominal_time = %time, "a schedule has fired");
    }
}
