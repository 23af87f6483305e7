//! Adding a schedule by the form of its job.

use axum::http::StatusCode;
use jobs::cron::{self, Cron, CronRecord};
use jobs::{Action, AuditAction, AuditFilter, NamedJob, Principal, Role};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::schedule_mistakes::told;
use crate::support::browser::{Answer, Browser};

cases![
    a_schedule_is_added_with_its_job_and_told,
    what_is_left_empty_is_what_is_usual,
    the_form_asks_for_the_times_and_for_what_the_job_is_given,
    a_job_whose_definition_is_elsewhere_takes_json,
    each_mistake_is_told_beside_its_field_and_nothing_is_added,
    a_schedule_that_exists_stays_as_it_is,
    who_may_not_schedule_a_job_adds_no_schedule,
    a_job_that_replaces_others_also_takes_the_right_to_change_them,
    values_are_in_neither_the_address_nor_the_audit,
    no_schedule_is_added_from_elsewhere,
];

async fn add(t: &Database, form: &str) -> Answer {
    Browser::of(t, Role::Admin).post("/add-schedule", form).await
}

async fn schedules(t: &Database) -> Vec<CronRecord> {
    cron::list(t.db()).await.unwrap()
}

async fn a_schedule_is_added_with_its_job_and_told(t: Database) {
    let answer = add(
        &t,
        "job=Measure&schedule.name=each+%26+every&schedule.cron=0+3+*+*+MON-FRI&schedule.timezone=Europe%2FParis\
         &schedule.missed=all%285%29&text.what=marble&number.times=3&json.pin=4711&option.queue=other&option.delay=1h",
    )
    .await;
    let page = Browser::of(&t, Role::Admin).get(&format!("/{}", answer.leads_to())).await.page();
    assert!(page.contains("role=\"status\">Schedule each &#38; every is added.</p>"), "{page}");
    let added = schedules(&t).await.remove(0);
    assert_eq!((&*added.name, &*added.job, &*added.expression), ("each & every", "Measure", "0 3 * * MON-FRI"));
    assert_eq!((&*added.timezone, added.missed), ("Europe/Paris", cron::Missed::All(5)));
    assert_eq!((&added.parameters["what"], &added.parameters["times"]), (&json!("marble"), &json!(3)));
    assert_eq!(added.secrets, ["pin"]);
    let job = jobs::record(t.db(), cron::run_now(t.db(), "each & every").await.unwrap()).await.unwrap();
    assert_eq!((&*job.queue, (job.scheduled_at - job.created_at).num_minutes()), ("other", 60));
    assert_eq!(jobs::reveal_parameter::<u32>(t.db(), job.id, "pin").await.unwrap(), 4711);
    // A link can't say so later.
    let past = t.seconds_from_now(-120);
    t.execute(&format!("UPDATE jobs_cron SET created_at = {past}")).await;
    let page = Browser::of(&t, Role::Admin).get(&format!("/{}", answer.leads_to())).await.page();
    assert!(!page.contains("role=\"status\""), "{page}");
}

async fn what_is_left_empty_is_what_is_usual(t: Database) {
    add(&t, "job=Talk&schedule.name=often&schedule.cron=%40hourly&schedule.timezone=&schedule.missed=&text.end=well")
        .await
        .leads_to();
    let added = schedules(&t).await.remove(0);
    assert_eq!((&*added.timezone, added.missed, added.options), ("UTC", cron::Missed::Once, jobs::JobOptions::new()));
}

async fn the_form_asks_for_the_times_and_for_what_the_job_is_given(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let empty = browser.get("/cron").await.page();
    assert!(empty.contains("<a class=\"button primary\" href=\"add-schedule\">Add…</a>"), "{empty}");
    let choice = browser.get("/add-schedule").await.page();
    assert!(choice.contains("<option value=\"Measure\">") && choice.contains("<label for=\"job\">"), "{choice}");
    let form = browser.get("/add-schedule?job=Measure").await.page();
    for text in [
        "<h1>Add a schedule of Measure</h1>",
        "<p>Measures `something`.</p>",
        "<form method=\"post\" action=\"add-schedule\"",
        "<input type=\"hidden\" name=\"job\" value=\"Measure\">",
        "<label for=\"schedule-name\">Name</label>",
        "id=\"schedule-cron\" name=\"schedule.cron\" value=\"\"",
        "name=\"schedule.timezone\"",
        "name=\"schedule.missed\"",
        "name=\"text.what\"",
        "name=\"option.delay\"",
    ] {
        assert!(form.contains(text), "{text}: {form}");
    }
    // A schedule says when its jobs are due.
    assert!(!form.contains("option.at"), "{form}");
}

async fn a_job_whose_definition_is_elsewhere_takes_json(t: Database) {
    let form = Browser::of(&t, Role::Admin).get("/add-schedule?job=Else%3Cb%3E").await.page();
    assert!(form.contains("<label for=\"others\">Parameters</label>") && form.contains("Else&#60;b&#62;"), "{form}");
    let others = "%7B%22width%22%3A64%2C%22token%22%3A%7B%22%24secret%22%3A%22hush%22%7D%7D";
    add(&t, &format!("job=Elsewhere&schedule.name=far&schedule.cron=%40daily&others={others}")).await.leads_to();
    let added = schedules(&t).await.remove(0);
    assert_eq!((&*added.job, &added.parameters["width"]), ("Elsewhere", &json!(64)));
    assert_eq!(added.secrets, ["token"]);
}

async fn each_mistake_is_told_beside_its_field_and_nothing_is_added(t: Database) {
    let times = "schedule.name=a&schedule.cron=%40daily";
    for (form, field, problem) in [
        ("job=Talk&text.end=well&schedule.cron=%40daily".to_owned(), "schedule.name", "It is required."),
        ("job=Talk&text.end=well&schedule.name=a".to_owned(), "schedule.cron", "It is required."),
        (
            "job=Talk&text.end=well&schedule.name=a%09b&schedule.cron=%40daily".to_owned(),
            "schedule.name",
            "It contains a control character.",
        ),
        ("job=Talk&text.end=well&schedule.name=a&schedule.cron=0+25+*+*+*".to_owned(), "schedule.cron", "25"),
        (
            format!("job=Talk&text.end=well&{times}&schedule.timezone=Paris"),
            "schedule.timezone",
            "`Paris` is not a time zone",
        ),
        (format!("job=Talk&text.end=well&{times}&schedule.missed=all"), "schedule.missed", "`all` is none of"),
        (format!("job=Talk&{times}"), "text.end", "It is required."),
        (format!("job=Measure&{times}&number.times=wide"), "number.times", "A number is needed."),
        (format!("job=Measure&{times}&option.priority=101"), "option.priority", "101 is not between −100 and 100."),
    ] {
        let answer = add(&t, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}: {}", answer.body);
        assert!(told(&answer.body, field).contains(problem), "{form}: {}", answer.body);
        assert_eq!(schedules(&t).await, [], "{form}");
    }
    // All at once; what was typed stays, but for secrets.
    let page =
        add(&t, "job=Measure&schedule.name=&schedule.cron=never&schedule.missed=all&number.times=x&json.pin=4711")
            .await
            .body;
    for field in ["schedule.name", "schedule.cron", "schedule.missed", "number.times"] {
        told(&page, field);
    }
    assert!(page.contains("Nothing was added:") && page.contains("value=\"never\""), "{page}");
    assert!(!page.contains("4711"), "{page}");
}

async fn a_schedule_that_exists_stays_as_it_is(t: Database) {
    let job = NamedJob::new("Talk", json!({ "end": "well" }));
    cron::add(t.db(), "nightly", Cron::new("0 3 * * *"), job).await.unwrap();
    let before = schedules(&t).await;
    let answer = add(&t, "job=Talk&text.end=x&schedule.name=nightly&schedule.cron=%40daily").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    assert!(told(&answer.body, "schedule.name").contains("There is a schedule named `nightly` already"));
    assert_eq!(schedules(&t).await, before);
}

async fn who_may_not_schedule_a_job_adds_no_schedule(t: Database) {
    let form = "job=Talk&text.end=well&schedule.name=a&schedule.cron=%40daily";
    for (principal, lacks) in [
        (Principal::new("grace", Role::Admin).deny(Action::Schedule), "schedule jobs"),
        (Principal::new("grace", Role::Admin).deny(Action::ManageCron), "change or run schedules"),
    ] {
        let browser = Browser::of_principal(&t, principal);
        assert!(!browser.get("/cron").await.page().contains("add-schedule"));
        for answer in [browser.get("/add-schedule?job=Talk").await, browser.post("/add-schedule", form).await] {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
            assert!(answer.body.contains(&format!("Grace may not {lacks}")), "{}", answer.body);
        }
    }
    assert_eq!(schedules(&t).await, []);
}

async fn a_job_that_replaces_others_also_takes_the_right_to_change_them(t: Database) {
    let form = "job=Latest&text.name=one&schedule.name=latest&schedule.cron=%40daily";
    let browser = Browser::of_principal(&t, Principal::new("grace", Role::Admin).deny(Action::Edit));
    let refused = browser.post("/add-schedule", form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    assert_eq!(schedules(&t).await, []);
    add(&t, form).await.leads_to();
    let refused = browser.post("/run-schedule", "name=latest").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    assert!(refused.body.contains("Grace may not change parameters of jobs"), "{}", refused.body);
    assert_eq!(cron::history(t.db(), "latest").await.unwrap(), []);
}

async fn values_are_in_neither_the_address_nor_the_audit(t: Database) {
    let answer = add(&t, "job=Measure&schedule.name=a&schedule.cron=%40daily&text.what=marble&json.pin=4711").await;
    assert_eq!(answer.leads_to(), "cron?done=added&name=a");
    let session = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin));
    let rows = session.audit(AuditFilter::new()).await.unwrap().records;
    assert_eq!((rows.len(), rows[0].action, rows[0].subject.as_deref()), (1, AuditAction::AddSchedule, Some("a")));
    let texts = format!("{rows:?}");
    assert!(!texts.contains("marble") && !texts.contains("4711"), "{texts}");
}

async fn no_schedule_is_added_from_elsewhere(t: Database) {
    let form = "job=Talk&text.end=well&schedule.name=a&schedule.cron=%40daily";
    let browser = Browser::of(&t, Role::Admin);
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[("sec-fetch-site", "same-site")], &[("origin", "null")]]
    {
        let answer = browser.post_with("/add-schedule", form, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}: {}", answer.body);
    }
    assert_eq!(schedules(&t).await, []);
}
