//! Reading the audit: which rows, in pages, at a bounded cost.

use jobs::{AuditAction, AuditFilter, Principal, Role};
use jobs_tests::{Database, cases};

use crate::support::audit::{admin, audit};
use crate::support::common::{assert_read_back, refused};
use crate::support::definitions::Talk;

cases![
    rows_are_found_by_job_principal_and_action_newest_first,
    what_a_later_release_has_done_is_read,
    a_search_examines_a_bounded_number_of_rows,
    a_page_that_ends_with_the_last_row_has_no_next_one,
    a_name_that_no_principal_can_have_is_refused,
];

/// More rows than one search examines, by eve, after one by ada.
async fn many_rows(t: &Database) {
    admin(t).pause("mail").await.unwrap();
    let some = "INSERT INTO jobs_audit (at, principal, action) SELECT at, 'eve', 'move_queue' FROM jobs_audit";
    for _ in 0..15 {
        t.execute(some).await;
    }
}

async fn a_search_examines_a_bounded_number_of_rows(t: Database) {
    many_rows(&t).await;
    let ada = admin(&t);
    let filter = || AuditFilter::new().principal("ada");
    let page = ada.audit(filter()).await.unwrap();
    assert_eq!((page.records.len(), page.searched_back_to.is_some()), (0, true));
    let page = ada.audit(filter().after(page.next.unwrap())).await.unwrap();
    assert_eq!((page.records.len(), page.next, page.searched_back_to), (1, None, None));
    let page = ada.audit(AuditFilter::new().action(AuditAction::Unknown).limit(2)).await.unwrap();
    assert_eq!(
        (page.records.len(), page.next, page.searched_back_to),
        (2, page.records.last().map(|row| row.id), None)
    );
    assert_read_back(&page);
}

async fn a_page_that_ends_with_the_last_row_has_no_next_one(t: Database) {
    let ada = admin(&t);
    ada.pause("mail").await.unwrap();
    ada.resume("mail").await.unwrap();
    for filter in [AuditFilter::new(), AuditFilter::new().principal("ada")] {
        assert_eq!(ada.audit(filter.clone().limit(2)).await.unwrap().next, None);
        assert!(ada.audit(filter.limit(1)).await.unwrap().next.is_some());
    }
}

async fn a_name_that_no_principal_can_have_is_refused(t: Database) {
    admin(&t).pause("mail").await.unwrap();
    for name in ["", "ada ", "a\0da"] {
        assert_eq!(refused(admin(&t).audit(AuditFilter::new().principal(name)).await), "principal");
    }
}

async fn rows_are_found_by_job_principal_and_action_newest_first(t: Database) {
    let (ada, grace) = (admin(&t), jobs::acting_as(t.db(), Principal::new("grace", Role::Operator)));
    let first = Talk::new("well").schedule(t.db()).await.unwrap().id();
    let second = Talk::new("well").schedule(t.db()).await.unwrap().id();
    ada.run_now(first).await.unwrap();
    grace.cancel(second).await.unwrap();
    grace.cancel(first).await.unwrap();
    ada.pause("mail").await.unwrap();
    let found = async |filter: AuditFilter| {
        let rows = ada.audit(filter).await.unwrap().records;
        rows.into_iter().map(|row| (row.principal, row.action, row.job)).collect::<Vec<_>>()
    };
    let (ada_s, grace_s) = (|| "ada".to_owned(), || "grace".to_owned());
    let all = [
        (ada_s(), AuditAction::PauseQueue, None),
        (grace_s(), AuditAction::Cancel, Some(first)),
        (grace_s(), AuditAction::Cancel, Some(second)),
        (ada_s(), AuditAction::RunNow, Some(first)),
    ];
    assert_eq!(found(AuditFilter::new()).await, all);
    assert_eq!(found(AuditFilter::new().job(first)).await, [all[1].clone(), all[3].clone()]);
    assert_eq!(found(AuditFilter::new().principal("grace")).await, all[1..3]);
    assert_eq!(found(AuditFilter::new().principal("Grace")).await, []);
    assert_eq!(found(AuditFilter::new().action(AuditAction::Cancel).job(second)).await, all[2..3]);
    // Page by page.
    let mut paged = Vec::new();
    let mut filter = AuditFilter::new().limit(3);
    loop {
        let page = ada.audit(filter.clone()).await.unwrap();
        paged.extend(page.records.into_iter().map(|row| (row.principal, row.action, row.job)));
        let Some(next) = page.next else { break };
        filter = filter.after(next);
    }
    assert_eq!(paged, all);
    for limit in [0, 101] {
        assert_eq!(refused(ada.audit(AuditFilter::new().limit(limit)).await), "limit");
    }
    assert_read_back(&AuditFilter::new().job(first).principal("grace").action(AuditAction::Cancel).limit(7).after(9));
}

async fn what_a_later_release_has_done_is_read(t: Database) {
    admin(&t).pause("mail").await.unwrap();
    t.execute("UPDATE jobs_audit SET action = 'move_queue', changed = '{\"more\": 1}'").await;
    let row = audit(&t).await.remove(0);
    assert_eq!((row.action, row.changed), (AuditAction::Unknown, vec![]));
}
