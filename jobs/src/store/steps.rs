//! Claiming in a transaction: the first jobs of each group are locked, and the best of them become ours.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr};

use super::claim::{ClaimLimit, int};
use super::cursor::Group;
use super::dialect::{Claim, Turn};
use super::row::{Claimed, Columns};
use super::{Store, json, retry_contention, statement};

/// How many more jobs of each group are locked at first than its share of the wanted number.
const SPARE: usize = 2;

/// The jobs that a group offers.
struct Offer {
    group: usize,
    /// How many were requested.
    limit: usize,
    /// The jobs in order, each with whether it may wait for a slot.
    jobs: Vec<(Claimed, bool)>,
}

/// What a transaction has claimed.
#[derive(Default)]
struct Taken {
    jobs: Vec<Claimed>,
    /// The groups that were probed, each with whether it is empty.
    probed: Vec<(usize, bool)>,
    had_turn: bool,
}

impl Store {
    /// Claims jobs of groups that are in order. Records in each group that was probed whether it is empty.
    pub(super) async fn claim_in_steps(
        &self,
        worker: i64,
        queue: &str,
        groups: &mut [Group],
        limit: ClaimLimit,
    ) -> Result<Vec<Claimed>, DbErr> {
        let (jobs, _) = self.claim_in_turn(worker, queue, groups, limit, false).await?;
        Ok(jobs)
    }

    /// Claims like `claim_in_steps`, but, if `waits`, not beside other claims in this queue. Also returns whether it had its turn.
    pub(super) async fn claim_in_turn(
        &self,
        worker: i64,
        queue: &str,
        groups: &mut [Group],
        limit: ClaimLimit,
        waits: bool,
    ) -> Result<(Vec<Claimed>, bool), DbErr> {
        if groups.is_empty() {
            return Ok(Default::default());
        }
        // A repeated transaction does not wait again.
        let mut waits = waits;
        let taken = retry_contention(|| self.take(worker, queue, groups, limit, std::mem::take(&mut waits))).await?;
        for (group, is_empty) in taken.probed {
            groups[group].is_empty = is_empty;
        }
        Ok((taken.jobs, taken.had_turn))
    }

    /// Claims in a transaction, in turn if `waits`.
    async fn take(
        &self,
        worker: i64,
        queue: &str,
        groups: &[Group],
        limit: ClaimLimit,
        waits: bool,
    ) -> Result<Taken, DbErr> {
        let Claim::Steps { turn, .. } = &self.dialect.claim else { return Ok(Taken::default()) };
        let transaction = self.begin().await?;
        let had_turn = waits && self.take_turn(&transaction, turn, queue).await;
        let taken = self.lock_and_own(&transaction, worker, queue, groups, limit).await;
        if had_turn {
            // Whatever has happened: the turn belongs to the connection, which others use next. After the commit it would be out of reach, so
            // the next one may step over these rows while they are committed.
            transaction.execute_raw(statement(self.dialect, turn.end, [queue.into()])).await?;
        }
        let taken = Taken { had_turn, ..taken? };
        transaction.commit().await?;
        Ok(taken)
    }

    /// Waits for our turn. False if it does not come in time, or if the server has no such locks: without turns, claims are slower, not wrong.
    async fn take_turn(&self, transaction: &DatabaseTransaction, turn: &Turn, queue: &str) -> bool {
        let taken = transaction.query_one_raw(statement(self.dialect, turn.take, [queue.into()])).await;
        let is_ours = taken.and_then(|row| row.map_or(Ok(false), |row| row.try_get("", "is_ours")));
        is_ours.unwrap_or_else(|error| {
            tracing::debug!(%error, queue, "a claim can't wait for its turn");
            false
        })
    }

    /// Claims priority by priority: a lower one is needed only while there is room.
    async fn lock_and_own(
        &self,
        transaction: &DatabaseTransaction,
        worker: i64,
        queue: &str,
        groups: &[Group],
        limit: ClaimLimit,
    ) -> Result<Taken, DbErr> {
        let Claim::Steps { own, .. } = &self.dialect.claim else { return Ok(Taken::default()) };
        let (mut best, mut probed, mut begin): (Vec<(Claimed, bool)>, _, _) = (Vec::new(), Vec::new(), 0);
        for alike in groups.chunk_by(|one, next| one.priority == next.priority) {
            let room = limit.total - best.len();
            if room == 0 {
                break;
            }
            let offers = self.lock_first(transaction, queue, alike, room).await?;
            probed.extend(offers.iter().map(|offer| (begin + offer.group, offer.jobs.is_empty())));
            let mut offered: Vec<_> = offers.into_iter().flat_map(|offer| offer.jobs).collect();
            offered.sort_by_key(|(job, _)| when(job));
            best.extend(offered.into_iter().take(room));
            begin += alike.len();
        }
        let best = best.into_iter().enumerate();
        let mut jobs: Vec<Claimed> =
            best.filter_map(|(rank, (job, may_wait))| (may_wait || rank < limit.startable).then_some(job)).collect();
        if !jobs.is_empty() {
            let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
            let owned =
                transaction.execute_raw(statement(self.dialect, own, [json(&ids)?.into(), worker.into()])).await?;
            if owned.rows_affected() == 0 {
                // The worker's row is gone.
                return Ok(Taken::default());
            }
        }
        for job in &mut jobs {
            job.version += 1;
            job.attempt += 1;
        }
        Ok(Taken { jobs, probed, had_turn: false })
    }

    /// Locks the first `room` jobs of groups of one priority, and few more: the share of each group at first, then more of those whose last
    /// job is due before the last one that is taken.
    async fn lock_first(
        &self,
        transaction: &DatabaseTransaction,
        queue: &str,
        groups: &[Group],
        room: usize,
    ) -> Result<Vec<Offer>, DbErr> {
        let share = if groups.len() == 1 { room } else { (room / groups.len() + SPARE).min(room) };
        let mut offers = Vec::with_capacity(groups.len());
        for (group, asked) in groups.iter().enumerate() {
            let jobs = self.lock(transaction, queue, asked, share).await?;
            offers.push(Offer { group, limit: share, jobs });
        }
        loop {
            let until = last_taken(&offers, room);
            let mut is_settled = true;
            for offer in &mut offers {
                if offer.limit < room && offer.may_have_more_before(until) {
                    // Rows that are locked are ours, so they are returned again.
                    offer.limit = (4 * offer.limit).min(room);
                    offer.jobs = self.lock(transaction, queue, &groups[offer.group], offer.limit).await?;
                    is_settled = false;
                }
            }
            if is_settled {
                return Ok(offers);
            }
        }
    }

    async fn lock(
        &self,
        transaction: &DatabaseTransaction,
        queue: &str,
        group: &Group,
        limit: usize,
    ) -> Result<Vec<(Claimed, bool)>, DbErr> {
        let Claim::Steps { lock, .. } = &self.dialect.claim else { return Ok(Vec::new()) };
        let Group { priority, name, since, .. } = group;
        let values = [queue.into(), (*priority).into(), name.as_str().into(), (*since).into(), int(limit)];
        let rows = transaction.query_all_raw(statement(self.dialect, lock, values)).await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut columns = Columns::of(row);
            jobs.push((Claimed::read(queue, &mut columns)?, columns.next()?));
        }
        Ok(jobs)
    }
}

/// Returns the last of the best `room` jobs on offer; `None` if there are fewer.
fn last_taken(offers: &[Offer], room: usize) -> Option<(i16, DateTimeUtc, i64)> {
    let mut offered: Vec<_> = offers.iter().flat_map(|offer| offer.jobs.iter().map(|(job, _)| when(job))).collect();
    let last = room.checked_sub(1).filter(|last| *last < offered.len())?;
    Some(*offered.select_nth_unstable(last).1)
}

impl Offer {
    fn may_have_more_before(&self, until: Option<(i16, DateTimeUtc, i64)>) -> bool {
        let last = self.jobs.last().filter(|_| self.jobs.len() == self.limit);
        last.is_some_and(|(job, _)| until.is_none_or(|until| when(job) < until))
    }
}

/// Returns the key by which jobs of a queue are ordered.
fn when(job: &Claimed) -> (i16, DateTimeUtc, i64) {
    (job.priority, job.scheduled_at, job.id)
}
