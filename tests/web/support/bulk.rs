//! Acting on many jobs as a user of the pages does.

use jobs_tests::soon;

use super::browser::Browser;

/// Counts the jobs with this filter, which must be some, and returns what is confirmed.
pub(crate) async fn counted(browser: &Browser, path: &str, filter: &str) -> String {
    let question = browser.get(&format!("/{path}?filter={filter}")).await.page();
    let form = format!("action=\"{path}\"><input type=\"hidden\" name=\"id\" value=\"");
    let (_, rest) = question.split_once(&form).unwrap_or_else(|| panic!("no form: {question}"));
    rest.split_once('"').unwrap().0.to_owned()
}

/// Confirms it, and returns the page to which that leads.
pub(crate) async fn confirm(browser: &Browser, path: &str, id: &str) -> String {
    let answer = browser.post(&format!("/{path}"), &format!("id={id}")).await;
    assert_eq!(answer.leads_to(), format!("{path}-progress?id={id}"));
    answer.leads_to().to_owned()
}

/// Waits until the action has ended, and returns its page.
pub(crate) async fn end(browser: &Browser, progress: &str) -> String {
    soon(async {
        loop {
            let answer = browser.get(&format!("/{progress}")).await;
            if answer.headers.get("refresh").is_none() {
                return answer.page();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}
