//! The list: filters, what is wrong with them, counts and pages.

use axum::http::StatusCode;
use jobs::{JobId, Role};
use jobs_tests::{Database, cases};

use crate::support::browser::Browser;
use crate::support::definitions::{Talk, ended, later, unserved};

cases![
    a_filter_selects_and_counts,
    a_mistake_is_shown_at_its_word,
    conditions_on_what_is_hidden_are_refused_in_the_page,
    pages_lead_from_the_newest_to_the_oldest_job,
    an_empty_list_says_what_to_do,
    every_tab_of_the_longest_filter_leads_to_a_page,
];

/// The jobs of a page, in order.
pub(crate) fn listed(page: &str) -> Vec<i64> {
    let cells = page.split("<td class=\"id\" data-label=\"Job\"><a href=\"job?id=").skip(1);
    cells.map(|rest| rest.split_once('"').unwrap().0.parse().unwrap()).collect()
}

/// The counts of the tabs: all, and each status.
fn counted(page: &str) -> Vec<String> {
    let tabs = page.split("<span class=\"count\">").skip(1);
    tabs.map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
}

async fn a_filter_selects_and_counts(t: Database) {
    let failed = ended(&t, "it went wrong").await;
    let (waits, other) = (later(&t).await, unserved(&t).await);
    let browser = Browser::of(&t, Role::Operator);
    for (filter, expected, counts) in [
        ("", vec![other, waits, failed], ["3", "2", "0", "0", "1", "0"]),
        ("status%3Afailed", vec![failed], ["3", "2", "0", "0", "1", "0"]),
        ("name%3ATalk", vec![waits, failed], ["2", "1", "0", "0", "1", "0"]),
        ("name%3ATalk+status%3Ascheduled", vec![waits], ["2", "1", "0", "0", "1", "0"]),
        ("error%3Awrong", vec![failed], ["1", "0", "0", "0", "1", "0"]),
        ("is%3Aunserved", vec![other], ["1", "1", "0", "0", "0", "0"]),
    ] {
        let page = browser.get(&format!("/jobs?filter={filter}")).await.page();
        assert_eq!(listed(&page), expected.into_iter().map(JobId::get).collect::<Vec<_>>(), "{filter}");
        assert_eq!(counted(&page), counts, "{filter}");
    }
    let page = browser.get("/jobs?filter=status%3Afailed").await.page();
    assert!(page.contains("<span class=\"error\">it went wrong</span>"), "{page}");
    assert!(page.contains("value=\"status:failed\""), "{page}");
    assert!(page.contains("href=\"jobs?filter=status%3Afailed\" aria-current=\"true\""), "{page}");
}

async fn a_mistake_is_shown_at_its_word(t: Database) {
    let browser = Browser::of(&t, Role::Viewer);
    let answer = browser.get("/jobs?filter=queue%3Aimages+staus%3Afailed+name%3AA").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let shown = "<span>queue:images </span><mark>staus</mark><span>:failed name:A</span>";
    assert!(answer.body.contains(shown), "{}", answer.body);
    assert!(answer.body.contains("did you mean"), "{}", answer.body);
    assert!(answer.body.contains("value=\"queue:images staus:failed name:A\""), "{}", answer.body);
    let answer = browser.get("/jobs?filter=key%3Aacme").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("name:"), "{}", answer.body);
}

async fn conditions_on_what_is_hidden_are_refused_in_the_page(t: Database) {
    ended(&t, "it went wrong").await;
    for filter in ["error%3Awrong", "end%3Awell", "name%3ATalk+key%3Aacme"] {
        let answer = Browser::of(&t, Role::Viewer).get(&format!("/jobs?filter={filter}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{filter}");
        assert!(answer.body.contains("ada may not see or search"), "{}", answer.body);
        assert!(listed(&answer.body).is_empty() && counted(&answer.body).is_empty(), "{}", answer.body);
    }
}

async fn pages_lead_from_the_newest_to_the_oldest_job(t: Database) {
    let scheduled = jobs::schedule_all(t.db(), (0..120).map(|_| Talk::new("well"))).await.unwrap();
    let mut expected: Vec<_> = scheduled.iter().map(|job| job.id().get()).collect();
    expected.reverse();
    let browser = Browser::of(&t, Role::Viewer);
    let (mut found, mut address) = (Vec::new(), "/jobs?filter=name%3ATalk".to_owned());
    for page in 1.. {
        let body = browser.get(&address).await.page();
        assert_eq!(body.contains(">Newest</a>"), page > 1, "page {page}");
        found.extend(listed(&body));
        let Some((before, _)) = body.split_once("\">Older</a>") else { break };
        let (_, link) = before.rsplit_once("href=\"").unwrap();
        address = format!("/{}", link.replace("&amp;", "&"));
    }
    assert_eq!(found, expected);
}

async fn an_empty_list_says_what_to_do(t: Database) {
    let browser = Browser::of(&t, Role::Viewer);
    assert!(browser.get("/jobs").await.page().contains("There are no jobs yet."));
    assert!(browser.get("/jobs?filter=name%3AX").await.page().contains("No job matches."));
}

async fn every_tab_of_the_longest_filter_leads_to_a_page(t: Database) {
    let browser = Browser::of(&t, Role::Viewer);
    // As many words as a filter may have.
    let filter: Vec<_> = (1..=100).map(|number| format!("name%3An{number}")).collect();
    let page = browser.get(&format!("/jobs?filter={}", filter.join("+"))).await.page();
    let (_, tabs) = page.split_once("<nav class=\"tabs\"").unwrap();
    let links: Vec<_> = tabs.split("<a href=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    assert!(!links.is_empty(), "{page}");
    for link in links {
        browser.get(&format!("/{link}")).await.page();
    }
}
