//! `list`, `show`, `watch`, `stats`.

use std::time::Duration;

use jobs::{JobId, JobOptions};
use jobs_tests::{Database, cases, soon};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::support::command::{PROGRAM, WITHOUT_JOBS, call, call_on, done, json as call_json, start, unread};

cases![
    a_list_has_the_jobs_that_every_condition_lets_through,
    a_list_goes_on_after_its_last_job,
    everything_about_a_job_is_shown_in_the_order_of_time,
    a_job_that_is_not_there_is_not_shown,
    a_watched_job_is_followed_to_its_end_with_a_line_per_change,
    a_watched_job_that_has_not_started_has_no_attempt,
    watching_a_job_that_fails_fails,
    jobs_that_run_are_watched,
    jobs_that_end_between_two_looks_are_watched,
    jobs_are_counted,
    workers_are_listed,
    stored_text_does_not_control_the_terminal,
    a_secret_is_shown_by_no_command,
];

async fn schedule(t: &Database, options: JobOptions) -> JobId {
    jobs_tests::schedule_by_name_with(t.db(), "Add", json!({ "left": 1, "right": 1 }), options).await.unwrap()
}

fn ids(list: &Value) -> Vec<JobId> {
    list["jobs"].as_array().unwrap().iter().map(|job| JobId::from(job["id"].as_i64().unwrap())).collect()
}

async fn a_list_has_the_jobs_that_every_condition_lets_through(t: Database) {
    let plain = schedule(&t, JobOptions::new()).await;
    let ours = schedule(&t, JobOptions::new().queue("q").user("ada").session("s").event("e")).await;
    let canceled = schedule(&t, JobOptions::new().queue("q").user("grace")).await;
    jobs::cancel(t.db(), canceled).await.unwrap();
    for (arguments, expected) in [
        (&["list"][..], &[canceled, ours, plain][..]),
        (&["list", "--status", "scheduled"], &[ours, plain]),
        (&["list", "--status", "scheduled", "--status", "canceled"], &[canceled, ours, plain]),
        (&["list", "--status", "CANCELED"], &[canceled]),
        (&["list", "--queue", "q"], &[canceled, ours]),
        (&["list", "--queue", "q", "--status", "canceled"], &[canceled]),
        (&["list", "--name", "Subtract"], &[]),
        (&["list", "--user", "ada"], &[ours]),
        (&["list", "--session", "s"], &[ours]),
        (&["list", "--event", "e"], &[ours]),
        (&["list", "--unserved"], &[ours, plain]),
    ] {
        assert_eq!(ids(&call_json(&t, arguments).await), expected, "{arguments:?}");
        assert_eq!(done(&t, arguments).await.lines().count(), 1 + expected.len(), "{arguments:?}");
    }
}

async fn a_list_goes_on_after_its_last_job(t: Database) {
    let (one, two, three) = (
        schedule(&t, JobOptions::new()).await,
        schedule(&t, JobOptions::new()).await,
        schedule(&t, JobOptions::new()).await,
    );
    let called = call(&t, &["list", "--limit", "2"]).await;
    assert!(called.errors.contains(&format!("--after {two}")), "{called:#?}");
    assert_eq!(ids(&call_json(&t, &["list", "--limit", "2"]).await), [three, two]);
    assert_eq!(ids(&call_json(&t, &["list", "--limit", "2", "--after", &two.to_string()]).await), [one]);
}

async fn everything_about_a_job_is_shown_in_the_order_of_time(t: Database) {
    let _worker = start(&t, &["worker"]);
    let sum = schedule(&t, JobOptions::new().user("ada")).await;
    soon(jobs::wait(t.db(), sum)).await.unwrap();
    let shown = done(&t, &["show", &sum.to_string()]).await;
    for text in ["Add", "TERMINATED", "long-running", "ada", "left = 1", "output = 2"] {
        assert!(shown.contains(text), "no `{text}` in {shown}");
    }
    let events = ["scheduled", "started", "INFO adding 1 and 1", "the job has succeeded"];
    let places: Vec<_> =
        events.iter().map(|event| shown.rfind(event).unwrap_or_else(|| panic!("{event}: {shown}"))).collect();
    assert!(places.is_sorted(), "{shown}");

    let (reason, options) = (json!({ "reason": "no paper" }), JobOptions::new().timeout(Duration::from_secs(90)));
    let failed = jobs_tests::schedule_by_name_with(t.db(), "Fail", reason, options).await.unwrap();
    soon(jobs::wait(t.db(), failed)).await.unwrap();
    assert!(done(&t, &["show", &failed.to_string()]).await.contains("ended, error: no paper"));
    let shown = call_json(&t, &["show", &failed.to_string()]).await;
    assert_eq!((&shown["job"]["status"], &shown["job"]["timeout_seconds"]), (&json!("failed"), &json!(90.0)));
    assert_eq!(shown["attempts"][0]["error"], "no paper");
    assert!(shown["messages"].is_array());
}

async fn a_job_that_is_not_there_is_not_shown(t: Database) {
    let called = call(&t, &["show", "7"]).await;
    assert_eq!((called.code, called.output.as_str()), (1, ""), "{called:#?}");
    assert!(called.errors.contains("there is no job 7"), "{called:#?}");
}

async fn a_watched_job_is_followed_to_its_end_with_a_line_per_change(t: Database) {
    let sum = schedule(&t, JobOptions::new()).await.to_string();
    let mut watch = start(&t, &["watch", &sum, "--json"]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = async || lines.next_line().await.unwrap().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    assert_eq!(soon(next()).await.unwrap()["status"], "scheduled");
    let _worker = start(&t, &["worker"]);
    let mut rest = Vec::new();
    while let Some(change) = soon(next()).await {
        rest.push(change);
    }
    assert!(rest.iter().any(|change| change["message"]["text"] == "adding 1 and 1"), "{rest:#?}");
    assert_eq!(rest.last().unwrap()["status"], "terminated");
    assert!(soon(watch.wait()).await.unwrap().success());
    let text = done(&t, &["watch", &sum]).await;
    assert!(text.ends_with(&format!("job {sum} is TERMINATED: 2\n")), "{text}");
}

async fn a_watched_job_that_has_not_started_has_no_attempt(t: Database) {
    let job = schedule(&t, JobOptions::new()).await.to_string();
    let mut watch = start(&t, &["watch", &job]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let line = soon(lines.next_line()).await.unwrap().unwrap();
    assert!(line.ends_with(&format!("job {job} Add is SCHEDULED")), "{line}");
    watch.kill().await.unwrap();
}

async fn watching_a_job_that_fails_fails(t: Database) {
    let job = schedule(&t, JobOptions::new()).await;
    jobs::cancel(t.db(), job).await.unwrap();
    let called = call(&t, &["watch", &job.to_string()]).await;
    assert_eq!(called.code, 1, "{called:#?}");
    assert!(called.output.ends_with(&format!("job {job} is CANCELED\n")), "{called:#?}");
    let ended_well = schedule(&t, JobOptions::new()).await;
    t.execute(&format!("UPDATE jobs_job SET status = 4 WHERE id = {ended_well}")).await;
    assert_eq!(call(&t, &["watch", &ended_well.to_string()]).await.code, 0);
    assert_eq!(unread(&t, &["watch", &ended_well.to_string()]).await, Some(1), "nobody has read how it ended");
}

async fn jobs_that_run_are_watched(t: Database) {
    let job = schedule(&t, JobOptions::new()).await;
    let set = async |assignment: &str| {
        t.execute(&format!("UPDATE jobs_job SET {assignment}, version = version + 1 WHERE id = {job}")).await;
    };
    set("status = 1, attempt = 1, progress = 10").await;
    let mut watch = start(&t, &["watch"]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = async || soon(lines.next_line()).await.unwrap().unwrap();
    let line = next().await;
    assert!(line.ends_with(&format!("job {job} Add is RUNNING, attempt 1, 10 %")), "{line}");
    set("progress = 60").await;
    let line = next().await;
    assert!(line.ends_with("60 %"), "{line}");
    set("status = 3, last_error = 'no paper'").await;
    let line = next().await;
    assert!(line.ends_with(&format!("job {job} is FAILED: no paper")), "{line}");
    watch.kill().await.unwrap();
}

async fn jobs_that_end_between_two_looks_are_watched(t: Database) {
    let close = async |id: JobId| {
        let now = t.seconds_from_now(0);
        t.execute(&format!(
            "UPDATE jobs_job SET status = 4, version = version + 2, finished_at = {now} WHERE id = {id}"
        ))
        .await;
    };
    let before = schedule(&t, JobOptions::new()).await;
    close(before).await;
    let runs = schedule(&t, JobOptions::new()).await;
    t.execute(&format!("UPDATE jobs_job SET status = 1, version = 1 WHERE id = {runs}")).await;
    let mut watch = start(&t, &["watch"]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = async || soon(lines.next_line()).await.unwrap().unwrap();
    let line = next().await;
    assert!(line.contains(&format!("job {runs} Add is RUNNING")), "{line}");
    // They begin and end at once, as far as others can see.
    for _ in 0..3 {
        let ended = schedule(&t, JobOptions::new()).await;
        close(ended).await;
        let line = next().await;
        assert!(line.ends_with(&format!("job {ended} is TERMINATED")), "{line}");
    }
    close(runs).await;
    let line = next().await;
    assert!(line.ends_with(&format!("job {runs} is TERMINATED")), "{line}");
    watch.kill().await.unwrap();
}

async fn jobs_are_counted(t: Database) {
    schedule(&t, JobOptions::new()).await;
    let canceled = schedule(&t, JobOptions::new()).await;
    jobs::cancel(t.db(), canceled).await.unwrap();
    let stats = call_json(&t, &["stats"]).await;
    assert_eq!(stats["jobs"], json!({ "scheduled": 1, "running": 0, "canceled": 1, "failed": 0, "terminated": 0 }));
    assert_eq!(stats["queues"], json!([{ "queue": "long-running", "jobs": stats["jobs"] }]));
    let queues = call_json(&t, &["queues"]).await;
    assert!(queues[0]["oldest_due_seconds"].is_number(), "{queues}");
    let rows: Vec<_> =
        done(&t, &["stats"]).await.lines().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect();
    assert_eq!(rows, ["ALL", "2", "2"]);
}

async fn workers_are_listed(t: Database) {
    let worker = start(&t, &["worker", "--queue", "sums:2"]);
    let pid = worker.id().unwrap();
    let list = async || call_json(&t, &["workers"]).await;
    soon(async { while list().await == json!([]) {} }).await;
    let workers = list().await;
    assert_eq!(
        (&workers[0]["pid"], &workers[0]["is_live"], &workers[0]["queues"]),
        (&json!(pid), &json!(true), &json!(["sums"]))
    );
    let text = done(&t, &["workers"]).await;
    assert!(text.lines().count() == 2 && text.contains(&pid.to_string()), "{text}");
}

async fn stored_text_does_not_control_the_terminal(t: Database) {
    const HOSTILE: &str = "a\u{1b}[2J\u{9b}31m\r\u{7}\u{202e}z";
    let options = JobOptions::new().queue("failures");
    let id = jobs_tests::schedule_by_name_with(t.db(), "Fail", json!({ "reason": HOSTILE }), options).await.unwrap();
    let _worker = start(&t, &["worker"]);
    soon(jobs::wait(t.db(), id)).await.unwrap();
    // As another program might write it that does not use ours.
    t.execute("UPDATE jobs_job SET user_id = 'u\u{1b}]0;title\u{7}'").await;
    let id = id.to_string();
    for arguments in [
        &["list"][..],
        &["show", &id],
        &["watch", &id],
        &["cancel", &id],
        &["doctor"],
        &["queues"],
        &["workers"],
        &["stats"],
    ] {
        for json in [&[][..], &["--json"]] {
            let called = call(&t, &[arguments, json].concat()).await;
            let said = called.output + &called.errors;
            let hostile = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
            assert!(!said.chars().any(hostile), "{arguments:?}: {said:?}");
        }
    }
    assert!(done(&t, &["list"]).await.contains(r"a\u{1b}[2J\u{9b}31m"));
    assert_eq!(call_json(&t, &["show", &id]).await["job"]["parameters"]["reason"], HOSTILE);
}

async fn a_secret_is_shown_by_no_command(t: Database) {
    const SECRET: &str = "hunter2";
    let _worker = start(&t, &["worker"]);
    let password = format!("password={SECRET}");
    let marked = format!(r#"password={{"$secret": "{SECRET}"}}"#);
    let wrong = format!("password=[\"{SECRET}\"]");
    let schedule = |user, password| ["schedule", "SignIn", "-p", user, "-p", password];
    // Two that end, one that waits, and one that this program's definition refuses.
    let mut commands: Vec<(&str, Vec<&str>)> = ["user=ada", "user=nobody"]
        .into_iter()
        .flat_map(|user| [(PROGRAM, [&schedule(user, &password)[..], &["--wait"]].concat())])
        .collect();
    commands.push((PROGRAM, [&schedule("user=ada", &password)[..], &["--delay", "1h"]].concat()));
    commands.push((PROGRAM, schedule("user=ada", &wrong).to_vec()));
    commands.push((WITHOUT_JOBS, [&schedule("user=ada", &marked)[..], &["--delay", "1h"]].concat()));
    let looks: &[&[&str]] =
        &[&["list"], &["show", "2"], &["show", "4"], &["watch", "1"], &["retry", "2"], &["cancel", "3"], &["doctor"]];
    for program in [PROGRAM, WITHOUT_JOBS] {
        commands.extend(looks.iter().map(|look| (program, look.to_vec())));
    }
    for (program, command) in commands {
        for json in [&[][..], &["--json"]] {
            let called = call_on(program, Some(t.url()), &[&command, json].concat()).await;
            assert!(!called.output.contains(SECRET) && !called.errors.contains(SECRET), "{command:?}: {called:#?}");
        }
    }
    assert!(done(&t, &["show", "1"]).await.contains("password = \"•••\""));
    assert_eq!(jobs::reveal_parameter::<String>(t.db(), 1, "password").await.unwrap(), SECRET);
}
