//! Acting on all jobs that match: counting and confirming.

use axum::http::StatusCode;
use jobs::prelude::*;
use jobs::{AuditAction, AuditFilter, JobFilter, Principal, Role};
use jobs_tests::{Database, cases};

use crate::support::browser::Browser;
use crate::support::bulk::{confirm, counted, end};
use crate::support::definitions::{Talk, ended, later};

cases![
    a_filter_offers_what_can_be_done_with_all_that_match,
    nothing_is_done_before_it_is_confirmed,
    all_that_were_counted_are_acted_on_and_later_ones_are_left,
    each_verb_acts_on_the_jobs_that_it_can_change,
    more_than_ten_thousand_are_counted_when_it_is_done,
    a_filter_that_says_nothing_or_can_not_be_done_is_refused,
    a_count_is_confirmed_once_and_for_its_own_action_only,
    who_may_not_search_by_values_can_not_act_by_them,
    only_pages_of_this_site_confirm_and_stop,
];

async fn status(t: &Database, id: JobId) -> JobStatus {
    jobs::status(t.db(), id).await.unwrap()
}

async fn a_filter_offers_what_can_be_done_with_all_that_match(t: Database) {
    ended(&t, "no").await;
    later(&t).await;
    let offered = |page: &str| ["cancel-all", "retry-all", "run-all-now", "delete-all"].map(|path| page.contains(path));
    for (role, filter, expected) in [
        (Role::Admin, "", [false; 4]),
        (Role::Admin, "name%3ATalk", [true; 4]),
        (Role::Admin, "status%3Afailed", [false, true, false, true]),
        (Role::Admin, "status%3Ascheduled", [true, false, true, false]),
        (Role::Admin, "name%3ANobody", [false; 4]),
        (Role::Operator, "name%3ATalk", [true, true, true, false]),
        (Role::Viewer, "name%3ATalk", [false; 4]),
    ] {
        let page = Browser::of(&t, role).get(&format!("/jobs?filter={filter}")).await.page();
        assert_eq!(offered(&page), expected, "{role} {filter}: {page}");
    }
}

async fn nothing_is_done_before_it_is_confirmed(t: Database) {
    let id = later(&t).await;
    let browser = Browser::of(&t, Role::Admin);
    let question = browser.get("/cancel-all?filter=name%3ATalk").await.page();
    for text in [
        "<h1>Cancel all that match?</h1>",
        "<strong>1 job</strong> that match <code>name:Talk</code>",
        &format!("href=\"job?id={id}\""),
        "method=\"post\" action=\"cancel-all\"",
    ] {
        assert!(question.contains(text), "{text}: {question}");
    }
    assert_eq!(status(&t, id).await, JobStatus::Scheduled);
    assert!(browser.get("/operations").await.page().contains("None is remembered."));
}

async fn all_that_were_counted_are_acted_on_and_later_ones_are_left(t: Database) {
    let early = [later(&t).await, later(&t).await];
    let browser = Browser::of(&t, Role::Admin);
    let count = counted(&browser, "cancel-all", "name%3ATalk").await;
    let late = later(&t).await;
    let progress = confirm(&browser, "cancel-all", &count).await;
    let page = end(&browser, &progress).await;
    for text in ["<li>2 jobs are canceled.</li>", "2 of 2 with <code>name:Talk</code>", "<dt>By</dt><dd>ada</dd>"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.contains("href=\"cancel-all?filter=name%3ATalk\""), "{page}");
    for id in early {
        assert_eq!(status(&t, id).await, JobStatus::Canceled);
    }
    assert_eq!(status(&t, late).await, JobStatus::Scheduled);
    let rows =
        jobs::acting_as(t.db(), Principal::new("ada", Role::Admin)).audit(AuditFilter::new()).await.unwrap().records;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.action == AuditAction::Cancel && row.operation == rows[0].operation), "{rows:?}");
    let list = browser.get("/operations").await.page();
    assert!(list.contains(&progress) && list.contains("<span class=\"status terminated\">done</span>"), "{list}");
}

async fn each_verb_acts_on_the_jobs_that_it_can_change(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let (failed, waits) = (ended(&t, "no").await, later(&t).await);
    let act = async |path: &str, filter: &str| {
        let progress = confirm(&browser, path, &counted(&browser, path, filter).await).await;
        end(&browser, &progress).await
    };
    assert!(act("run-all-now", "name%3ATalk").await.contains("<li>1 job is due now.</li>"));
    assert_eq!(jobs::list(t.db(), "is:due".parse().unwrap()).await.unwrap().jobs[0].id, waits);
    assert!(act("retry-all", "name%3ATalk").await.contains("<li>1 job is scheduled again.</li>"));
    assert_eq!(status(&t, failed).await, JobStatus::Scheduled);
    assert!(act("cancel-all", "name%3ATalk").await.contains("<li>2 jobs are canceled.</li>"));
    assert!(act("delete-all", "name%3ATalk").await.contains("<li>2 jobs are deleted.</li>"));
    assert_eq!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().total(), 0);
}

async fn more_than_ten_thousand_are_counted_when_it_is_done(t: Database) {
    for _ in 0..11 {
        let some = (0..1_000).map(|_| Talk::new("well").with_options(JobOptions::new().queue("many")));
        jobs::schedule_all(t.db(), some).await.unwrap();
    }
    let browser = Browser::of(&t, Role::Admin);
    let question = browser.get("/cancel-all?filter=queue%3Amany").await.page();
    assert!(question.contains("<strong>10,000+ jobs</strong>"), "{question}");
    let count = counted(&browser, "cancel-all", "queue%3Amany").await;
    let page = end(&browser, &confirm(&browser, "cancel-all", &count).await).await;
    assert!(page.contains("<li>11,000 jobs are canceled.</li>") && page.contains("11,000 of 11,000"), "{page}");
}

async fn a_filter_that_says_nothing_or_can_not_be_done_is_refused(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    for (address, text) in [
        ("/cancel-all", "missing field"),
        ("/cancel-all?filter=", "A filter is needed"),
        ("/cancel-all?filter=staus%3Afailed", "did you mean"),
        ("/cancel-all?filter=status%3Afailed", "does nothing to jobs that are failed"),
        ("/run-all-now?filter=is%3Aunserved", "they are already due"),
    ] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}: {}", answer.body);
        assert!(answer.body.contains(text), "{address}: {}", answer.body);
    }
    let none = browser.get("/cancel-all?filter=name%3ATalk").await.page();
    assert!(none.contains("There is no such job.") && !none.contains("action=\"cancel-all\""), "{none}");
}

async fn a_count_is_confirmed_once_and_for_its_own_action_only(t: Database) {
    let id = ended(&t, "no").await;
    let browser = Browser::of(&t, Role::Admin);
    let count = counted(&browser, "retry-all", "name%3ATalk").await;
    for (path, id) in [("delete-all", &*count), ("retry-all", "0"), ("retry-all-stop", &count)] {
        let answer = browser.post(&format!("/{path}"), &format!("id={id}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.body);
        assert!(answer.body.contains("<h1>Not remembered</h1>"), "{path}: {}", answer.body);
    }
    let progress = confirm(&browser, "retry-all", &count).await;
    end(&browser, &progress).await;
    assert_eq!(status(&t, id).await, JobStatus::Scheduled);
    jobs::cancel(t.db(), id).await.unwrap();
    // The same again: the page of what was done.
    assert_eq!(confirm(&browser, "retry-all", &count).await, progress);
    assert_eq!(status(&t, id).await, JobStatus::Canceled);
    // It is not known to others.
    assert_eq!(Browser::of(&t, Role::Admin).get(&format!("/{progress}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get(&format!("/delete-all-progress?id={count}")).await.status, StatusCode::NOT_FOUND);
}

async fn who_may_not_search_by_values_can_not_act_by_them(t: Database) {
    let id = ended(&t, "no").await;
    let grace = Principal::new("grace", Role::Viewer).allow(jobs::Action::Retry);
    let browser = Browser::of_principal(&t, grace);
    let answer = browser.get("/retry-all?filter=error%3Ano").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    let count = counted(&browser, "retry-all", "name%3ATalk").await;
    let page = end(&browser, &confirm(&browser, "retry-all", &count).await).await;
    assert!(page.contains("<li>1 job is scheduled again.</li>"), "{page}");
    assert_eq!(status(&t, id).await, JobStatus::Scheduled);
}

async fn only_pages_of_this_site_confirm_and_stop(t: Database) {
    let id = later(&t).await;
    let browser = Browser::of(&t, Role::Admin);
    let count = counted(&browser, "cancel-all", "name%3ATalk").await;
    for path in ["/cancel-all", "/cancel-all-stop"] {
        let answer = browser.post_with(path, &format!("id={count}"), &[("sec-fetch-site", "cross-site")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        assert!(answer.body.contains("<h1>Not from here</h1>"), "{}", answer.body);
    }
    assert_eq!(status(&t, id).await, JobStatus::Scheduled);
}
