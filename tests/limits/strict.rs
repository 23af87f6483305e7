//! Never more than the limit: as the jobs themselves see it, and as the database does.

use jobs::NamedJob;
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::{Call, Mail, Stage, Three, start, stop, watch_until_terminated};

cases![
    no_more_jobs_of_a_definition_run_at_once_than_its_limit,
    each_key_has_a_limit_of_its_own,
    both_limits_of_a_definition_hold,
    jobs_under_an_alias_count_together_with_the_others,
    jobs_of_one_key_in_several_queues_and_priorities_count_together,
];

async fn no_more_jobs_of_a_definition_run_at_once_than_its_limit(t: Database) {
    jobs::schedule_all(t.db(), (0..60).map(|_| Three { ms: 5 })).await.unwrap();
    let stage = Stage::default();
    let workers = start(&t, &stage, 4, 10);
    let rows = watch_until_terminated(&t, 60).await;
    stop(workers).await;
    assert_eq!(stage.most("Three"), 3);
    assert!(rows.values().all(|most| *most <= 3), "{rows:?}");
}

async fn each_key_has_a_limit_of_its_own(t: Database) {
    let accounts = ["acme", "b", "c", "d", "e", "f", "g"];
    let calls = (0..140).map(|number| Call { account: accounts[number % accounts.len()].to_owned(), ms: 5 });
    jobs::schedule_all(t.db(), calls).await.unwrap();
    let stage = Stage::default();
    let workers = start(&t, &stage, 4, 10);
    let rows = watch_until_terminated(&t, 140).await;
    stop(workers).await;
    for account in accounts {
        assert_eq!(stage.most(account), 2, "{account}");
    }
    assert!(rows.values().all(|most| *most <= 2), "{rows:?}");
}

async fn both_limits_of_a_definition_hold(t: Database) {
    let mail = |number: u32| Mail { account: "acme".into(), region: number % 4, ms: 5 };
    jobs::schedule_all(t.db(), (0..80).map(mail)).await.unwrap();
    let stage = Stage::default();
    let workers = start(&t, &stage, 4, 10);
    watch_until_terminated(&t, 80).await;
    stop(workers).await;
    assert_eq!(stage.most("Mail"), 5);
    for region in 0..4 {
        assert!(stage.most(&format!("acme/{region}")) <= 2, "{region}");
    }
}

async fn jobs_under_an_alias_count_together_with_the_others(t: Database) {
    let parameters = json!({ "account": "acme", "region": 1, "ms": 5 });
    let jobs =
        (0..40).map(|number| NamedJob::new(if number % 2 == 0 { "OldMail" } else { "Mail" }, parameters.clone()));
    jobs::schedule_all(t.db(), jobs).await.unwrap();
    let stage = Stage::default();
    let workers = start(&t, &stage, 3, 10);
    watch_until_terminated(&t, 40).await;
    stop(workers).await;
    assert_eq!(stage.most("acme/1"), 2);
}

async fn jobs_of_one_key_in_several_queues_and_priorities_count_together(t: Database) {
    use jobs::prelude::*;
    let calls = (0..60_i16).map(|number| {
        let options = JobOptions::new().priority(number % 3).queue(if number % 2 == 0 { "stage" } else { "other" });
        Call { account: "acme".into(), ms: 5 }.with_options(options)
    });
    jobs::schedule_all(t.db(), calls).await.unwrap();
    let stage = Stage::default();
    let workers: Vec<_> =
        (0..3).map(|_| jobs_tests::Running::start(crate::support::worker(&t, &stage, 5).queue("other", 5))).collect();
    let rows = watch_until_terminated(&t, 60).await;
    stop(workers).await;
    assert!(rows.values().all(|most| *most <= 2), "{rows:?}");
    assert_eq!((stage.most("acme"), stage.started().len()), (2, 60));
}
