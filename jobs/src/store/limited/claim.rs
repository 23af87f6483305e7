//! Claiming in places, as many jobs as their limits allow.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::iter::zip;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, QueryResult};

use super::rooms::Rooms;
use super::{Asked, Place};
use crate::store::claim::int;
use crate::store::dialect::{Claim, LimitedClaim};
use crate::store::insert::in_chunks;
use crate::store::row::{Claimed, Columns};
use crate::store::{Store, json, retry_contention, statement};

/// How many places one statement locks, if it takes a part for each: few numbers, so that few statements have to be prepared.
const CHUNKS: &[usize] = &[64, 16, 4, 1];

/// How many jobs a claim takes, and whether there are slots in which they start at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) number: usize,
    pub(crate) are_free: bool,
}

/// What a claim has returned.
#[derive(Default)]
pub(crate) struct LimitedJobs {
    pub(crate) jobs: Vec<Claimed>,
    /// Places where no more jobs may run.
    pub(crate) full: HashSet<Place>,
    /// Places where more may run, and none was claimed: their jobs are locked, or must not wait for a slot.
    pub(crate) refused: HashSet<Place>,
    /// Others were claiming under the same limits: jobs may be left that could run.
    pub(crate) is_busy: bool,
}

impl Store {
    /// Claims up to `slots` due jobs of these places, which are in order and all different, as many as their limits allow.
    pub(crate) async fn claim_limited(
        &self,
        worker: i64,
        queue: &str,
        places: &[Place],
        slots: Slots,
    ) -> Result<LimitedJobs, DbErr> {
        if places.is_empty() || slots.number == 0 {
            return Ok(LimitedJobs::default());
        }
        retry_contention(|| async {
            let transaction = self.begin().await?;
            let ours = self.lock_places(&transaction, places).await?;
            let is_busy = ours.len() < places.len();
            // A new statement: it sees what was committed before the stripes were ours.
            let rooms = if ours.is_empty() { Rooms::default() } else { self.rooms_in(&transaction, &ours).await? };
            let (ours, unknown): (Vec<_>, Vec<_>) = ours.into_iter().partition(|place| rooms.are_known_for(place));
            let mut claimed = self.take_shares(&transaction, (worker, queue), &ours, rooms, slots).await?;
            transaction.commit().await?;
            claimed.full.extend(unknown);
            claimed.is_busy = is_busy;
            Ok(claimed)
        })
        .await
    }

    /// Claims in places whose stripes are ours.
    async fn take_shares(
        &self,
        transaction: &DatabaseTransaction,
        (worker, queue): (i64, &str),
        places: &[Place],
        mut rooms: Rooms,
        slots: Slots,
    ) -> Result<LimitedJobs, DbErr> {
        let shares = rooms.share(places, slots.number);
        let asked: Vec<_> = zip(places, &shares)
            .filter(|(_, share)| **share > 0)
            .map(|(place, share)| Asked { take: Some(*share), ..place.asked() })
            .collect();
        let mut jobs = match &*asked {
            [] => Vec::new(),
            asked => self.take_limited(transaction, worker, queue, asked, slots.are_free).await?,
        };
        let mut returned = HashMap::new();
        for job in &jobs {
            *returned.entry((job.priority, &*job.name, &*job.limit_key)).or_insert(0_usize) += 1;
        }
        let returned = |place: &Place| returned.get(&(place.priority, &*place.name, &*place.key)).copied().unwrap_or(0);
        for (place, share) in zip(places, &shares) {
            rooms.give_back(place, share.saturating_sub(returned(place)));
        }
        let is_full = |place: &&Place| rooms.of(place) == Some(0);
        let full = places.iter().filter(is_full).cloned().collect();
        let is_refused = |(place, share): &(&Place, usize)| *share > 0 && returned(place) == 0;
        let refused = zip(places, shares).filter(is_refused).map(|(place, _)| place.clone()).collect();
        jobs.sort_by_key(|job| (job.priority, job.scheduled_at, job.id));
        Ok(LimitedJobs { jobs, full, refused, is_busy: false })
    }

    /// Locks the stripes of these places, without waiting, and returns the places whose stripes are ours.
    async fn lock_places(&self, transaction: &DatabaseTransaction, places: &[Place]) -> Result<Vec<Place>, DbErr> {
        let Some(lock) = self.dialect.limited.lock else { return Ok(places.to_vec()) };
        let wanted: BTreeSet<i16> = places.iter().flat_map(Place::stripes).collect();
        if wanted.is_empty() {
            return Ok(places.to_vec());
        }
        let rows = transaction.query_all_raw(statement(self.dialect, lock, [json(&wanted)?.into()])).await?;
        let ours: HashSet<i16> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        Ok(places.iter().filter(|place| place.stripes().all(|stripe| ours.contains(&stripe))).cloned().collect())
    }

    async fn take_limited(
        &self,
        transaction: &DatabaseTransaction,
        worker: i64,
        queue: &str,
        asked: &[Asked<'_>],
        start_now: bool,
    ) -> Result<Vec<Claimed>, DbErr> {
        match self.dialect.limited.claim {
            LimitedClaim::Statement(sql) => {
                let values = [queue.into(), worker.into(), json(asked)?.into(), start_now.into()];
                read(queue, &transaction.query_all_raw(statement(self.dialect, sql, values)).await?)
            }
            LimitedClaim::EachTake(sql) => {
                let mut asked = asked.to_vec();
                asked.sort_by_key(|asked| asked.take);
                let mut jobs = Vec::new();
                for alike in asked.chunk_by(|one, next| one.take == next.take) {
                    let take = alike.iter().find_map(|asked| asked.take).unwrap_or(0);
                    let values = [queue.into(), worker.into(), json(alike)?.into(), start_now.into(), int(take)];
                    jobs.extend(read(queue, &transaction.query_all_raw(statement(self.dialect, sql, values)).await?)?);
                }
                Ok(jobs)
            }
            LimitedClaim::Lock(sql) => {
                self.lock_and_own_limited(transaction, sql, worker, queue, asked, start_now).await
            }
        }
    }

    async fn lock_and_own_limited(
        &self,
        transaction: &DatabaseTransaction,
        lock: &str,
        worker: i64,
        queue: &str,
        asked: &[Asked<'_>],
        start_now: bool,
    ) -> Result<Vec<Claimed>, DbErr> {
        let Claim::Steps { own, .. } = &self.dialect.claim else { return Ok(Vec::new()) };
        let mut jobs = Vec::new();
        for some in in_chunks(asked, CHUNKS) {
            let sql = vec![format!("({lock})"); some.len()].join(" UNION ALL ");
            let values = some.iter().flat_map(|Asked { priority, name, limit_key, take, .. }| {
                let place = [queue.into(), (*priority).into(), (*name).into(), (*limit_key).into()];
                place.into_iter().chain([start_now.into(), int(take.unwrap_or(0))])
            });
            jobs.extend(read(queue, &transaction.query_all_raw(statement(self.dialect, &sql, values)).await?)?);
        }
        if jobs.is_empty() {
            return Ok(jobs);
        }
        let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
        let owned = transaction.execute_raw(statement(self.dialect, own, [json(&ids)?.into(), worker.into()])).await?;
        if owned.rows_affected() == 0 {
            // The worker's row is gone.
            return Ok(Vec::new());
        }
        for job in &mut jobs {
            job.version += 1;
            job.attempt += 1;
        }
        Ok(jobs)
    }
}

fn read(queue: &str, rows: &[QueryResult]) -> Result<Vec<Claimed>, DbErr> {
    rows.iter().map(|row| Claimed::read(queue, &mut Columns::of(row))).collect()
}
