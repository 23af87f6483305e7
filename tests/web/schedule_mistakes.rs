//! Mistakes in the form of a definition: each is told where it was made, and what was typed stays, but for secrets.

use axum::http::StatusCode;
use jobs::{JobFilter, Role};
use jobs_tests::{Database, cases};

use crate::support::browser::Browser;

cases![
    each_mistake_is_told_beside_its_field,
    what_was_typed_stays_and_secrets_do_not,
    several_mistakes_are_told_at_once,
    a_secret_that_does_not_decode_is_not_quoted,
    a_secret_among_other_parameters_is_not_shown_again,
    an_option_that_has_the_name_of_a_parameter_is_told_apart,
    nothing_is_scheduled_from_elsewhere,
];

/// What stands beside the field with this name.
#[track_caller]
pub(crate) fn told<'p>(page: &'p str, field: &str) -> &'p str {
    let (before, after) = page.split_once(&format!("name=\"{field}\"")).unwrap_or_else(|| panic!("no {field}: {page}"));
    let (_, id) = before.rsplit_once("id=\"").unwrap();
    let id = id.split_once('"').unwrap().0;
    let (_, problem) = after
        .split_once(&format!("<p class=\"wrong\" id=\"{id}-problem\">"))
        .unwrap_or_else(|| panic!("{field} is not wrong: {page}"));
    // Who can't see it is told, too.
    assert!(after.contains(&format!("aria-describedby=\"{id}-problem")), "{page}");
    problem.split_once("</p>").unwrap().0
}

async fn refused(t: &Database, form: &str) -> String {
    let answer = Browser::of(t, Role::Admin).post("/schedule-job", form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}: {}", answer.body);
    assert_eq!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().total(), 0, "{form}");
    answer.body
}

async fn each_mistake_is_told_beside_its_field(t: Database) {
    for (form, field, problem) in [
        ("name=Measure&number.times=wide", "number.times", "A number is needed."),
        ("name=Measure&number.times=256", "number.times", "Invalid value: integer `256`, expected u8."),
        ("name=Measure&number.times=1.5", "number.times", "Invalid type: floating point `1.5`, expected u8."),
        ("name=Measure&choice.sure=maybe", "choice.sure", "Yes or no is needed."),
        ("name=Measure&json.tags=%5B1", "json.tags", "It is not JSON: EOF while parsing a list at line 1 column 2."),
        ("name=Measure&json.tags=%5B1%5D", "json.tags", "Invalid type: integer `1`, expected a string."),
        ("name=Measure&json.tags=red", "json.tags", "Invalid type: string &#34;red&#34;, expected a sequence."),
        (
            "name=Measure&json.note=%22a%5Cu0000b%22",
            "json.note",
            "It contains a NUL character, which databases can&#39;t store.",
        ),
        ("name=Demand&number.number=1&text.password=a&json.pin=1&number.queue=1", "text.text", "It is required."),
        ("name=Measure&option.queue=+a%09b", "option.queue", "It contains a control character."),
        ("name=Measure&option.priority=high", "option.priority", "A whole number is needed, −100 to 100."),
        ("name=Measure&option.priority=101", "option.priority", "101 is not between −100 and 100."),
        ("name=Measure&option.max_attempts=0", "option.max_attempts", "0 is not between 1 and 32767."),
        (
            "name=Measure&option.delay=soon",
            "option.delay",
            "`soon` is not a duration: write numbers with d, h, m, s or ms, such as 10m or 1h30m",
        ),
        ("name=Measure&option.at=tomorrow", "option.at", "A time is needed, such as 2026-11-28T10:30."),
        ("name=Measure&option.delay=1h&option.at=2030-01-01T10%3A00", "option.at", "Give either a delay or a time."),
        (
            "name=Measure&option.at=1903-01-01T10%3A00",
            "option.at",
            "1903-01-01 10:00:00 UTC is not between the years 1970 and 9000.",
        ),
    ] {
        assert_eq!(told(&refused(&t, form).await, field), problem, "{form}");
    }
}

async fn what_was_typed_stays_and_secrets_do_not(t: Database) {
    let page = refused(
        &t,
        "name=Measure&text.what=mar%22ble&number.times=wide&flag.loud=true&choice.sure=false&text.note=one%0D%0Atwo&json.tags=%5B1\
         &json.pin=4711&option.queue=other&option.delay=1h",
    )
    .await;
    for text in [
        "name=\"text.what\" value=\"mar&#34;ble\"",
        "name=\"number.times\" value=\"wide\"",
        "name=\"flag.exact\" value=\"true\" aria-",
        "name=\"flag.loud\" value=\"true\" checked",
        "<option value=\"false\" selected>no</option>",
        "one\r\ntwo</textarea>",
        ">\n[1</textarea>",
        "name=\"option.queue\" value=\"other\"",
        "name=\"option.delay\" value=\"1h\"",
        "<details open>",
        "What is secret has to be typed again.",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("4711"), "{page}");
}

async fn several_mistakes_are_told_at_once(t: Database) {
    let page = refused(&t, "name=Demand&number.number=x&text.password=&option.priority=high").await;
    for field in ["text.text", "number.number", "text.password", "json.pin", "number.queue", "option.priority"] {
        told(&page, field);
    }
}

async fn a_secret_that_does_not_decode_is_not_quoted(t: Database) {
    let rest = "name=Demand&text.text=a&number.number=1&number.queue=1&text.password=hush";
    for secret in ["999999", "sesame", "%7B%22sesame", "%22sesame%22", "%5B%22sesame%22%5D"] {
        let page = refused(&t, &format!("{rest}&json.pin={secret}")).await;
        told(&page, "json.pin");
        for quoted in ["999999", "sesame", "hush"] {
            assert!(!page.contains(quoted), "{secret}: {page}");
        }
    }
}

async fn a_secret_among_other_parameters_is_not_shown_again(t: Database) {
    let rest = "name=Demand&text.text=a&number.number=x";
    for others in [
        // By its name, by a mark, and where it can't be told.
        "%7B%22password%22%3A%22sesame%22%2C%22open%22%3A1%7D",
        "%7B%22token%22%3A%7B%22%24secret%22%3A%22sesame%22%7D%7D",
        "%7B%22password%22%3A%22sesame",
    ] {
        let page = refused(&t, &format!("{rest}&others={others}")).await;
        assert!(!page.contains("sesame"), "{others}: {page}");
    }
    let page = refused(&t, "name=Open&number.id=x&others=%7B%22token%22%3A%7B%22%24secret%22%3A%22sesame").await;
    assert!(!page.contains("sesame"), "{page}");
    let page = refused(&t, "name=Open&number.id=x&others=%7B%22open%22%3A1%7D").await;
    assert!(page.contains("{&#34;open&#34;:1}"), "{page}");
}

async fn an_option_that_has_the_name_of_a_parameter_is_told_apart(t: Database) {
    let rest = "name=Demand&text.text=a&number.number=1&text.password=a&json.pin=1";
    let page = refused(&t, &format!("{rest}&number.queue=-1")).await;
    assert!(told(&page, "number.queue").contains("expected u8"), "{page}");
    assert!(!page.contains("id=\"option-queue-problem\""), "{page}");
    let page = refused(&t, &format!("{rest}&number.queue=1&option.queue=a%09b")).await;
    assert_eq!(told(&page, "option.queue"), "It contains a control character.");
    assert_eq!(page.matches("class=\"wrong\"").count(), 1, "{page}");
}

async fn nothing_is_scheduled_from_elsewhere(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[("cookie", "session=1")], &[("origin", "null")]] {
        for (path, form) in [("/schedule-job", "name=Measure"), ("/parameter", "id=1&name=what&text.what=a")] {
            let answer = browser.post_with(path, form, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {}", answer.body);
        }
    }
    assert_eq!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().total(), 0);
}
