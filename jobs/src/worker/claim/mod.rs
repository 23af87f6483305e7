//! The claim loop: does what the strategy decides.

pub(super) mod claims_in_flight;
mod demand;
mod limited;
pub(super) mod prefetch;
mod recheck;
mod strategy;
mod throughput;
mod tuning;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sea_orm::DbErr;

use super::database::StoreClient;
use super::execute;
use super::in_flight::InFlightJob;
use super::session::Session;
use crate::model::outcome::Outcome;
use crate::store::claim::ClaimLimit;
use crate::store::cursor::ClaimCursor;
use crate::store::limited::{Head, Slots};
use crate::store::limits::Scope;
use crate::store::wake::Woken;
use crate::worker::limits::LimitedNames;
use limited::{Taken, Walk};
use prefetch::{PrefetchBuffer, Room};
use strategy::{Action, Situation, Strategy};
use tuning::{ONLY_LIMITED, RETRY};

/// Whether the worker continues when there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenIdle {
    Sleep,
    Return,
}

pub(super) async fn run(session: Arc<Session>, when_idle: WhenIdle) {
    let mut claimer = Claimer::new(session, when_idle);
    while !claimer.session.phases.stop_claiming.is_cancelled() {
        claimer.session.vitals.claimer.record();
        claimer.start();
        claimer.give_back_expired().await;
        let action = claimer.next();
        if action == Action::Return {
            break;
        }
        let tells_of_claims = action.tells_whether_claims_succeed();
        match claimer.perform(action).await {
            Ok(()) if tells_of_claims => claimer.retry = RETRY.0,
            Ok(()) => {}
            Err(error) => claimer.wait_for_database(&error).await,
        }
    }
    let unstarted = claimer.queues.iter().flat_map(|queue| queue.buffer.take_all()).collect();
    claimer.give_back(unstarted).await;
}

/// A queue, with what was claimed for it and where the next claim begins.
struct Queue {
    name: String,
    buffer: Arc<PrefetchBuffer<Arc<InFlightJob>>>,
    cursor: ClaimCursor,
    walk: Walk,
    /// No jobs without a limit were due shortly before, and they are not asked for until then while those with a limit are claimed.
    only_limited_until: Option<Instant>,
    /// When jobs without a limit were asked for, or the worker began.
    unlimited_asked_at: Instant,
}

impl Queue {
    /// Whether places that were not looked at in this step come before unlimited jobs of this priority, which don't wait for long if such
    /// steps start nothing.
    fn others_come_before(&self, priority: i16) -> bool {
        self.walk.knows_better(priority) && self.unlimited_asked_at.elapsed() < ONLY_LIMITED
    }
}

#[derive(PartialEq, Eq)]
enum WakeReason {
    Notified,
    TimedOut,
}

struct Claimer {
    session: Arc<Session>,
    client: StoreClient,
    names: Vec<&'static str>,
    /// The limits that the database had when it was asked last, and the names here that count for them.
    scopes: Vec<Scope>,
    limited: LimitedNames,
    limits_asked_at: Option<Instant>,
    strategy: Strategy,
    /// In the strategy's order.
    queues: Vec<Queue>,
    when_idle: WhenIdle,
    retry: Duration,
}

impl Claimer {
    fn new(session: Arc<Session>, when_idle: WhenIdle) -> Self {
        let now = Instant::now();
        let queue = |(name, concurrency): &(String, usize)| Queue {
            name: name.clone(),
            buffer: Arc::new(PrefetchBuffer::new(*concurrency, now)),
            cursor: ClaimCursor::default(),
            walk: Walk::default(),
            only_limited_until: None,
            unlimited_asked_at: now,
        };
        let queues: Vec<_> = session.config.queues.iter().map(queue).collect();
        Self {
            client: session.database.client(),
            names: session.registry.names(),
            scopes: Vec::new(),
            limited: LimitedNames::default(),
            limits_asked_at: None,
            strategy: Strategy::new(queues.iter().map(|queue| queue.name.clone()).collect(), when_idle, now),
            queues,
            session,
            when_idle,
            retry: RETRY.0,
        }
    }

    /// Returns the next action. While there is something to claim, the worker never sleeps: wake-ups in the meantime are handled here.
    fn next(&mut self) -> Action {
        if self.decide(|strategy, situation| strategy.is_ready(situation)) {
            let woken = self.session.wakeups.take();
            self.woken(&woken);
        }
        self.decide(Strategy::next)
    }

    /// Handles wake-ups. Returns true if it is time to ask again, whatever it was waiting for.
    fn woken(&mut self, woken: &Woken) -> bool {
        for (name, key) in &woken.ended {
            self.limited_ended(name, key);
        }
        // A job that will be tried again may have been the only one of its key.
        let is_woken = |name: &str| woken.all || woken.recheck_due || woken.queues.contains(name);
        for queue in self.queues.iter_mut().filter(|queue| is_woken(&queue.name)) {
            queue.walk.want_round();
            queue.only_limited_until = None;
        }
        self.decide(|strategy, situation| strategy.woken(woken, situation))
    }

    async fn perform(&mut self, action: Action) -> Result<(), DbErr> {
        match action {
            Action::Claim(limits) => self.claim(limits).await?,
            Action::Coalesce(until) => tokio::time::sleep_until(until.into()).await,
            Action::CheckPaused => self.check_paused().await?,
            Action::RecheckOthers(queues) => self.recheck_others(&queues).await?,
            Action::StayAwake => self.mark_asleep(Vec::new()).await?,
            Action::ShortPoll(until) => self.short_poll(until).await,
            Action::FallAsleep(queues) => self.fall_asleep(queues).await?,
            Action::Sleep(until) => self.sleep(until).await,
            Action::SleepInVain(until) => {
                self.session.wakeups.beat.notify_one();
                self.sleep(until).await;
            }
            Action::Return => {}
        }
        Ok(())
    }

    /// Claims for each of these queues, and starts what it gets.
    async fn claim(&mut self, limits: Vec<(usize, ClaimLimit)>) -> Result<(), DbErr> {
        let mut has_jobs = false;
        for (index, limit) in limits {
            if self.session.phases.stop_claiming.is_cancelled() {
                break;
            }
            has_jobs |= self.claim_in(index, limit).await? > 0;
        }
        if has_jobs {
            self.decide(Strategy::got_jobs);
        }
        Ok(())
    }

    async fn claim_in(&mut self, index: usize, limit: ClaimLimit) -> Result<usize, DbErr> {
        let now = Instant::now();
        let period = self.session.config.poll_interval(self.session.listening.load(Ordering::SeqCst));
        self.queues[index].walk.want_round_after(period, now);
        let jobs = if self.limited.is_empty() || !self.queues[index].walk.is_wanted(now) {
            self.claim_unlimited(index, limit).await?
        } else {
            let claimed = self.claim_with_limited(index, limit).await;
            if claimed.is_err() {
                // What it was looking at is not known any more.
                self.queues[index].walk = Walk::default();
            }
            claimed?
        };
        self.strategy.claimed(index, limit, jobs);
        let has_free_slots = jobs < limit.startable;
        if has_free_slots && !self.limited.is_empty() && self.queues[index].walk.is_wanted(Instant::now()) {
            self.strategy.may_have_jobs(index);
        }
        Ok(jobs)
    }

    /// Claims jobs with and without a limit, best first.
    async fn claim_with_limited(&mut self, index: usize, limit: ClaimLimit) -> Result<usize, DbErr> {
        let slots = self.slots(index, limit);
        let places = self.places_with_room(index, slots.number).await?;
        if self.queues[index].only_limited_until.is_some_and(|until| Instant::now() < until) {
            return Ok(self.claim_places(index, &places, slots).await?.jobs);
        }
        let best = self.best_unlimited(index).await?;
        let comes_before = |head: &Head| best.is_none_or(|best| (head.place.priority, head.scheduled_at) <= best);
        let (first, others) = places.split_at(places.partition_point(comes_before));
        let others_come_first = best.is_some_and(|(priority, _)| self.queues[index].others_come_before(priority));
        let Taken { mut jobs, need_free_slots } = self.claim_places(index, first, slots).await?;
        if need_free_slots || others_come_first {
            for head in others {
                self.queues[index].walk.probe(head.place.clone());
            }
            return Ok(jobs);
        }
        let left =
            ClaimLimit { total: limit.total.saturating_sub(jobs), startable: limit.startable.saturating_sub(jobs) };
        if left.total > 0 {
            jobs += self.claim_unlimited(index, left).await?;
        }
        let left = Slots { number: limit.startable.saturating_sub(jobs), are_free: true };
        Ok(jobs + self.claim_places(index, others, left).await?.jobs)
    }

    /// Where jobs whose number is limited may start: in free slots, or ahead of those that are prefetched.
    fn slots(&self, index: usize, limit: ClaimLimit) -> Slots {
        if limit.startable > 0 {
            return Slots { number: limit.startable, are_free: true };
        }
        Slots { number: self.queues[index].buffer.room(Instant::now()).ahead, are_free: false }
    }

    /// Claims jobs whose number is not limited, and starts what it gets.
    async fn claim_unlimited(&mut self, index: usize, limit: ClaimLimit) -> Result<usize, DbErr> {
        let (in_flight, begun) = (self.session.claims.begin(), Instant::now());
        let (store, worker, names) = (self.client.store(), self.session.identity.id, &self.names);
        let is_alone = self.queues.len() == 1;
        let Queue { name, buffer, cursor, only_limited_until, unlimited_asked_at, .. } = &mut self.queues[index];
        let claimed = if self.strategy.queue(index).is_claimed_from_cursor() {
            self.client.with_timeout(store.claim_from_cursor(worker, name, names, limit, cursor, is_alone)).await?
        } else {
            self.client.with_timeout(store.claim(worker, name, names, limit)).await?
        };
        let (jobs, now) = (claimed.len(), Instant::now());
        *unlimited_asked_at = now;
        *only_limited_until = (jobs == 0 && limit.startable > 0).then_some(now + ONLY_LIMITED);
        buffer.claim_took(now.duration_since(begun));
        buffer.push(self.session.in_flight.track(claimed), now);
        start(&self.session, buffer);
        drop(in_flight);
        Ok(jobs)
    }

    /// Starts waiting jobs in the free slots.
    fn start(&self) {
        for queue in &self.queues {
            start(&self.session, &queue.buffer);
        }
    }

    /// Gives back jobs that have waited for a slot for too long.
    async fn give_back_expired(&self) {
        let now = Instant::now();
        self.give_back(self.queues.iter().flat_map(|queue| queue.buffer.take_expired(now)).collect()).await;
    }

    /// Gives back jobs that were claimed and not started.
    async fn give_back(&self, unstarted: Vec<Arc<InFlightJob>>) {
        for job in unstarted {
            execute::finish(&self.session, &job, Outcome::NeverStarted).await;
        }
    }

    async fn short_poll(&mut self, until: Instant) {
        if self.wait(until).await == WakeReason::TimedOut {
            self.strategy.polled();
        }
    }

    async fn sleep(&mut self, until: Instant) {
        if self.wait(until).await == WakeReason::TimedOut {
            self.strategy.slept();
        }
    }

    /// Waits until there is something to claim, the time `until` has come, or the worker is stopped.
    async fn wait(&mut self, until: Instant) -> WakeReason {
        let session = self.session.clone();
        let next_expiry = self.queues.iter().filter_map(|queue| queue.buffer.next_expiry()).min();
        let until = next_expiry.map_or(until, |expiry| until.min(expiry));
        loop {
            tokio::select! {
                () = session.phases.stop_claiming.cancelled() => return WakeReason::Notified,
                () = tokio::time::sleep_until(until.into()) => return WakeReason::TimedOut,
                () = session.wakeups.woken() => {
                    let woken = session.wakeups.take();
                    let asks_again = self.woken(&woken);
                    self.start();
                    if asks_again {
                        return WakeReason::TimedOut;
                    }
                    let is_ready = self.decide(|strategy, situation| strategy.is_ready(situation));
                    if is_ready || (self.when_idle == WhenIdle::Return && session.in_flight.is_empty()) {
                        return WakeReason::Notified;
                    }
                }
            }
        }
    }

    async fn wait_for_database(&mut self, error: &DbErr) {
        tracing::warn!(%error, "jobs can't be claimed; trying again in {:?}", self.retry);
        tokio::select! {
            () = self.session.phases.stop_claiming.cancelled() => {}
            () = tokio::time::sleep(self.retry) => {}
        }
        self.retry = (self.retry * 2).min(RETRY.1);
    }

    /// Asks the strategy, with the current situation.
    fn decide<T>(&mut self, ask: impl FnOnce(&mut Strategy, &Situation) -> T) -> T {
        let now = Instant::now();
        let rooms: Vec<Room> = self.queues.iter().map(|queue| queue.buffer.room(now)).collect();
        let is_notified = self.session.listening.load(Ordering::SeqCst);
        let situation = Situation {
            now,
            rooms: &rooms,
            has_lease: self.session.lease.holds(),
            is_notified,
            poll_interval: self.session.config.poll_interval(is_notified),
        };
        ask(&mut self.strategy, &situation)
    }
}

/// Starts the jobs that wait for a slot in this queue, each in its own slot and task.
fn start(session: &Arc<Session>, buffer: &Arc<PrefetchBuffer<Arc<InFlightJob>>>) {
    while let Some((slot, job)) = buffer.next_in_free_slot() {
        let work = execute::run_slot(session.clone(), buffer.clone(), slot, job);
        session.tasks.spawn(session.phases.terminated.clone().run_until_cancelled_owned(work));
    }
}
