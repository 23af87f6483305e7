//! How the operations that differ between databases are carried out: by one statement, or in several steps.

/// How rows are inserted, with their ids in the order in which the rows are given.
#[derive(Debug)]
pub(crate) enum Insert {
    /// One statement takes any number of rows as JSON, and gives them ids that grow in that order.
    Rows(InsertJobs, Ids),
    /// One row.
    One(&'static str),
    /// A `VALUES` list of a fixed number of rows; ids count up from the one that the connection reports.
    Values {
        into: &'static str,
        row: &'static str,
        /// The row of a job that is due at once: without (at, delay).
        due_now: Option<&'static str>,
        /// (time, replacement): used outside a transaction, so that the row is refused if it would not be committed.
        if_committed: Option<(&'static str, &'static str)>,
        /// → how far apart ids are: more than one if several servers write.
        id_step: &'static str,
        chunks: &'static [usize],
    },
}

/// Statements that insert any number of jobs.
#[derive(Debug)]
pub(crate) struct InsertJobs {
    /// (rows): jobs that differ in anything.
    pub(crate) mixed: &'static str,
    /// Jobs that differ only in their parameters, as most that are scheduled together do. `parameter!` in [`row`](crate::store::row) says
    /// what is bound, and in which order. The jobs' parameters are an array; of jobs with keys they are an object by key.
    pub(crate) uniform: &'static str,
}

/// How the ids of new rows are determined.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ids {
    /// The statement returns them.
    Returned,
    /// Consecutive ids, up to the last, which the connection reports.
    UpToLast,
}

/// How jobs with keys are inserted.
#[derive(Debug)]
pub(crate) enum InsertUnique {
    /// One statement → ids: acquires the free keys, and inserts their jobs. If there are several, it does not tell which.
    Statement(InsertJobs),
    /// A transaction: inserts the jobs, which gives them their ids, then acquires their keys.
    Steps {
        jobs: Insert,
        /// (first id, last id, time in ms): acquires the keys of new jobs with consecutive ids, for the same time, if there is one writer
        /// at a time.
        acquire_range: Option<&'static str>,
    },
}

/// How free keys are acquired. See [`Dialect::has_acquired_all`](super::Dialect::has_acquired_all).
#[derive(Debug)]
pub(crate) enum Acquire {
    /// (keys, with their jobs): all.
    Json(&'static str),
    /// A `VALUES` list of a fixed number of (key, job, version, time in ms), in the order of the keys.
    Values { into: &'static str, row: &'static str, or_ignore: &'static str, chunks: &'static [usize] },
}

/// How due jobs are claimed.
#[derive(Debug)]
pub(crate) enum Claim {
    /// One statement.
    Statement {
        /// (queue, worker, names, limit, slots) → the jobs; none if the worker's row is gone.
        all: &'static str,
        /// For an index that keeps claimed jobs for a while.
        from_cursor: Option<FromCursor>,
    },
    /// A transaction.
    Steps {
        /// (queue, names) → priority, name: groups with due jobs, best first.
        groups: &'static str,
        /// (queue, priority, name, since, limit) → the first jobs, locked, and whether each may wait for a slot.
        lock: &'static str,
        /// (ids, worker): affects no row if the worker's row is gone.
        own: &'static str,
        turn: Turn,
    },
}

/// How claims in a queue take turns. Those that run side by side step over each other's locked rows, one by one.
#[derive(Debug)]
pub(crate) struct Turn {
    /// (queue) → whether it is our turn: waits for a second at most.
    pub(crate) take: &'static str,
    /// (queue): the next one's turn begins.
    pub(crate) end: &'static str,
}

/// How jobs of a long backlog are claimed.
#[derive(Debug)]
pub(crate) struct FromCursor {
    /// (queue, names) → priority, name: groups with waiting jobs, best first.
    pub(crate) groups: &'static str,
    /// (queue, worker, groups, limit, slots) → the jobs.
    pub(crate) claim: &'static str,
}

/// How a batch of rows is written, each only if its attempt still owns its job. Parameters: (rows) or (messages).
#[derive(Debug)]
pub(crate) enum Batch {
    /// One statement takes rows and messages, and returns the ids and versions of the rows that it wrote.
    Statement(&'static str),
    /// A transaction: lock the rows (→ their ids), then write what was locked.
    Steps { lock: &'static str, history: Option<&'static str>, own: &'static str, messages: &'static str },
}

/// How a worker's lease is extended: (lease in ms, id).
#[derive(Debug)]
pub(crate) enum Beat {
    /// One statement, which also returns what runs under the worker: no row if the worker's own is gone.
    Statement(&'static str),
    /// An update, and (id) → what runs under the worker, which is read after it.
    Update(&'static str, &'static str),
}

/// How jobs whose number is limited are claimed. A place is a queue, a priority, a name and a key.
#[derive(Debug)]
pub(crate) struct Limited {
    /// (queue, names) → priority, name: groups with waiting jobs.
    pub(crate) groups: &'static str,
    /// (queue, names) → name: those of which jobs wait with a key, and which have no limit.
    pub(crate) with_keys: &'static str,
    pub(crate) places: Places,
    /// (queue, places with `ordinal`) → ordinal, `wait_ms`, `scheduled_at`: the first job of each, if there is one.
    pub(crate) heads: &'static str,
    /// (queue, names) → priority, `scheduled_at`: the best due job of these names whose number is not limited.
    pub(crate) best_unlimited: &'static str,
    /// (scopes and keys with `ordinal`; without a key, all of the scope) → ordinal, `counted_by`, room: how many more may run, or `NULL` if
    /// there is no limit.
    pub(crate) rooms: &'static str,
    /// (stripes) → those that are ours until the end of the transaction. `None` if there is one writer anyway.
    pub(crate) lock: Option<&'static str>,
    pub(crate) claim: LimitedClaim,
    /// (names and keys): wakes the workers that sleep and know the name, if the database can.
    pub(crate) wake: Option<&'static str>,
}

/// How the places of a group are walked, each with its first job, and how long until that is due: `limit_key`, `wait_ms`, `scheduled_at`.
#[derive(Debug)]
pub(crate) enum Places {
    /// (queue, priority, name, key, number): this many, from this key on.
    Statement(&'static str),
    /// (queue, priority, name, key): the first from this key on, and the first after it. A range of keys is skipped through by the index
    /// only if it has one constant end, and no more than one row is asked for.
    Each { from: &'static str, after: &'static str },
}

/// How jobs of several places are claimed, so many of each.
#[derive(Debug)]
pub(crate) enum LimitedClaim {
    /// (queue, worker, places with `take`, whether they start at once) → the jobs; none if the worker's row is gone. Those that do not start
    /// at once are such that may wait for a slot.
    Statement(&'static str),
    /// (queue, worker, places, whether they start at once, number) → the jobs, up to that many of each place.
    EachTake(&'static str),
    /// (queue, priority, name, key, whether they start at once, number) → the first jobs of a place, locked. Then they are owned as by
    /// [`Claim::Steps`].
    Lock(&'static str),
}
