//! The charts and the failures of the overview.

use std::time::Duration;

use chrono::Utc;
use jobs::prelude::*;
use jobs::{Principal, Role};
use jobs_tests::{Database, cases, soon};

use crate::support::browser::Browser;
use crate::support::definitions::Talk;

cases![
    charts_say_in_words_and_numbers_what_they_draw,
    a_chart_of_each_range_is_a_link_away,
    without_an_end_the_charts_say_what_to_do,
    failures_are_grouped_and_lead_to_their_jobs,
    who_may_not_see_errors_sees_names_and_counts,
    groups_that_are_not_shown_are_mentioned,
    ten_thousand_jobs_of_a_queue_are_counted_and_no_more,
    jobs_of_many_priorities_that_nobody_executes_are_counted_together,
    running_jobs_and_the_first_that_is_due_are_told_of_each_queue,
];

async fn overview(t: &Database, role: Role, query: &str) -> String {
    Browser::of_principal(t, Principal::new("ada", role)).get(&format!("/overview{query}")).await.page()
}

/// Lets jobs end like this.
async fn end(t: &Database, ends: &[&str]) {
    for end in ends {
        Talk::new(*end).schedule(t.db()).await.unwrap();
    }
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
}

/// The section with this heading.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, section) = page.split_once(&format!("<section aria-labelledby=\"{heading}\">")).unwrap();
    section.split_once("</section>").unwrap().0
}

async fn charts_say_in_words_and_numbers_what_they_draw(t: Database) {
    end(&t, &["well", "well", "it went wrong"]).await;
    let page = overview(&t, Role::Viewer, "").await;
    let charts = section(&page, "activity");
    assert_eq!(charts.matches("role=\"img\"").count(), 3, "{charts}");
    for words in [
        "aria-label=\"Jobs ended. 2 terminated, 0 canceled, 1 failed in the last hour.\"",
        "aria-label=\"Failures. 1 job failed and 0 attempts were retried in the last hour.\"",
        "aria-label=\"Waiting time. Half of the attempts in the last hour waited up to ",
        "<summary>The same in numbers, by minute</summary>",
        "<td>1</td>",
    ] {
        assert!(charts.contains(words), "it does not say {words}: {charts}");
    }
    assert!(
        charts.contains("<path class=\"terminated\" d=\"M") && charts.contains("<path class=\"failed\" d=\"M"),
        "{charts}"
    );
    // Neither a style nor a script in the page: its policy would refuse them.
    assert!(!page.contains("style=") && !page.contains("<style") && !page.contains("<script>"), "{page}");
}

async fn a_chart_of_each_range_is_a_link_away(t: Database) {
    end(&t, &["well"]).await;
    for (query, range, period, width) in
        [("", "hour", "minute", 60), ("?range=day", "day", "hour", 24), ("?range=week", "week", "hour", 168)]
    {
        let page = overview(&t, Role::Viewer, query).await;
        let charts = section(&page, "activity");
        for text in [
            format!("href=\"overview?range={range}\" aria-current=\"true\""),
            format!("1 terminated, 0 canceled, 0 failed in the last {range}"),
            format!("The same in numbers, by {period}"),
            format!("viewBox=\"0 0 {width} 1000\""),
        ] {
            assert!(charts.contains(&text), "it does not say {text}: {charts}");
        }
        assert_eq!(charts.matches("aria-current").count(), 1);
        assert_eq!(charts.matches("href=\"overview?range=").count(), 3);
    }
    let refused = Browser::of(&t, Role::Viewer).get("/overview?range=year").await;
    assert!(refused.status == 400 && refused.body.contains("hour, day or week"), "{}", refused.body);
}

async fn without_an_end_the_charts_say_what_to_do(t: Database) {
    for (query, range) in [("", "hour"), ("?range=week", "week")] {
        let page = overview(&t, Role::Viewer, query).await;
        let charts = section(&page, "activity");
        assert!(charts.contains(&format!("No worker has ended a job in the last {range}.")), "{charts}");
        assert!(charts.contains("schedule a job, start a worker") && !charts.contains("<svg"), "{charts}");
        assert!(section(&page, "failures").contains("No job has failed in the last 24 hours."), "{page}");
    }
}

async fn failures_are_grouped_and_lead_to_their_jobs(t: Database) {
    end(&t, &["order 17 not found", "order 18 not found", "<b>bold</b>"]).await;
    let page = overview(&t, Role::Operator, "").await;
    let failures = section(&page, "failures");
    for text in [
        "<span class=\"error\">order # not found</span>",
        "<td data-label=\"Jobs\" class=\"number\">2</td>",
        "<span class=\"error\">&#60;b&#62;bold&#60;/b&#62;</span>",
    ] {
        assert!(failures.contains(text), "it does not say {text}: {failures}");
    }
    let links: Vec<_> = failures.split("<a href=\"jobs?filter=").skip(1).collect();
    assert_eq!(links.len(), 2, "{failures}");
    let link = links.iter().find(|link| link.contains("order #")).unwrap().split_once('"').unwrap().0;
    let found = Browser::of(&t, Role::Operator).get(&format!("/jobs?filter={link}")).await.page();
    assert!(found.contains("order 17 not found") && found.contains("order 18 not found"), "{found}");
    assert!(!found.contains("bold"), "{found}");
}

async fn who_may_not_see_errors_sees_names_and_counts(t: Database) {
    end(&t, &["order 17 not found", "the depot is closed"]).await;
    let page = overview(&t, Role::Viewer, "").await;
    let failures = section(&page, "failures");
    assert!(failures.contains("<td data-label=\"Jobs\" class=\"number\">2</td>"), "{failures}");
    assert!(failures.contains("Errors are hidden from you"), "{failures}");
    for hidden in ["not found", "depot", "error:"] {
        assert!(!page.contains(hidden), "it says {hidden}: {page}");
    }
}

async fn groups_that_are_not_shown_are_mentioned(t: Database) {
    let letters = ('a'..='u').map(|letter| format!("error of kind {letter}")).collect::<Vec<_>>();
    end(&t, &letters.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let page = overview(&t, Role::Operator, "").await;
    let failures = section(&page, "failures");
    assert_eq!(failures.matches("class=\"error\"").count(), 20, "{failures}");
    assert!(failures.contains("And 1 other group."), "{failures}");
}

/// The waiting jobs, the running jobs, and the time that the first has been due, as the row of this queue shows them.
fn row<'p>(page: &'p str, queue: &str) -> [&'p str; 3] {
    let (_, row) = page.split_once(&format!("<tr data-key=\"{queue}\">")).unwrap();
    ["Waiting", "Running", "Due for"].map(|label| {
        let (_, cell) = row.split_once(&format!("data-label=\"{label}\" class=\"number\">")).unwrap();
        cell.split_once("</td>").unwrap().0
    })
}

/// How many due jobs of this queue nobody executes, as the page says it.
fn not_served<'p>(page: &'p str, queue: &str) -> &'p str {
    let (before, _) = page.split_once(&format!(" of <code>Talk</code> in queue <code>{queue}</code>")).unwrap();
    before.rsplit_once("<li>").unwrap().1
}

async fn ten_thousand_jobs_of_a_queue_are_counted_and_no_more(t: Database) {
    let some = |queue: &'static str, priority| {
        (0..1_000).map(move |_| Talk::new("well").with_options(JobOptions::new().queue(queue).priority(priority)))
    };
    for number in 0..10 {
        jobs::schedule_all(t.db(), some("many", number % 3)).await.unwrap();
    }
    jobs::schedule_all(t.db(), some("few", 0).take(3).chain(some("few", 1).take(4))).await.unwrap();
    let page = overview(&t, Role::Viewer, "").await;
    assert_eq!([row(&page, "many")[0], row(&page, "few")[0]], ["10,000", "7"]);
    assert_eq!([not_served(&page, "many"), not_served(&page, "few")], ["10,000 jobs", "7 jobs"]);
    jobs::schedule_all(t.db(), some("many", 5).take(1)).await.unwrap();
    let page = overview(&t, Role::Viewer, "").await;
    assert_eq!([row(&page, "many")[0], row(&page, "few")[0]], ["10,000+", "7"]);
    assert_eq!([not_served(&page, "many"), not_served(&page, "few")], ["10,000+ jobs", "7 jobs"]);
    assert_eq!(jobs::queues(t.db()).await.unwrap().iter().map(|queue| queue.scheduled).max(), Some(10_001));
}

/// More priorities than one statement counts.
async fn jobs_of_many_priorities_that_nobody_executes_are_counted_together(t: Database) {
    let spread =
        (-60..60).map(|priority| Talk::new("well").with_options(JobOptions::new().queue("spread").priority(priority)));
    jobs::schedule_all(t.db(), spread).await.unwrap();
    Talk::new("well").schedule(t.db()).queue("zzz").await.unwrap();
    let page = overview(&t, Role::Viewer, "").await;
    assert_eq!([not_served(&page, "spread"), not_served(&page, "zzz")], ["120 jobs", "1 job"]);
    assert_eq!(page.matches(" in queue <code>spread</code>").count(), 1, "{page}");
}

async fn running_jobs_and_the_first_that_is_due_are_told_of_each_queue(t: Database) {
    let none = "<span class=\"muted\">–</span>";
    let hours_ago = |hours: u64| Utc::now() - Duration::from_hours(hours);
    Talk::new("well").schedule(t.db()).queue("late").at(hours_ago(2)).await.unwrap();
    Talk::new("well").schedule(t.db()).queue("late").priority(-1).at(hours_ago(1)).await.unwrap();
    Talk::new("well").schedule(t.db()).queue("later").delay(Duration::from_hours(1)).await.unwrap();
    let runs = Talk::new("well").schedule(t.db()).queue("runs").await.unwrap();
    t.execute(&format!("UPDATE jobs_job SET status = 1 WHERE id = {runs}")).await;
    let page = overview(&t, Role::Viewer, "").await;
    let late = row(&page, "late");
    assert!(late[..2] == ["2", "0"] && late[2].starts_with("2h"), "{late:?}");
    assert_eq!(row(&page, "later"), ["1", "0", none]);
    assert_eq!(row(&page, "runs"), ["0", "1", none]);
}
