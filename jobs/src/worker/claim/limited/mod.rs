//! Claims of jobs whose number is limited: from the places where they wait, one for each key.

mod walk;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use sea_orm::prelude::DateTimeUtc;

pub(super) use walk::Walk;

use super::tuning::{LIMITS_CURRENT, WALK_PLACES, WALK_STRETCH};
use super::{Claimer, Queue, WhenIdle, start};
use crate::job::limit::UNKNOWN;
use crate::store::limited::{Head, Place, Slots};
use crate::store::limits::{Scope, scopes};
use crate::worker::limits::{self, LimitedNames};

/// What a claim of jobs with a limit has got.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) jobs: usize,
    /// There are others that must not wait for a slot.
    pub(super) need_free_slots: bool,
}

impl Claimer {
    /// Asks which names are limited, unless it has asked lately.
    pub(super) async fn ask_for_limits(&mut self) -> Result<(), DbErr> {
        let now = Instant::now();
        if self.limits_asked_at.is_some_and(|at| now.duration_since(at) < LIMITS_CURRENT) {
            return Ok(());
        }
        let store = self.client.store();
        let scopes = self.client.with_timeout(scopes(&store.db)).await?;
        let (registry, worker) = (self.session.registry.clone(), self.session.identity.id);
        let queues: Vec<_> = self.queues.iter().map(|queue| queue.name.clone()).collect();
        let declare = limits::declare_again(&store, &registry, worker, scopes, &queues);
        let scopes = self.client.with_timeout(declare).await?;
        self.take_limits(scopes);
        if !self.limited.is_empty() {
            self.fill_stripes().await;
            self.write_running_keys().await?;
        }
        self.limits_asked_at = Some(now);
        Ok(())
    }

    async fn fill_stripes(&mut self) {
        let store = self.client.store();
        match self.client.with_timeout(store.fill_stripes()).await {
            Ok(0) => {}
            Ok(missing) => tracing::warn!("{missing} rows of `jobs_limit_lock` were missing, and are there again"),
            Err(error) => tracing::error!(
                %error,
                "`jobs_limit_lock` can't be checked; jobs with limits wait while it lacks any of the numbers 0 to 1023"
            ),
        }
    }

    fn take_limits(&mut self, scopes: Vec<Scope>) {
        if self.scopes == scopes {
            return;
        }
        let limited = LimitedNames::of(&self.session.registry, &scopes);
        limited.warn_of_change(&self.limited);
        (self.scopes, self.limited) = (scopes, limited);
        for (index, queue) in self.queues.iter_mut().enumerate() {
            queue.walk = Walk::default();
            self.strategy.may_have_jobs(index);
        }
    }

    /// Jobs that were claimed before their number was limited, or that were counted by other parameters, have to be counted now.
    async fn write_running_keys(&mut self) -> Result<(), DbErr> {
        let (store, registry) = (self.client.store(), self.session.registry.clone());
        let names = self.limited.names();
        let has_right_form = |name: &str, key: &str| limits::has_right_form(&registry, name, key);
        let write = store.write_running_keys(&names, has_right_form, |job| limits::key_of(&registry, job));
        self.client.with_timeout(write).await
    }

    /// A job of this name has ended that counted for a limit.
    pub(super) fn limited_ended(&mut self, name: &str, key: &str) {
        let counts = |scope: &str| {
            self.scopes.iter().any(|known| known.name == scope && known.jobs.iter().any(|job| job == name))
        };
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if queue.walk.has_room(counts, key) {
                self.strategy.may_have_jobs(index);
            }
        }
    }

    /// Returns some places of a queue in which jobs are due that may start, best first; for that many slots.
    pub(super) async fn places_with_room(&mut self, index: usize, slots: usize) -> Result<Vec<Head>, DbErr> {
        if self.queues[index].walk.takes_newest() {
            self.look_at_newest(index).await?;
        }
        let (known, walks) = self.queues[index].walk.next_step(Instant::now());
        let store = self.client.store();
        let known = self.client.with_timeout(store.heads(&self.queues[index].name, &known)).await?;
        let mut places = self.only_due(index, known).await?;
        // If a claim asks for all of them, it finds out itself.
        if places.len() > slots {
            places = self.only_with_room(index, places).await?;
        }
        if walks {
            let others = self.walk(index).await?;
            let others = self.only_due(index, others).await?;
            let others = self.only_with_room(index, others).await?;
            // The walk may come to a place that was known.
            let known: HashSet<_> = places.iter().map(|head| head.place.clone()).collect();
            for head in others.into_iter().filter(|head| !known.contains(&head.place)) {
                if self.queues[index].walk.knows_better(head.place.priority) {
                    self.queues[index].walk.probe(head.place);
                } else {
                    places.push(head);
                }
            }
        }
        places.sort_by_key(|head| (head.place.priority, head.scheduled_at));
        Ok(places)
    }

    async fn look_at_newest(&mut self, index: usize) -> Result<(), DbErr> {
        let store = self.client.store();
        let newest = self.client.with_timeout(store.newest_keys(&self.queues[index].name)).await?;
        for (priority, name, key) in newest {
            if let Some(limits) = self.limited.get(&name).cloned() {
                self.queues[index].walk.is_new(Place { priority, name, limits, key });
            }
        }
        Ok(())
    }

    async fn only_due(&mut self, index: usize, heads: Vec<Head>) -> Result<Vec<Head>, DbErr> {
        let mut due = Vec::with_capacity(heads.len());
        for head in heads {
            if self.gives_other_keys(index, &head.place).await? {
                continue;
            }
            if head.wait.is_zero() {
                due.push(head);
            } else {
                self.queues[index].walk.is_due_later(head, Instant::now());
            }
        }
        Ok(due)
    }

    async fn only_with_room(&mut self, index: usize, heads: Vec<Head>) -> Result<Vec<Head>, DbErr> {
        let places: Vec<_> = heads.iter().map(|head| head.place.clone()).collect();
        let store = self.client.store();
        let rooms = self.client.with_timeout(store.rooms(&places)).await?;
        let has_room = |head: &Head| rooms.of(&head.place).is_none_or(|room| room > 0);
        let (with_room, without): (Vec<_>, Vec<_>) = heads.into_iter().partition(has_room);
        for head in without {
            self.queues[index].walk.is_held_back(head.place);
        }
        Ok(with_room)
    }

    /// Goes on with the round over all places. Returns the heads of those to which it comes.
    async fn walk(&mut self, index: usize) -> Result<Vec<Head>, DbErr> {
        let (store, now) = (self.client.store(), Instant::now());
        let Queue { name: queue, walk, .. } = &mut self.queues[index];
        if walk.begins(now) {
            let groups = self.client.with_timeout(store.limited_groups(queue, &self.limited.names())).await?;
            walk.begin(groups, now);
        }
        let Some((priority, name, from_key)) = walk.position() else { return Ok(Vec::new()) };
        let begun = Instant::now();
        let places = match self.limited.get(&name) {
            Some(limits) => {
                let places = store.places(queue, (priority, &name, limits), &from_key, WALK_PLACES);
                self.client.with_timeout(places).await?
            }
            None => Vec::new(),
        };
        let last = places.last().filter(|_| !walk::is_end(places.len())).map(|head| head.place.key.clone());
        let now = Instant::now();
        walk.advance(last, now.duration_since(begun), now);
        Ok(places)
    }

    /// Gives jobs that wait under a key that their definition does not make the right one. Returns whether this place is not to be claimed
    /// from: unless their parameters do not decode, its jobs would not be counted.
    async fn gives_other_keys(&mut self, index: usize, place: &Place) -> Result<bool, DbErr> {
        let registry = self.session.registry.clone();
        if limits::has_right_form(&registry, &place.name, &place.key) {
            return Ok(false);
        }
        let store = self.client.store();
        let Queue { name, walk, .. } = &mut self.queues[index];
        let write = store.write_waiting_keys(name, place, |job| limits::key_of(&registry, job));
        if self.client.with_timeout(write).await? > 0 {
            walk.probe(place.clone());
            walk.want_round_now();
            return Ok(true);
        }
        let is_unknown = place.key == UNKNOWN;
        if !is_unknown {
            walk.is_held_back(place.clone());
        }
        Ok(!is_unknown)
    }

    /// Returns the priority and the due time of the best job whose number is not limited.
    pub(super) async fn best_unlimited(&mut self, index: usize) -> Result<Option<(i16, DateTimeUtc)>, DbErr> {
        let unlimited: Vec<_> = self.names.iter().copied().filter(|name| self.limited.get(name).is_none()).collect();
        if unlimited.is_empty() {
            return Ok(None);
        }
        let store = self.client.store();
        self.client.with_timeout(store.best_unlimited(&self.queues[index].name, &unlimited)).await
    }

    /// Claims from these places, and starts what it gets.
    pub(super) async fn claim_places(&mut self, index: usize, places: &[Head], slots: Slots) -> Result<Taken, DbErr> {
        let (asked, later) = places.split_at(places.len().min(slots.number));
        let asked: Vec<_> = asked.iter().map(|head| head.place.clone()).collect();
        for head in later {
            self.queues[index].walk.probe(head.place.clone());
        }
        if asked.is_empty() {
            return Ok(Taken::default());
        }
        let (in_flight, begun) = (self.session.claims.begin(), Instant::now());
        let (store, worker) = (self.client.store(), self.session.identity.id);
        let Queue { name, buffer, walk, .. } = &mut self.queues[index];
        let claimed = self.client.with_timeout(store.claim_limited(worker, name, &asked, slots)).await?;
        let (jobs, now) = (claimed.jobs.len(), Instant::now());
        for place in asked {
            if claimed.full.contains(&place) || (slots.are_free && claimed.refused.contains(&place)) {
                walk.is_held_back(place);
            } else {
                walk.probe(place);
            }
        }
        if claimed.is_busy && jobs == 0 {
            walk.is_busy(now);
        } else {
            walk.is_not_busy();
        }
        buffer.claim_took(now.duration_since(begun));
        buffer.push_ahead(self.session.in_flight.track(claimed.jobs), now);
        start(&self.session, buffer);
        drop(in_flight);
        Ok(Taken { jobs, need_free_slots: !slots.are_free && !claimed.refused.is_empty() })
    }

    /// Looks at places of a queue that are not known yet, for a while. Returns how long until jobs may start, or until it has to go on.
    pub(super) async fn walk_on(&mut self, index: usize) -> Result<Option<Duration>, DbErr> {
        if self.limited.is_empty() {
            return Ok(None);
        }
        let period = self.session.config.poll_interval(self.session.listening.load(Ordering::SeqCst));
        let until = (self.when_idle == WhenIdle::Sleep).then(|| Instant::now() + WALK_STRETCH);
        let walk = &mut self.queues[index].walk;
        match until {
            Some(_) => walk.want_round_after(period, Instant::now()),
            // It returns if there is nothing: this has to be seen.
            None => walk.want_round_now(),
        }
        while self.queues[index].walk.is_wanted(Instant::now())
            && until.is_none_or(|until| Instant::now() < until)
            && !self.session.phases.stop_claiming.is_cancelled()
        {
            let places = self.places_with_room(index, 0).await?;
            let walk = &mut self.queues[index].walk;
            if !places.is_empty() {
                for head in places {
                    walk.probe(head.place);
                }
                return Ok(Some(Duration::ZERO));
            }
        }
        let now = Instant::now();
        if self.when_idle == WhenIdle::Return && self.queues[index].walk.has_unseen() {
            return Ok(Some(Duration::ZERO));
        }
        let wait = |at: Instant| at.saturating_duration_since(now).max(Duration::from_millis(1));
        Ok(self.queues[index].walk.wanted_at(now).map(wait))
    }
}
