//! Scheduling a job by the form of its definition.

use axum::http::StatusCode;
use jobs::{Action, AuditAction, AuditFilter, JobFilter, JobId, JobRecord, JobStatus, NamedJob, Principal, Role};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::browser::{Answer, Browser};

cases![
    each_parameter_has_a_field_that_suits_its_type,
    what_is_typed_becomes_a_job_with_its_options,
    what_is_left_empty_is_left_out,
    a_job_without_fields_takes_json,
    lines_and_words_arrive_as_they_were_typed,
    a_value_that_is_stored_as_another_type_can_be_given,
    a_form_may_be_as_large_as_parameters,
    values_are_in_neither_the_address_nor_the_audit,
    a_second_unique_job_is_not_scheduled_and_the_first_is_named,
    a_unique_job_that_replaces_leads_to_the_replaced,
    a_job_is_scheduled_again_with_changes,
    what_a_line_can_not_hold_is_filled_in_as_json,
    who_may_not_see_parameters_does_not_get_them_to_schedule_again,
];

/// Sends the form, and returns the job to which it leads.
async fn scheduled(t: &Database, form: &str) -> JobRecord {
    job_of(t, &Browser::of(t, Role::Admin).post("/schedule-job", form).await).await
}

async fn job_of(t: &Database, answer: &Answer) -> JobRecord {
    let id = answer.leads_to().strip_prefix("job?id=").and_then(|rest| rest.strip_suffix("&done=scheduled"));
    let id = id.unwrap_or_else(|| panic!("{answer:?}")).parse::<JobId>().unwrap();
    jobs::record(t.db(), id).await.unwrap()
}

async fn each_parameter_has_a_field_that_suits_its_type(t: Database) {
    let form = Browser::of(&t, Role::Admin).get("/schedule-job?name=Measure").await.page();
    for text in [
        "<label for=\"parameter0\">what <code class=\"type\">String</code></label>",
        "<input type=\"text\" id=\"parameter0\" name=\"text.what\" value=\"\"",
        "<p>What is measured.</p><p>By default <code>&#34;a stone&#34;</code>.</p>",
        "aria-describedby=\"parameter0-help\"",
        "<input type=\"number\" step=\"1\" id=\"parameter1\" name=\"number.times\"",
        "<input type=\"number\" step=\"any\" id=\"parameter2\" name=\"number.weight\"",
        "<input type=\"checkbox\" id=\"parameter3\" name=\"flag.exact\" value=\"true\" checked",
        "<input type=\"checkbox\" id=\"parameter4\" name=\"flag.loud\" value=\"true\" aria-",
        "<select id=\"parameter5\" name=\"choice.sure\"",
        "<input type=\"text\" id=\"parameter6\" name=\"text.note\"",
        "<textarea id=\"parameter7\" name=\"json.tags\"",
        "<input type=\"password\" id=\"parameter8\" name=\"json.pin\" autocomplete=\"off\"",
        "<textarea id=\"parameter9\" name=\"json.cents\"",
        "<details><summary>Options</summary>",
        "By default scales.",
        "type=\"datetime-local\" id=\"option-at\" name=\"option.at\"",
        "<form method=\"post\" action=\"schedule-job\"",
    ] {
        assert!(form.contains(text), "{text}: {form}");
    }
    assert!(!form.contains(" required>") && !form.contains("1234"), "{form}");
    let demand = Browser::of(&t, Role::Admin).get("/schedule-job?name=Demand").await.page();
    assert!(
        demand.contains("name=\"text.text\" value=\"\" autocomplete=\"off\" spellcheck=\"false\" required"),
        "{demand}"
    );
    assert!(demand.contains("name=\"text.password\" autocomplete=\"off\" required"), "{demand}");
    assert!(demand.contains("<span class=\"required\">required</span>"), "{demand}");
    // Every input has a label.
    for input in demand.split(" id=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0) {
        let is_input = input.starts_with("parameter") || input.starts_with("option-");
        let is_label = demand.contains(&format!("for=\"{input}\""));
        assert!(!is_input || is_label || input.ends_with("-help"), "{input}: {demand}");
    }
}

async fn what_is_typed_becomes_a_job_with_its_options(t: Database) {
    let job = scheduled(
        &t,
        "name=Measure&text.what=a+%26+b&number.times=3&number.weight=1.5&choice.sure=false&text.note=&json.tags=%5B%22a%22%5D\
         &json.pin=99&option.queue=other&option.priority=-5&option.max_attempts=7&option.delay=&option.at=2030-01-02T03%3A04",
    )
    .await;
    assert_eq!((&*job.name, &*job.queue, job.priority, job.max_attempts), ("Measure", "other", -5, 7));
    assert_eq!(job.scheduled_at.to_rfc3339(), "2030-01-02T03:04:00+00:00");
    let expected = json!({
        "what": "a & b", "times": 3, "weight": 1.5, "exact": false, "loud": false, "sure": false, "tags": ["a"], "pin": "•••"
    });
    assert_eq!(job.parameters, expected);
    assert_eq!(jobs::reveal_parameter::<u32>(t.db(), job.id, "pin").await.unwrap(), 99);
    let later = scheduled(&t, "name=Measure&option.delay=1h").await;
    assert_eq!((later.scheduled_at - later.created_at).num_minutes(), 60);
}

async fn what_is_left_empty_is_left_out(t: Database) {
    let job =
        scheduled(&t, "name=Measure&text.what=&number.times=&flag.exact=true&json.tags=+&json.pin=&option.queue=")
            .await;
    assert_eq!((&*job.queue, job.priority, job.max_attempts), ("scales", 3, 2));
    assert_eq!(job.parameters, json!({ "exact": true, "loud": false }));
    assert_eq!(job.status, JobStatus::Scheduled);
}

async fn a_job_without_fields_takes_json(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let form = browser.get("/schedule-job?name=Open").await.page();
    assert!(form.contains("<label for=\"others\">Other parameters</label>"), "{form}");
    let job = scheduled(&t, "name=Open&number.id=7&others=%7B%22color%22%3A%22red%22%7D").await;
    assert_eq!(job.parameters, json!({ "id": 7, "color": "red" }));
    for (others, problem) in [
        ("%7B%22color", "It is not JSON"),
        ("5", "An object is needed"),
        ("%7B%22id%22%3A8%7D", "It is given twice: here and in the other parameters."),
    ] {
        let answer = browser.post("/schedule-job", &format!("name=Open&number.id=7&others={others}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{others}");
        assert!(answer.body.contains(problem) && answer.body.contains("value=\"7\""), "{others}: {}", answer.body);
    }
}

async fn lines_and_words_arrive_as_they_were_typed(t: Database) {
    // As browsers send the ends of lines.
    let job = scheduled(&t, "name=Measure&text.what=one%0D%0Atwo&json.tags=%5B%0D%0A%22a%22%5D").await;
    assert_eq!(job.parameters["what"], "one\ntwo");
    let job = scheduled(&t, "name=Measure&text.what=+5+").await;
    assert_eq!(job.parameters["what"], " 5 ");
}

async fn a_value_that_is_stored_as_another_type_can_be_given(t: Database) {
    let job = scheduled(&t, "name=Measure&json.cents=%22250%22&number.weight=.5").await;
    assert_eq!((&job.parameters["cents"], &job.parameters["weight"]), (&json!("250"), &json!(0.5)));
}

async fn a_form_may_be_as_large_as_parameters(t: Database) {
    // Each byte is sent as three.
    let text = "%26".repeat(1_000_000);
    let job = scheduled(&t, &format!("name=Measure&text.what={text}")).await;
    assert_eq!(job.parameters["what"].as_str().unwrap().len(), 1_000_000);
    let too_much = format!("name=Measure&text.what={}", "%26".repeat(1_060_000));
    let answer = Browser::of(&t, Role::Admin).post("/schedule-job", &too_much).await;
    assert!(answer.body.contains("at most 1048576 are allowed"), "{}", answer.status);
    let far_too_much = format!("name=Measure&text.what={}", "a".repeat(4_000_000));
    let answer = Browser::of(&t, Role::Admin).post("/schedule-job", &far_too_much).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

async fn values_are_in_neither_the_address_nor_the_audit(t: Database) {
    let answer =
        Browser::of(&t, Role::Admin).post("/schedule-job", "name=Measure&text.what=marble&json.pin=4711").await;
    assert!(!answer.leads_to().contains("marble") && !answer.leads_to().contains("4711"), "{answer:?}");
    let job = job_of(&t, &answer).await;
    let session = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin));
    let rows = session.audit(AuditFilter::new()).await.unwrap().records;
    assert_eq!((rows.len(), rows[0].action, rows[0].job), (1, AuditAction::Schedule, Some(job.id)));
    assert_eq!((&*rows[0].principal, rows[0].subject.as_deref()), ("ada", Some("Measure")));
    let texts = format!("{rows:?}");
    assert!(!texts.contains("marble") && !texts.contains("4711"), "{texts}");
    let page = Browser::of(&t, Role::Admin).get(&format!("/{}", answer.leads_to())).await.page();
    assert!(page.contains("The job is scheduled.") && !page.contains("4711"), "{page}");
}

async fn a_second_unique_job_is_not_scheduled_and_the_first_is_named(t: Database) {
    let first = scheduled(&t, "name=Single&text.name=one").await;
    let answer = Browser::of(&t, Role::Admin).post("/schedule-job", "name=Single&text.name=one").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    assert!(answer.body.contains(&format!("<a href=\"job?id={}\">", first.id)), "{}", answer.body);
    assert!(answer.body.contains("nothing was scheduled") && answer.body.contains("value=\"one\""), "{}", answer.body);
    assert_eq!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().total(), 1);
}

async fn a_unique_job_that_replaces_leads_to_the_replaced(t: Database) {
    let first = scheduled(&t, "name=Latest&text.name=one&number.number=1").await;
    let second = scheduled(&t, "name=Latest&text.name=one&number.number=2").await;
    assert_eq!((second.id, &second.parameters["number"]), (first.id, &json!(2)));
}

async fn a_job_is_scheduled_again_with_changes(t: Database) {
    let parameters =
        json!({ "thing": "a \"b\"\nc", "times": 3, "exact": false, "note": null, "tags": ["x"], "pin": 4711 });
    let job = NamedJob::new("Measure", parameters).schedule(t.db()).queue("other").await.unwrap().id();
    let form = Browser::of(&t, Role::Admin).get(&format!("/schedule-again?id={job}")).await.page();
    for text in [
        &format!("As <a href=\"job?id={job}\">job {job}</a> was given. Secrets are not copied."),
        "name=\"text.what\" rows=\"3\"",
        ">\na &#34;b&#34;\nc</textarea>",
        "name=\"number.times\" value=\"3\"",
        "name=\"flag.exact\" value=\"true\" aria-",
        "name=\"text.note\" value=\"\"",
        "[\n  &#34;x&#34;\n]</textarea>",
        "name=\"json.pin\" autocomplete=\"off\" aria-",
        "<details open><summary>Options</summary>",
        "name=\"option.queue\" value=\"other\"",
        "name=\"option.priority\" value=\"\"",
    ] {
        assert!(form.contains(text), "{text}: {form}");
    }
    assert!(!form.contains("4711"), "{form}");
}

async fn what_a_line_can_not_hold_is_filled_in_as_json(t: Database) {
    let parameters = json!({ "what": "", "note": "a\rb", "unknown": [1] });
    let job = NamedJob::new("Measure", parameters).schedule(t.db()).await.unwrap().id();
    let form = Browser::of(&t, Role::Admin).get(&format!("/schedule-again?id={job}")).await.page();
    for text in [
        "name=\"json.what\"",
        ">\n&#34;&#34;</textarea>",
        "name=\"json.note\"",
        "&#34;a\\rb&#34;</textarea>",
        // What the definition no longer has.
        "name=\"others\"",
        "&#34;unknown&#34;: [",
    ] {
        assert!(form.contains(text), "{text}: {form}");
    }
    let again =
        scheduled(&t, "name=Measure&json.what=%22%22&json.note=%22a%5Crb%22&others=%7B%22unknown%22%3A%5B1%5D%7D")
            .await;
    let expected = json!({ "what": "", "note": "a\rb", "unknown": [1], "exact": false, "loud": false });
    assert_eq!(again.parameters, expected);
}

async fn who_may_not_see_parameters_does_not_get_them_to_schedule_again(t: Database) {
    let job = NamedJob::new("Measure", json!({ "what": "marble" })).schedule(t.db()).await.unwrap().id();
    let grace = Principal::new("grace", Role::Viewer).allow(Action::Schedule);
    let browser = Browser::of_principal(&t, grace);
    let answer = browser.get(&format!("/schedule-again?id={job}")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(!answer.body.contains("marble") && answer.body.contains("Grace may not see"), "{}", answer.body);
    assert!(!browser.get(&format!("/job?id={job}")).await.page().contains("schedule-again"));
    // It is filled in by hand.
    browser.get("/schedule-job?name=Measure").await.page();
}
