//! `cron list`, `add`, `pause`, `resume`, `remove`, `run`, `history`.

use jobs::cron::{self, Missed};
use jobs::{JobFilter, JobOptions};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::command::{call, done, json as call_json};

cases![
    a_schedule_is_added_with_parameters_and_options,
    what_can_not_be_a_schedule_is_said_and_nothing_is_added,
    a_schedule_that_is_there_is_replaced_only_when_asked_to,
    schedules_are_listed_in_words_with_their_next_times_by_their_own_clocks,
    what_a_schedule_says_never_controls_the_terminal,
    a_schedule_is_paused_and_resumed,
    a_schedule_is_run_now_and_its_history_tells,
    a_schedule_is_removed_and_a_definition_s_comes_again,
    a_schedule_that_is_not_there_is_an_error,
];

async fn add(t: &Database, name: &str) {
    done(t, &["cron", "add", name, "30 3 * * MON", "Add", "--param", "left=1", "--timezone", "Asia/Tokyo"]).await;
}

async fn a_schedule_is_added_with_parameters_and_options(t: Database) {
    let said = done(
        &t,
        &[
            "cron",
            "add",
            "sums of ada",
            "*/10 9-17 * * *",
            "Add",
            "--param",
            "left=3",
            "--queue",
            "slow",
            "--priority",
            "-2",
            "--delay",
            "10s",
            "--timezone",
            "Europe/Paris",
            "--missed",
            "all(5)",
        ],
    )
    .await;
    assert!(said.starts_with("schedule sums of ada: Every 10 minutes"), "{said}");
    let schedule = cron::list(t.db()).await.unwrap().remove(0);
    assert_eq!((schedule.job.as_str(), schedule.expression.as_str()), ("Add", "*/10 9-17 * * *"));
    assert_eq!((schedule.timezone.as_str(), schedule.missed), ("Europe/Paris", Missed::All(5)));
    assert_eq!(schedule.parameters, json!({"left": 3}));
    let delay = std::time::Duration::from_secs(10);
    assert_eq!(schedule.options, JobOptions::new().queue("slow").priority(-2).delay(delay));
    // A job that another program knows.
    let called = call(&t, &["cron", "add", "far", "@daily", "Far", "--params", r#"{"a": [1]}"#, "--json"]).await;
    assert!(called.code == 0 && called.errors.contains("No definition here is named Far"), "{called:#?}");
    assert_eq!((&called.json()["name"], &called.json()["parameters"]), (&json!("far"), &json!({"a": [1]})));
}

async fn what_can_not_be_a_schedule_is_said_and_nothing_is_added(t: Database) {
    for (arguments, code, said) in [
        (&["x", "0 3 * *", "Add", "--param", "left=1"][..], 1, "write five fields"),
        (&["x", "0 0 30 2 *", "Add", "--param", "left=1"], 1, "never comes"),
        (&["x", "@daily", "Add", "--param", "left=1", "--timezone", "Paris"], 1, "`Paris` is not a time zone"),
        (&["x", "@daily", "Add"], 1, "`left` does not decode"),
        (&["", "@daily", "Add", "--param", "left=1"], 1, "`name` is invalid: it is empty"),
        (&["x", "@daily", "Add", "--param", "left=1", "--missed", "all"], 2, "none of `skip`, `once` and `all(10)`"),
        (&["x", "@daily"], 2, "<JOB>"),
    ] {
        let called = call(&t, &[&["cron", "add"], arguments].concat()).await;
        assert!(called.code == code && called.errors.contains(said), "{arguments:?}: {called:#?}");
    }
    assert_eq!(cron::list(t.db()).await.unwrap(), []);
}

async fn a_schedule_that_is_there_is_replaced_only_when_asked_to(t: Database) {
    add(&t, "sums").await;
    let again = ["cron", "add", "sums", "@hourly", "Add", "--param", "left=2"];
    let called = call(&t, &again).await;
    assert!(called.code == 1 && called.errors.contains("there is a schedule named `sums` already"), "{called:#?}");
    done(&t, &[&again[..], &["--replace"]].concat()).await;
    assert_eq!(cron::list(t.db()).await.unwrap()[0].expression, "@hourly");
}

async fn schedules_are_listed_in_words_with_their_next_times_by_their_own_clocks(t: Database) {
    add(&t, "sums").await;
    let listed = done(&t, &["cron", "list", "--next", "2"]).await;
    let lines: Vec<_> = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "SCHEDULE JOB WHEN NEXT IN MISSED FROM");
    assert!(lines[1].starts_with("sums Add At 03:30, on Monday [30 3 * * MON] 20"), "{listed}");
    assert!(lines[1].contains(" 03:30:00 JST ") && lines[1].ends_with(" once runtime"), "{listed}");
    assert!(lines[2].contains(" 03:30:00 JST ") && lines[2].contains('d'), "{listed}");
    let listed = call_json(&t, &["cron", "list", "--next", "3"]).await;
    assert_eq!((&listed[0]["name"], &listed[0]["description"]), (&json!("sums"), &json!("At 03:30, on Monday")));
    assert_eq!(listed[0]["next_times"].as_array().map(Vec::len), Some(3));
    assert_eq!(listed[0]["next_times"][0], listed[0]["next_at"]);
}

async fn what_a_schedule_says_never_controls_the_terminal(t: Database) {
    add(&t, "sums").await;
    t.execute("UPDATE jobs_cron SET job = 'a\u{1b}[2Jb', timezone = 'c\u{1b}[2Jd', expression = 'e\u{1b}[2Jf'").await;
    let listed = done(&t, &["cron", "list"]).await;
    assert!(!listed.contains('\u{1b}') && listed.contains(r"a\u{1b}[2Jb"), "{listed}");
}

async fn a_schedule_is_paused_and_resumed(t: Database) {
    add(&t, "sums").await;
    assert_eq!(done(&t, &["cron", "pause", "sums"]).await, "schedule sums is paused\n");
    assert!(done(&t, &["cron", "list"]).await.contains("paused since"));
    assert_eq!(call_json(&t, &["cron", "resume", "sums"]).await, json!({ "schedule": "sums", "done": "resumed" }));
    assert!(!done(&t, &["cron", "list"]).await.contains("paused since"));
}

async fn a_schedule_is_run_now_and_its_history_tells(t: Database) {
    add(&t, "sums").await;
    let said = done(&t, &["cron", "run", "sums"]).await;
    let job = jobs::list(t.db(), JobFilter::new()).await.unwrap().jobs.remove(0);
    assert_eq!(said, format!("job {} is scheduled\n", job.id));
    assert_eq!((job.name.as_str(), job.parameters), ("Add", json!({"left": 1})));
    let history = done(&t, &["cron", "history", "sums"]).await;
    assert!(history.starts_with("TIME") && history.contains(&format!(" {} ", job.id)), "{history}");
    assert_eq!(call_json(&t, &["cron", "history", "sums"]).await[0]["job"], json!(job.id));
}

async fn a_schedule_is_removed_and_a_definition_s_comes_again(t: Database) {
    add(&t, "sums").await;
    let called = call(&t, &["cron", "remove", "sums"]).await;
    assert_eq!((called.code, called.output.as_str(), called.errors.as_str()), (0, "schedule sums is removed\n", ""));
    add(&t, "sums").await;
    t.execute("UPDATE jobs_cron SET source = 'definition'").await;
    let called = call(&t, &["cron", "remove", "sums"]).await;
    assert!(called.code == 0 && called.errors.contains("use `cron pause` instead"), "{called:#?}");
    assert_eq!(cron::list(t.db()).await.unwrap(), []);
}

async fn a_schedule_that_is_not_there_is_an_error(t: Database) {
    for command in ["pause", "resume", "remove", "run", "history"] {
        let called = call(&t, &["cron", command, "none"]).await;
        assert!(called.code == 1 && called.errors.contains("there is no schedule named `none`"), "{called:#?}");
    }
}
