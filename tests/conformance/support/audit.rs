//! The audit, as its cases read it.

use jobs::{AuditFilter, AuditRecord, Principal, Role, Session};
use jobs_tests::Database;

pub(crate) fn admin(t: &Database) -> Session {
    jobs::acting_as(t.db(), Principal::new("ada", Role::Admin).with_origin("203.0.113.7"))
}

pub(crate) async fn audit(t: &Database) -> Vec<AuditRecord> {
    admin(t).audit(AuditFilter::new()).await.unwrap().records
}

pub(crate) async fn rows(t: &Database) -> i64 {
    t.number("SELECT COUNT(*) FROM jobs_audit").await
}
