//! Acting as somebody: what each role may do, and what it may see.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{Action, AuditFilter, Bulk, BulkAction, Error, JobEventKind, JobFilter, NamedJob, Principal, Role, Session};
use jobs_tests::{Database, Gate, Running, cases, soon};
use serde_json::json;

use crate::support::common::{refused, total, work};
use crate::support::definitions::{Add, Gated, Note, Talk};

cases![
    each_role_may_do_what_it_includes_and_nothing_else,
    what_is_forbidden_does_not_ask_the_database,
    the_audit_of_one_job_takes_no_more_than_seeing_it,
    a_viewer_sees_no_payload,
    a_viewer_can_t_search_by_payload,
    an_operator_sees_all_but_secrets,
    a_principal_without_a_proper_name_changes_nothing,
    a_job_that_is_retried_is_started_by_a_worker_at_once,
    a_running_job_is_canceled_at_once,
    a_schedule_is_known_to_workers_at_once,
    a_name_that_no_schedule_can_have_is_refused,
    sessions_work_in_tasks_of_their_own,
];

const HIDDEN: &str = "•••";

fn acting(t: &Database, principal: Principal) -> Session {
    jobs::acting_as(t.db(), principal)
}

fn viewer(t: &Database) -> Session {
    acting(t, Principal::new("vera", Role::Viewer))
}

/// What each role may do, by the design.
fn included(role: Role) -> BTreeSet<Action> {
    let operator =
        [Action::View, Action::ViewPayload, Action::Cancel, Action::Retry, Action::RunNow, Action::PauseQueue];
    match role {
        Role::Viewer => [Action::View].into(),
        Role::Operator => operator.into(),
        Role::Admin => Action::ALL.iter().copied().collect(),
        other => panic!("nothing is said about what {other} may do"),
    }
}

/// The jobs of a test: one waits, and one has failed.
struct Jobs {
    waiting: JobId,
    failed: JobId,
}

async fn schedule(t: &Database) -> Jobs {
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap().id();
    work(t).await;
    let waiting = Talk::new("well").schedule(t.db()).await.unwrap().id();
    cron::add(
        t.db(),
        "nightly",
        Cron::new("0 3 * * *"),
        Note::new("private").with_options(JobOptions::new().unique_key("acme")),
    )
    .await
    .unwrap();
    Jobs { waiting, failed }
}

/// Jobs as they are counted if there are none.
fn of_none(filter: &JobFilter) -> Bulk {
    let mark = json!({"last": 0, "time": "2026-11-28T00:00:00Z"});
    serde_json::from_value(json!({"filter": filter, "counts": jobs::JobCounts::default(), "mark": mark})).unwrap()
}

async fn on_none(action: Result<BulkAction<'_>, Error>) -> Result<(), Error> {
    action?.await.map(drop)
}

/// The results of all methods that take an action.
async fn results(session: &Session, action: Action, Jobs { waiting, failed }: Jobs) -> Vec<Result<(), Error>> {
    let talk = || NamedJob::new("Talk", json!({"end": "well"}));
    let daily = || Cron::new("@daily");
    let by_error = || "error:done".parse::<JobFilter>().unwrap();
    let none = of_none(&JobFilter::new());
    match action {
        Action::View => vec![
            session.record(waiting).await.map(drop),
            session.list(JobFilter::new()).await.map(drop),
            session.counts(JobFilter::new()).await.map(drop),
            session.bounded_counts(JobFilter::new()).await.map(drop),
            session.counts_by_queue().await.map(drop),
            session.bulk(JobFilter::new()).await.map(drop),
            session.messages(failed).await.map(drop),
            session.failed_attempts(failed).await.map(drop),
            session.why(waiting).await.map(drop),
            session.watch(waiting).map(drop),
            session.queues().await.map(drop),
            session.workers().await.map(drop),
            session.unserved().await.map(drop),
            session.schedules().await.map(drop),
            session.firings("nightly").await.map(drop),
            session.audit(AuditFilter::new().job(waiting)).await.map(drop),
        ],
        Action::ViewPayload => vec![
            session.bulk(by_error()).await.map(drop),
            on_none(session.cancel_all(&of_none(&by_error()))).await,
            session.list(by_error()).await.map(drop),
            session.counts(by_error()).await.map(drop),
            session.bounded_counts(by_error()).await.map(drop),
        ],
        Action::Schedule => vec![session.schedule(talk()).await.map(drop)],
        Action::Cancel => vec![session.cancel(waiting).await.map(drop), on_none(session.cancel_all(&none)).await],
        Action::Retry => vec![session.retry(failed).await, on_none(session.retry_all(&none)).await],
        Action::RunNow => vec![session.run_now(waiting).await, on_none(session.run_all_now(&none)).await],
        Action::Edit => vec![session.set_parameter(waiting, "end", "fail").await],
        Action::Delete => vec![session.delete(failed).await, on_none(session.delete_all(&none)).await],
        Action::Reveal => vec![session.reveal_parameter::<String>(failed, "end").await.map(drop)],
        Action::PauseQueue => vec![session.pause("mail").await, session.resume("mail").await],
        Action::ManageCron => vec![
            session.add_schedule("daily", daily(), talk()).await,
            session.replace_schedule("daily", daily(), talk()).await,
            session.pause_schedule("daily").await,
            session.resume_schedule("daily").await,
            session.run_schedule_now("daily").await.map(drop),
            session.remove_schedule("daily").await,
        ],
        Action::ViewAudit => vec![session.audit(AuditFilter::new()).await.map(drop)],
        other => panic!("no method is known here that takes the action {other}"),
    }
}

async fn each_role_may_do_what_it_includes_and_nothing_else(t: Database) {
    for role in Role::ALL {
        for action in Action::ALL {
            let jobs = schedule(&t).await;
            let session = acting(&t, Principal::new("ada", *role));
            let may = included(*role).contains(action);
            assert_eq!(session.may(*action), may, "{role}, {action}");
            for result in results(&session, *action, jobs).await {
                match result {
                    Ok(()) => assert!(may, "a {role} may do what takes {action}"),
                    Err(Error::Forbidden { principal, action: missing, .. }) => {
                        assert!(!may, "a {role} may not do what takes {action}");
                        assert_eq!((principal.as_str(), missing), ("ada", *action));
                    }
                    Err(error) => panic!("{role}, {action}: {error:?}"),
                }
            }
            t.execute("DELETE FROM jobs_job").await;
            t.execute("DELETE FROM jobs_cron").await;
        }
    }
}

async fn what_is_forbidden_does_not_ask_the_database(t: Database) {
    for action in Action::ALL {
        let session = acting(&t, Principal::new("ada", Role::Admin).deny(*action));
        t.db().clone().close().await.unwrap();
        // A job that does not exist, on a closed pool: any statement would be another error.
        for result in results(&session, *action, Jobs { waiting: 998.into(), failed: 999.into() }).await {
            assert!(matches!(result, Err(Error::Forbidden { .. })), "{action}: {result:?}");
        }
    }
}

async fn the_audit_of_one_job_takes_no_more_than_seeing_it(t: Database) {
    let Jobs { waiting, .. } = schedule(&t).await;
    acting(&t, Principal::new("ada", Role::Operator)).cancel(waiting).await.unwrap();
    let seen = viewer(&t).audit(AuditFilter::new().job(waiting)).await.unwrap().records;
    assert_eq!(seen.len(), 1);
    let blind = acting(&t, Principal::new("ada", Role::Admin).deny(Action::View));
    let error = blind.audit(AuditFilter::new().job(waiting)).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { action: Action::View, .. }), "{error:?}");
}

async fn a_viewer_sees_no_payload(t: Database) {
    const PRIVATE: [&str; 8] = ["fail", "private", "acme", "it begins", "it is odd", "ada", ":0.5", "it can't be done"];
    let Jobs { failed, .. } = schedule(&t).await;
    let retried = Talk::new("error").schedule(t.db()).await.unwrap().id();
    work(&t).await;
    let session = viewer(&t);
    let record = session.record(failed).await.unwrap();
    assert!(record.payload_hidden);
    assert_eq!(record.parameters, json!({"end": HIDDEN}));
    assert_eq!((record.results["half"].as_str(), record.last_error.as_deref()), (Some(HIDDEN), Some(HIDDEN)));
    assert_eq!(refused(record.parameter::<String>("end")), "end");
    assert_eq!(refused(record.result::<String>("half")), "half");
    assert_eq!(refused(record.output::<String>()), "output");
    let mut events = session.watch(failed).unwrap();
    let mut seen = Vec::new();
    while let Some(event) = soon(events.next()).await {
        let event = event.unwrap();
        seen.push(serde_json::to_string(&event).unwrap());
        // The same, from there on.
        events = session.watch(failed).unwrap().after(event.id);
        assert!(!matches!(&event.kind, JobEventKind::End(job) if !job.payload_hidden));
    }
    assert!(seen.len() >= 4, "{seen:?}");
    seen.push(serde_json::to_string(&record).unwrap());
    seen.push(serde_json::to_string(&session.list(JobFilter::new()).await.unwrap()).unwrap());
    seen.push(serde_json::to_string(&session.messages(failed).await.unwrap()).unwrap());
    seen.push(serde_json::to_string(&session.failed_attempts(failed).await.unwrap()).unwrap());
    let schedules = session.schedules().await.unwrap();
    assert!(schedules[0].payload_hidden && !cron::list(t.db()).await.unwrap()[0].payload_hidden);
    seen.push(serde_json::to_string(&schedules).unwrap());
    let olga = acting(&t, Principal::new("olga", Role::Operator));
    let counted = olga.bulk("end:fail error:odd -error:private".parse().unwrap()).await.unwrap();
    seen.push(format!("{}", olga.retry_all(&counted).unwrap().await.unwrap().done));
    seen.push(serde_json::to_string(&session.audit(AuditFilter::new().job(failed)).await.unwrap()).unwrap());
    let why = session.why(retried).await.unwrap();
    assert!(why.to_string().contains(HIDDEN), "{why}");
    seen.push(format!("{why} {why:?}"));
    for text in seen {
        // A status is no payload, though a parameter may be the same word.
        let text = text.replace("failed", "");
        for private in PRIVATE {
            assert!(!text.contains(private), "{private}: {text}");
        }
    }
}

async fn a_viewer_can_t_search_by_payload(t: Database) {
    let session = viewer(&t);
    for filter in ["end:well", "-end:well", "error:wrong", "name:Talk key:acme", "param.end:<z"] {
        let filter = || filter.parse::<JobFilter>().unwrap();
        for error in [
            session.list(filter()).await.map(drop).unwrap_err(),
            session.counts(filter()).await.map(drop).unwrap_err(),
            session.bounded_counts(filter()).await.map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Forbidden { action: Action::ViewPayload, .. }), "{error:?}");
        }
    }
    for filter in ["name:Talk", "status:failed", "is:retrying", "since:1d", "user:ada"] {
        session.list(filter.parse().unwrap()).await.unwrap();
    }
}

async fn an_operator_sees_all_but_secrets(t: Database) {
    let Jobs { failed, .. } = schedule(&t).await;
    let session = acting(&t, Principal::new("olga", Role::Operator));
    assert_eq!(session.record(failed).await.unwrap(), jobs::record(t.db(), failed).await.unwrap());
    assert_eq!(session.list(JobFilter::new()).await.unwrap(), jobs::list(t.db(), JobFilter::new()).await.unwrap());
    assert_eq!(session.messages(failed).await.unwrap(), jobs::messages(t.db(), failed).await.unwrap());
    assert_eq!(session.failed_attempts(failed).await.unwrap(), jobs::failed_attempts(t.db(), failed).await.unwrap());
    assert_eq!(session.schedules().await.unwrap(), cron::list(t.db()).await.unwrap());
    let secret = crate::support::definitions::Send::new("ada").with_pin(4711).schedule(t.db()).await.unwrap();
    assert_eq!(session.record(secret).await.unwrap().parameters, json!({"address": "ada", "pin": HIDDEN}));
}

async fn a_principal_without_a_proper_name_changes_nothing(t: Database) {
    let Jobs { waiting, .. } = schedule(&t).await;
    for bad in ["", " ada", "a\0da", &"a".repeat(201)] {
        let session = acting(&t, Principal::new(bad, Role::Admin));
        assert_eq!(refused(session.cancel(waiting).await), "principal");
        let session = acting(&t, Principal::new("ada", Role::Admin).with_origin(bad));
        assert_eq!(refused(session.pause("mail").await), "origin");
    }
    assert_eq!(jobs::status(t.db(), waiting).await.unwrap(), JobStatus::Scheduled);
    let longest = acting(&t, Principal::new("ä".repeat(200), Role::Admin).with_origin("ö".repeat(200)));
    longest.cancel(waiting).await.unwrap();
    assert_eq!(longest.audit(AuditFilter::new()).await.unwrap().records[0].principal, "ä".repeat(200));
}

/// A worker that polls so rarely that only a wake-up starts a job within the test's time.
fn rarely_polling(t: &Database) -> Running {
    Running::start(Worker::new(t.db().clone()).poll_interval(Duration::from_mins(1)).listen(false))
}

async fn a_job_that_is_retried_is_started_by_a_worker_at_once(t: Database) {
    let session = acting(&t, Principal::new("olga", Role::Admin));
    let worker = rarely_polling(&t);
    let began = Instant::now();
    let first = session.schedule(Add::new(1)).await.unwrap();
    assert_eq!(soon(first.wait(t.db())).await.unwrap(), 2);
    session.retry(first).await.unwrap();
    assert_eq!(soon(first.wait(t.db())).await.unwrap(), 2);
    let later = session.schedule(Add::new(1).with_options(JobOptions::new().delay(Duration::from_hours(1))));
    let later = later.await.unwrap();
    session.run_now(later).await.unwrap();
    assert_eq!(soon(later.wait(t.db())).await.unwrap(), 2);
    session.pause("long-running").await.unwrap();
    let held = session.schedule(Add::new(1)).await.unwrap();
    session.resume("long-running").await.unwrap();
    assert_eq!(soon(held.wait(t.db())).await.unwrap(), 2);
    assert!(began.elapsed() < Duration::from_mins(1), "a poll has started them");
    worker.stop().await;
    assert_eq!(total(&t).await, 3);
}

async fn a_running_job_is_canceled_at_once(t: Database) {
    let session = acting(&t, Principal::new("olga", Role::Admin));
    let gate = Gate::default();
    let worker = Worker::new(t.db().clone()).listen(false).state(gate.clone()).lease(Duration::from_mins(10));
    let worker = Running::start(worker.heartbeat(Duration::from_mins(2)));
    let job = Gated::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let began = Instant::now();
    assert_eq!(session.cancel(job).await.unwrap(), jobs::Cancellation::Requested);
    assert_eq!(soon(jobs::wait(t.db(), job.id())).await.unwrap().status, JobStatus::Canceled);
    assert!(began.elapsed() < Duration::from_mins(1), "a heartbeat has told it");
    worker.stop().await;
}

async fn a_schedule_is_known_to_workers_at_once(t: Database) {
    let session = acting(&t, Principal::new("olga", Role::Admin));
    let worker = rarely_polling(&t);
    let first = session.schedule(Add::new(1)).await.unwrap();
    soon(first.wait(t.db())).await.unwrap();
    let began = Instant::now();
    let fired = async |more_than: i64| {
        soon(async {
            while t.number("SELECT COUNT(*) FROM jobs_cron_firing").await <= more_than {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    session.add_schedule("often", Cron::new("* * * * * *"), Add::new(1)).await.unwrap();
    fired(0).await;
    session.remove_schedule("often").await.unwrap();
    session.add_schedule("yearly", Cron::new("@yearly"), Add::new(2)).await.unwrap();
    let job = session.run_schedule_now("yearly").await.unwrap();
    assert_eq!(soon(jobs::wait(t.db(), job)).await.unwrap().status, JobStatus::Terminated);
    assert!(began.elapsed() < Duration::from_mins(1), "a poll has started them");
    worker.stop().await;
}

async fn a_name_that_no_schedule_can_have_is_refused(t: Database) {
    schedule(&t).await;
    let session = acting(&t, Principal::new("olga", Role::Admin));
    for name in ["nightly ", "night\0ly", ""] {
        for error in [
            session.pause_schedule(name).await.map(drop),
            session.resume_schedule(name).await.map(drop),
            session.run_schedule_now(name).await.map(drop),
            session.remove_schedule(name).await.map(drop),
            session.firings(name).await.map(drop),
        ] {
            assert_eq!(refused(error), "name");
        }
    }
}

async fn sessions_work_in_tasks_of_their_own(t: Database) {
    let Jobs { waiting, failed } = schedule(&t).await;
    let session = acting(&t, Principal::new("ada", Role::Admin));
    let other = session.clone();
    let task = tokio::spawn(async move {
        use Action::{Edit, ManageCron, PauseQueue, RunNow, Schedule, View};
        for action in [View, Schedule, RunNow, Edit, PauseQueue, ManageCron] {
            for result in results(&other, action, Jobs { waiting, failed }).await {
                result.unwrap();
            }
        }
        other.cancel(waiting).await.unwrap();
        other.retry(failed).await.unwrap();
        other.principal().name().to_owned()
    });
    assert_eq!(soon(task).await.unwrap(), session.principal().name());
}
