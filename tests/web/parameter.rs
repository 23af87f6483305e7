//! Changing a parameter of a job that waits.

use axum::http::StatusCode;
use jobs::{Action, AuditAction, AuditFilter, JobId, NamedJob, Principal, Role};
use jobs_tests::{Database, cases};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::definitions::ended;

cases![
    a_parameter_is_changed_and_the_audit_has_its_name_alone,
    a_mistake_is_told_beside_the_field_and_nothing_is_changed,
    a_parameter_of_a_job_whose_definition_is_elsewhere_is_changed_too,
    a_secret_is_changed_unseen_and_never_emptied,
    an_optional_parameter_is_emptied_and_a_text_may_be_empty,
    only_a_job_that_waits_is_changed,
    what_does_not_exist_is_not_changed,
    an_error_about_another_parameter_does_not_quote_it,
    only_who_may_change_is_offered_it,
];

async fn measure(t: &Database, parameters: Value) -> JobId {
    NamedJob::new("Measure", parameters).schedule(t.db()).await.unwrap().id()
}

async fn parameters(t: &Database, id: JobId) -> Value {
    jobs::record(t.db(), id).await.unwrap().parameters
}

async fn a_parameter_is_changed_and_the_audit_has_its_name_alone(t: Database) {
    let id = measure(&t, json!({ "what": "marble", "times": 3 })).await;
    let browser = Browser::of(&t, Role::Admin);
    let job = browser.get(&format!("/job?id={id}")).await.page();
    assert!(job.contains(&format!("href=\"parameter?id={id}&amp;name=what\"")), "{job}");
    let form = browser.get(&format!("/parameter?id={id}&name=what")).await.page();
    for text in ["<h1>Change what</h1>", "name=\"text.what\" value=\"marble\"", "<p>What is measured.</p>"] {
        assert!(form.contains(text), "{text}: {form}");
    }
    let answer = browser.post("/parameter", &format!("id={id}&name=what&text.what=granite")).await;
    assert_eq!(answer.leads_to(), format!("job?id={id}&done=changed"));
    assert_eq!(parameters(&t, id).await, json!({ "what": "granite", "times": 3 }));
    let session = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin));
    let rows = session.audit(AuditFilter::new()).await.unwrap().records;
    assert_eq!(
        (rows.len(), rows[0].action, &rows[0].changed[..]),
        (1, AuditAction::SetParameter, &["what".to_owned()][..])
    );
    assert!(!format!("{rows:?}").contains("granite"), "{rows:?}");
    let page = browser.get(&format!("/{}", answer.leads_to())).await.page();
    assert!(page.contains("The parameter is changed."), "{page}");
}

async fn a_mistake_is_told_beside_the_field_and_nothing_is_changed(t: Database) {
    let id = measure(&t, json!({ "times": 3, "tags": ["a"], "sure": true })).await;
    let browser = Browser::of(&t, Role::Admin);
    for (name, field, typed, problem) in [
        ("times", "number.times", "wide", "A number is needed."),
        ("times", "number.times", "256", "Invalid value: integer `256`, expected u8."),
        ("times", "number.times", "", "A value is needed."),
        ("tags", "json.tags", "%5B1%5D", "Invalid type: integer `1`, expected a string."),
        ("sure", "choice.sure", "maybe", "Yes or no is needed."),
    ] {
        let answer = browser.post("/parameter", &format!("id={id}&name={name}&{field}={typed}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}={typed}");
        let told = format!("<p class=\"wrong\" id=\"parameter0-problem\">{problem}</p>");
        assert!(answer.body.contains(&told), "{name}={typed}: {}", answer.body);
        assert!(answer.body.contains("Nothing was changed:"), "{}", answer.body);
    }
    assert_eq!(parameters(&t, id).await, json!({ "times": 3, "tags": ["a"], "sure": true }));
    assert_eq!(
        jobs::acting_as(t.db(), Principal::new("ada", Role::Admin)).audit(AuditFilter::new()).await.unwrap().records,
        []
    );
}

async fn a_parameter_of_a_job_whose_definition_is_elsewhere_is_changed_too(t: Database) {
    let given = json!({ "text": "a", "number": 1, "list": [1, 2], "flag": true });
    let id = NamedJob::new("Unknown", given).schedule(t.db()).await.unwrap().id();
    let browser = Browser::of(&t, Role::Admin);
    for (name, field, typed) in
        [("text", "text.text", "5"), ("number", "number.number", "2.5"), ("list", "json.list", "%7B%22a%22%3A1%7D")]
    {
        let form = browser.get(&format!("/parameter?id={id}&name={name}")).await.page();
        assert!(form.contains(&format!("name=\"{field}\"")), "{form}");
        browser.post("/parameter", &format!("id={id}&name={name}&{field}={typed}")).await.leads_to();
    }
    // A box that is not ticked is not sent.
    browser.post("/parameter", &format!("id={id}&name=flag")).await.leads_to();
    let expected = json!({ "text": "5", "number": 2.5, "list": { "a": 1 }, "flag": false });
    assert_eq!(parameters(&t, id).await, expected);
}

async fn a_secret_is_changed_unseen_and_never_emptied(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let unknown = json!({ "pin": { "$secret": 4711 } });
    let unknown = NamedJob::new("Unknown", unknown).schedule(t.db()).await.unwrap().id();
    for id in [measure(&t, json!({ "pin": 4711 })).await, unknown] {
        let form = browser.get(&format!("/parameter?id={id}&name=pin")).await.page();
        assert!(form.contains("<input type=\"password\"") && form.contains("autocomplete=\"off\""), "{form}");
        assert!(!form.contains("4711") && !form.contains("•••"), "{form}");
        for typed in ["", "+", "%7B"] {
            let answer = browser.post("/parameter", &format!("id={id}&name=pin&json.pin={typed}")).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}: {}", answer.body);
        }
        assert_eq!(jobs::reveal_parameter::<u32>(t.db(), id, "pin").await.unwrap(), 4711);
        browser.post("/parameter", &format!("id={id}&name=pin&json.pin=815")).await.leads_to();
        assert_eq!(jobs::reveal_parameter::<u32>(t.db(), id, "pin").await.unwrap(), 815);
        assert_eq!(parameters(&t, id).await, json!({ "pin": "•••" }));
    }
}

async fn an_optional_parameter_is_emptied_and_a_text_may_be_empty(t: Database) {
    let id = measure(&t, json!({ "what": "a", "note": "b", "sure": true })).await;
    let browser = Browser::of(&t, Role::Admin);
    for (name, field) in [("what", "text.what"), ("note", "text.note"), ("sure", "choice.sure")] {
        browser.post("/parameter", &format!("id={id}&name={name}&{field}=")).await.leads_to();
    }
    assert_eq!(parameters(&t, id).await, json!({ "what": "", "note": null, "sure": null }));
}

async fn only_a_job_that_waits_is_changed(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let id = ended(&t, "well").await;
    assert!(!browser.get(&format!("/job?id={id}")).await.page().contains("href=\"parameter?"));
    for status in [1, 4] {
        t.execute(&format!("UPDATE jobs_job SET status = {status} WHERE id = {id}")).await;
        let answer = browser.get(&format!("/parameter?id={id}&name=end")).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{status}: {}", answer.body);
        let answer = browser.post("/parameter", &format!("id={id}&name=end&text.end=other")).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{status}: {}", answer.body);
    }
    assert_eq!(parameters(&t, id).await["end"], "well");
}

async fn what_does_not_exist_is_not_changed(t: Database) {
    let id = measure(&t, json!({ "times": 3 })).await;
    let browser = Browser::of(&t, Role::Admin);
    for (form, status) in [
        (format!("id={id}&name=weight&number.weight=1"), StatusCode::BAD_REQUEST),
        ("name=times&number.times=1".to_owned(), StatusCode::BAD_REQUEST),
        ("id=x&name=times&number.times=1".to_owned(), StatusCode::BAD_REQUEST),
        ("id=999999999&name=times&number.times=1".to_owned(), StatusCode::NOT_FOUND),
        (format!("id={id}&name=times&number.times=%00"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(browser.post("/parameter", &form).await.status, status, "{form}");
    }
    assert_eq!(parameters(&t, id).await, json!({ "times": 3 }));
}

async fn an_error_about_another_parameter_does_not_quote_it(t: Database) {
    let id = measure(&t, json!({ "times": 3, "weight": 1.5 })).await;
    t.execute(&format!("UPDATE jobs_job SET parameters = '{{\"times\": 3, \"weight\": \"marble\"}}' WHERE id = {id}"))
        .await;
    let change = format!("id={id}&name=times&number.times=4");
    let answer = Browser::of(&t, Role::Admin).post("/parameter", &change).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("weight: Invalid type: string &#34;marble&#34;, expected f64."), "{}", answer.body);
    let grace = Principal::new("grace", Role::Viewer).allow(Action::Edit);
    let browser = Browser::of_principal(&t, grace);
    let answer = browser.post("/parameter", &change).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("`weight` does not decode.") && !answer.body.contains("marble"), "{}", answer.body);
    // Nor is the value shown that is to be changed.
    let form = browser.get(&format!("/parameter?id={id}&name=times")).await.page();
    assert!(form.contains("name=\"number.times\" value=\"\""), "{form}");
}

async fn only_who_may_change_is_offered_it(t: Database) {
    let id = measure(&t, json!({ "times": 3 })).await;
    for (role, offered) in [(Role::Viewer, false), (Role::Operator, false), (Role::Admin, true)] {
        let page = Browser::of(&t, role).get(&format!("/job?id={id}")).await.page();
        assert_eq!(page.contains("href=\"parameter?"), offered, "{role}: {page}");
    }
}
