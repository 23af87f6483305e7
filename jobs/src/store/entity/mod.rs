//! The tables as sea-orm entities, for queries and administration. The hot statements are the dialects' own text.

pub(crate) mod attempt;
pub(crate) mod audit;
pub(crate) mod cron;
pub(crate) mod cron_firing;
pub(crate) mod job;
pub(crate) mod key;
pub(crate) mod lenient_json;
pub(crate) mod limit;
pub(crate) mod limit_lock;
pub(crate) mod limit_use;
pub(crate) mod message;
pub(crate) mod queue;
pub(crate) mod stat;
pub(crate) mod worker;
