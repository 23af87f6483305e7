//! The errors for wrong command lines, and for commands that this program can't do.

use jobs_tests::{Database, cases};
use serde_json::Value;

use crate::support::command::{PROGRAM, WITHOUT_JOBS, call, call_on, done, json};

cases![
    a_command_without_a_database_says_how_to_name_one,
    a_database_can_be_named_by_an_option,
    a_database_that_can_not_be_reached_is_said_without_its_password,
    a_file_that_is_not_there_is_not_made_by_looking,
    a_file_that_can_not_be_opened_is_named,
    a_command_line_that_is_wrong_ends_with_two,
    a_program_tells_its_version,
    a_program_without_jobs_says_why_it_executes_none,
    a_program_lists_its_definitions,
    completions_name_the_commands,
];

async fn a_command_without_a_database_says_how_to_name_one(t: Database) {
    for url in [None, Some("")] {
        let called = call_on(PROGRAM, url, &["list"]).await;
        assert_eq!(called.code, 2, "{called:#?}");
        assert!(called.errors.contains("JOBS_DATABASE_URL") && called.errors.contains("--database"), "{called:#?}");
    }
    // As for a variable that is not set: it is not known what was meant.
    let called = call(&t, &["list", "--database", ""]).await;
    assert_eq!((called.code, called.output.as_str()), (2, ""), "{called:#?}");
}

async fn a_database_can_be_named_by_an_option(t: Database) {
    let called = call_on(PROGRAM, Some("sqlite:/no/such/file"), &["list", "--json", "--database", t.url()]).await;
    assert_eq!((called.code, &called.json()["jobs"]), (0, &serde_json::json!([])), "{called:#?}");
}

async fn a_database_that_can_not_be_reached_is_said_without_its_password(_: Database) {
    for url in ["postgres://ada:secret@127.0.0.1:1/app", "nothing://ada:secret@localhost/app"] {
        let called = call_on(PROGRAM, Some(url), &["list"]).await;
        assert_eq!((called.code, called.output.as_str()), (1, ""), "{called:#?}");
        assert!(called.errors.starts_with("error: ") && !called.errors.contains("secret"), "{called:#?}");
    }
}

async fn a_file_that_is_not_there_is_not_made_by_looking(_: Database) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jobs.db");
    let url = format!("sqlite:{}", file.display());
    let called = call_on(PROGRAM, Some(&url), &["list"]).await;
    assert_eq!(called.code, 1, "{called:#?}");
    assert!(called.errors.contains("`migrate` creates it") && !file.exists(), "{called:#?}");
    assert_eq!(call_on(PROGRAM, Some(&url), &["migrate"]).await.code, 0);
    assert_eq!(call_on(PROGRAM, Some(&url), &["list"]).await.code, 0);
}

async fn a_file_that_can_not_be_opened_is_named(_: Database) {
    let called = call_on(PROGRAM, Some("sqlite:///no/such/folder/jobs.db"), &["migrate"]).await;
    assert_eq!(called.code, 1, "{called:#?}");
    assert!(called.errors.contains("/no/such/folder/jobs.db: "), "{called:#?}");
    assert!(called.errors.contains("No such file or directory"), "{called:#?}");
}

async fn a_command_line_that_is_wrong_ends_with_two(t: Database) {
    for arguments in [
        &["lists"][..],
        &["show"],
        &["show", "one"],
        &["list", "--status", "lost"],
        &["list", "--limit", "1001"],
        &["schedule", "Add", "--param", "left"],
        &["schedule", "Add", "--params", "{"],
        &["schedule", "Add", "--delay", "soon"],
        &["schedule", "Add", "-p", "left=1", "--params", "{}"],
        &["schedule", "Add", "-p", "left=1", "-p", "left=2"],
        &["schedule", "Add", "-p", "left=1", "--delay", "36501d"],
        &["doctor", "--long-attempt", "300000000d"],
        &["worker", "--queue", "sums"],
        &["migrate", "--yes"],
        &["cancel"],
    ] {
        let called = call(&t, arguments).await;
        assert_eq!((called.code, called.output.as_str()), (2, ""), "{arguments:?}: {called:#?}");
    }
    assert!(done(&t, &["help"]).await.contains("Exit codes"));
}

async fn a_program_tells_its_version(_: Database) {
    let called = call_on(PROGRAM, None, &["--version"]).await;
    assert_eq!((called.code, called.output), (0, format!("jobs {}\n", env!("CARGO_PKG_VERSION"))));
}

async fn a_program_without_jobs_says_why_it_executes_none(t: Database) {
    for command in ["worker", "definitions"] {
        let called = call_on(WITHOUT_JOBS, Some(t.url()), &[command]).await;
        assert_eq!((called.code, called.output.as_str()), (1, ""), "{called:#?}");
        assert!(called.errors.contains("no definition is linked into this program"), "{called:#?}");
    }
    let help = call_on(WITHOUT_JOBS, None, &["help"]).await.output;
    let offers = |command: &str| help.lines().any(|line| line.split_whitespace().next() == Some(command));
    assert!(!offers("worker") && !offers("definitions") && offers("schedule"), "{help}");
    assert_eq!(call_on(WITHOUT_JOBS, Some(t.url()), &["schedule", "Add"]).await.code, 0);
}

async fn a_program_lists_its_definitions(t: Database) {
    let called = call_on(PROGRAM, None, &["definitions", "--json"]).await;
    let names: Vec<_> =
        called.json().as_array().unwrap().iter().map(|one| (one["name"].clone(), one["queue"].clone())).collect();
    let expected = [("Add", "sums"), ("Fail", "failures"), ("SignIn", "sign-ins")];
    assert_eq!(names, expected.map(|(name, queue)| (name.into(), queue.into())));
    let definitions = json(&t, &["definitions"]).await;
    assert_eq!((&definitions[0]["max_attempts"], &definitions[0]["timeout_seconds"]), (&5.into(), &Value::Null));
    assert_eq!(definitions[1]["timeout_seconds"], 90.0);
    assert_eq!(done(&t, &["definitions"]).await.lines().count(), 4);
}

async fn completions_name_the_commands(_: Database) {
    for shell in ["bash", "zsh", "fish"] {
        let called = call_on(PROGRAM, None, &["completions", shell]).await;
        assert_eq!(called.code, 0, "{called:#?}");
        assert!(called.output.contains("doctor") && called.output.contains("cli-program"), "{shell}");
    }
}
