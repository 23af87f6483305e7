//! The language of filters: what each word selects, and how far a search goes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jobs::prelude::*;
use jobs::{Error, JobFilter, JobPage};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::common::{refused, work};
use crate::support::definitions::{Add, Configured, Note, Ping, Send, Talk};

cases![
    each_word_selects_its_jobs,
    a_negated_word_selects_all_others,
    states_tell_more_than_a_status,
    the_time_of_scheduling_is_given_as_an_age_or_a_time,
    an_error_is_found_by_a_part_of_it_in_any_case,
    parameters_are_compared_alike_on_every_database,
    secrets_match_no_condition_and_the_page_says_so,
    a_key_is_found_among_the_jobs_of_its_name,
    a_search_stops_at_its_bound_and_goes_on_from_there,
    statuses_are_bounded_together,
    jobs_that_were_scheduled_in_disorder_are_found_by_their_time,
    what_an_index_leads_to_is_found_at_once,
    bounded_counts_say_what_they_know,
];

async fn page(t: &Database, filter: &str) -> JobPage {
    let filter: JobFilter = filter.parse().unwrap_or_else(|error| panic!("{error}"));
    jobs::list(t.db(), filter).await.unwrap()
}

/// The jobs that a filter selects, which are all on one page.
async fn ids(t: &Database, filter: &str) -> Vec<JobId> {
    let page = page(t, filter).await;
    assert_eq!((page.next, page.searched_back_to), (None, None), "{filter}");
    page.jobs.into_iter().map(|job| job.id).collect()
}

async fn each_word_selects_its_jobs(t: Database) {
    let ended = Talk::new("well").schedule(t.db()).await.unwrap().id();
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap().id();
    work(&t).await;
    let imaged = Configured::new().schedule(t.db()).user("ada l").await.unwrap().id();
    let asked = Add::new(1).schedule(t.db()).session("s").event("e").await.unwrap().id();
    for (filter, expected) in [
        (String::new(), vec![asked, imaged, failed, ended]),
        (format!("{failed}"), vec![failed]),
        (format!("{failed} {asked} 999"), vec![asked, failed]),
        (format!("{failed} name:Add"), vec![]),
        ("status:failed".into(), vec![failed]),
        ("status:failed,scheduled".into(), vec![asked, imaged, failed]),
        ("status:failed status:terminated".into(), vec![failed, ended]),
        ("status:canceled".into(), vec![]),
        ("status:failed is:due".into(), vec![]),
        ("name:Talk".into(), vec![failed, ended]),
        ("name:Talk name:Add".into(), vec![asked, failed, ended]),
        ("name:talk".into(), vec![]),
        ("queue:images".into(), vec![imaged]),
        ("user:\"ada l\"".into(), vec![imaged]),
        ("user:\"ada l\" user:nobody".into(), vec![imaged]),
        ("session:s event:e".into(), vec![asked]),
        ("session:s event:f".into(), vec![]),
        ("is:unserved".into(), vec![asked, imaged]),
    ] {
        assert_eq!(ids(&t, &filter).await, expected, "{filter}");
    }
}

async fn a_negated_word_selects_all_others(t: Database) {
    let plain = Ping::new().schedule(t.db()).await.unwrap().id();
    let hers = Add::new(1).schedule(t.db()).user("ada").queue("q").await.unwrap().id();
    let canceled = Ping::new().schedule(t.db()).user("grace").unique_key("k").await.unwrap().id();
    jobs::cancel(t.db(), canceled).await.unwrap();
    let later = Ping::new().schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap().id();
    for (filter, expected) in [
        (format!("-{plain}"), vec![later, canceled, hers]),
        ("-status:canceled".into(), vec![later, hers, plain]),
        ("-status:canceled,scheduled".into(), vec![]),
        ("status:canceled -status:canceled".into(), vec![]),
        ("-name:Add".into(), vec![later, canceled, plain]),
        ("-user:ada".into(), vec![later, canceled, plain]),
        ("-user:ada -user:grace".into(), vec![later, plain]),
        ("-queue:q name:Add".into(), vec![]),
        ("-error:x".into(), vec![later, canceled, hers, plain]),
        ("-a:1".into(), vec![later, canceled, plain]),
        ("-is:due".into(), vec![later, canceled]),
        ("-is:due -is:long -is:retrying -is:unserved".into(), vec![later, canceled]),
        ("-since:1h".into(), vec![]),
        ("-until:1h".into(), vec![later, canceled, hers, plain]),
        ("name:Ping -key:k".into(), vec![later, plain]),
    ] {
        assert_eq!(ids(&t, &filter).await, expected, "{filter}");
    }
}

async fn states_tell_more_than_a_status(t: Database) {
    let add = async || Add::new(1).schedule(t.db()).await.unwrap().id();
    let (due, retrying, long, short) = (add().await, add().await, add().await, add().await);
    let later = Add::new(1).schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap().id();
    t.execute(&format!("UPDATE jobs_job SET last_error = 'no', attempt = 1 WHERE id = {retrying}")).await;
    for (id, seconds) in [(long, -3_700), (short, -3_500)] {
        let then = t.seconds_from_now(seconds);
        t.execute(&format!("UPDATE jobs_job SET status = 1, started_at = {then} WHERE id = {id}")).await;
    }
    assert_eq!(ids(&t, "is:due").await, [retrying, due]);
    assert_eq!(ids(&t, "is:retrying").await, [retrying]);
    assert_eq!(ids(&t, "is:due -is:retrying").await, [due]);
    assert_eq!(ids(&t, "is:long").await, [long]);
    assert_eq!(ids(&t, "status:running -is:long").await, [short]);
    assert_eq!(ids(&t, "status:scheduled -is:due").await, [later]);
    assert_eq!(ids(&t, "is:long is:due").await, []);
}

async fn the_time_of_scheduling_is_given_as_an_age_or_a_time(t: Database) {
    let mut old_to_new = Vec::new();
    for hours in [30, 20, 3, 1] {
        let id = Ping::new().schedule(t.db()).await.unwrap().id();
        let then = t.seconds_from_now(-3_600 * hours);
        t.execute(&format!("UPDATE jobs_job SET created_at = {then} WHERE id = {id}")).await;
        old_to_new.push(id);
    }
    let [oldest, old, new, newest] = old_to_new[..] else { panic!("four") };
    for (filter, expected) in [
        ("since:2h", vec![newest]),
        ("since:1d", vec![newest, new, old]),
        ("until:1d", vec![oldest]),
        ("since:1d until:2h", vec![new, old]),
        ("since:1d since:10h", vec![newest, new]),
        ("since:0s", vec![]),
        ("until:0s", vec![newest, new, old, oldest]),
        ("-since:1d", vec![oldest]),
        ("since:1970-01-02", vec![newest, new, old, oldest]),
        ("until:9999-12-31T23:59:59Z", vec![newest, new, old, oldest]),
    ] {
        assert_eq!(ids(&t, filter).await, expected, "{filter}");
    }
    let always = JobFilter::new().created_from(DateTime::<Utc>::MIN_UTC).created_until(DateTime::<Utc>::MAX_UTC);
    assert_eq!(jobs::counts(t.db(), always).await.unwrap().total(), 4);
    let time = jobs::record(t.db(), new).await.unwrap().created_at;
    let written = JobFilter::new().created_from(time).to_string();
    assert_eq!(ids(&t, &written).await, [newest, new], "{written}");
    assert_eq!(ids(&t, &written.replace("since", "until")).await, [old, oldest], "{written}");
}

async fn an_error_is_found_by_a_part_of_it_in_any_case(t: Database) {
    let mut failed = Vec::new();
    for error in ["Connection TIMED out", "100 % Größe_überschritten"] {
        let id = Ping::new().schedule(t.db()).await.unwrap().id();
        t.execute(&format!("UPDATE jobs_job SET last_error = '{error}' WHERE id = {id}")).await;
        failed.push(id);
    }
    let fine = Ping::new().schedule(t.db()).await.unwrap().id();
    for (filter, expected) in [
        (r#"error:"timed OUT""#, vec![failed[0]]),
        ("error:GRÖSSE", vec![]),
        ("error:GRÖßE", vec![failed[1]]),
        ("error:%", vec![failed[1]]),
        ("error:d_o", vec![]),
        ("error:o -error:timed", vec![]),
        ("error:r error:ü", vec![failed[1]]),
        ("-error:timed", vec![fine, failed[1]]),
        (r#"error:"""#, vec![failed[1], failed[0]]),
        (r#"-error:"""#, vec![fine]),
    ] {
        assert_eq!(ids(&t, filter).await, expected, "{filter}");
    }
}

async fn parameters_are_compared_alike_on_every_database(t: Database) {
    let small = Add::new(1).with_b(-7).schedule(t.db()).await.unwrap().id();
    let large = Add::new(9_007_199_254_740_993).with_b(2).schedule(t.db()).await.unwrap().id();
    let text = Note::new("Größe \" 64").schedule(t.db()).await.unwrap().id();
    let number = Note::new("64").schedule(t.db()).await.unwrap().id();
    let values = json!({"width": 64.5, "user": {"name": "ada", "tags": ["x", 3]}, "paid": true, "none": null});
    let nested = jobs_tests::schedule_by_name(t.db(), "Elsewhere", values).await.unwrap();
    for (filter, expected) in [
        ("a:1", vec![small]),
        ("a:>1", vec![large]),
        ("a:9007199254740993", vec![large]),
        ("a:9007199254740992", vec![]),
        ("a:>=1 b:<0", vec![small]),
        ("a:>0 -b:<0", vec![large]),
        ("text:64", vec![number]),
        ("text:>63", vec![]),
        (r#"text:"Größe \" 64""#, vec![text]),
        ("width:>64", vec![nested]),
        ("width:64.50", vec![nested]),
        ("paid:true", vec![nested]),
        ("none:null", vec![nested]),
        ("param.user:ada", vec![]),
        ("user.name:ada", vec![nested]),
        ("user.tags:3", vec![nested]),
        ("user.tags:>3", vec![]),
        ("-a:1 name:Add", vec![large]),
        ("nothing:1", vec![]),
    ] {
        assert_eq!(ids(&t, filter).await, expected, "{filter}");
    }
    assert_eq!(jobs::counts(t.db(), "a:>0".parse().unwrap()).await.unwrap().scheduled, 2);
    assert_eq!(page(&t, "a:>0").await.secrets, [""; 0]);
}

async fn secrets_match_no_condition_and_the_page_says_so(t: Database) {
    let sent = Send::new("here").with_pin(1234).schedule(t.db()).await.unwrap().id();
    let unknown = json!({"token": {"$secret": "hunter2"}, "pin": 1234});
    let unknown = jobs_tests::schedule_by_name(t.db(), "Elsewhere", unknown).await.unwrap();
    for (filter, expected, secrets) in [
        ("pin:1234", vec![unknown], vec!["pin"]),
        ("pin:>0", vec![unknown], vec!["pin"]),
        ("-pin:1", vec![unknown], vec!["pin"]),
        ("token:hunter2", vec![], vec!["token"]),
        ("-token:x", vec![sent], vec!["token"]),
        ("token.$secret:hunter2", vec![], vec!["token"]),
        ("pin:1234 name:Elsewhere", vec![unknown], vec![]),
        ("address:here", vec![sent], vec![]),
    ] {
        let page = page(&t, filter).await;
        assert_eq!(page.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), expected, "{filter}");
        assert_eq!(page.secrets, secrets, "{filter}");
    }
}

async fn a_key_is_found_among_the_jobs_of_its_name(t: Database) {
    let first = Ping::new().schedule(t.db()).unique_key("acme").await.unwrap().id();
    jobs::cancel(t.db(), first).await.unwrap();
    let second = Ping::new().schedule(t.db()).unique_key("acme").await.unwrap().id();
    let other = Add::new(1).schedule(t.db()).unique_key("acme").await.unwrap().id();
    Ping::new().schedule(t.db()).unique_key("other").await.unwrap();
    assert_eq!(ids(&t, "name:Ping key:acme").await, [second, first]);
    assert_eq!(ids(&t, "name:Ping name:Add key:acme").await, [other, second, first]);
    assert_eq!(ids(&t, "name:Ping key:nobody").await, []);
    assert_eq!(refused(jobs::list(t.db(), JobFilter::new().key("acme")).await), "key");
    let read = || -> Result<JobFilter, Error> { Ok("key:acme".parse()?) };
    assert_eq!(refused(read()), "filter");
}

/// Schedules a job, and 32,000 others after it.
async fn one_before_many(t: &Database) -> JobId {
    let one = Ping::new().schedule(t.db()).user("ada").await.unwrap().id();
    jobs::schedule_all(t.db(), (0..1_000).map(Add::new)).await.unwrap();
    let columns = "name, queue, max_attempts, budget, parameters, created_at, scheduled_at";
    for _ in 0..5 {
        t.execute(&format!("INSERT INTO jobs_job ({columns}) SELECT {columns} FROM jobs_job WHERE name = 'Add'")).await;
    }
    one
}

/// How many jobs each page has until the search is at its end.
async fn pages(t: &Database, filter: &str) -> Vec<usize> {
    let mut filter: JobFilter = filter.parse().unwrap();
    let mut sizes = Vec::new();
    loop {
        let page = jobs::list(t.db(), filter.clone()).await.unwrap();
        sizes.push(page.jobs.len());
        assert_eq!(page.searched_back_to.is_some(), page.next.is_some() && page.jobs.len() < 100, "{page:?}");
        let Some(next) = page.next else { return sizes };
        filter = filter.after(next);
    }
}

async fn a_search_stops_at_its_bound_and_goes_on_from_there(t: Database) {
    one_before_many(&t).await;
    assert_eq!(pages(&t, "name:Ping").await, [0, 1]);
    assert_eq!(pages(&t, "status:scheduled -name:Add").await, [0, 1]);
    assert_eq!(pages(&t, "is:due name:Ping").await, [0, 1]);
    // Of those whose parameters are read, fewer are examined at once.
    assert_eq!(pages(&t, "a:-1").await, [0; 7]);
    assert_eq!(pages(&t, "a:7").await.iter().sum::<usize>(), 32);
    assert_eq!(jobs::counts(t.db(), "a:7".parse().unwrap()).await.unwrap().scheduled, 32);
    assert_eq!(jobs::counts(t.db(), "name:Ping".parse().unwrap()).await.unwrap().scheduled, 1);
}

async fn statuses_are_bounded_together(t: Database) {
    let one = one_before_many(&t).await;
    t.execute("UPDATE jobs_job SET status = 2 + id % 2, last_error = 'often'").await;
    // Of each status there are 16,000.
    assert_eq!(pages(&t, "status:canceled,failed name:Ping").await, [0, 1]);
    assert_eq!(
        ids(&t, &format!("status:{} name:Ping", jobs::status(t.db(), one).await.unwrap().as_str())).await,
        [one]
    );
    // All jobs of one status are examined at once, but the errors of some.
    t.execute("UPDATE jobs_job SET last_error = 'seldom' WHERE id % 2000 IN (0, 1)").await;
    let seldom = "status:canceled error:seldom";
    let counted = jobs::counts(t.db(), seldom.parse().unwrap()).await.unwrap().canceled;
    let found = pages(&t, seldom).await;
    assert!(found.len() == 4 && counted > 0 && found.iter().sum::<usize>() as u64 == counted, "{found:?} {counted}");
}

async fn jobs_that_were_scheduled_in_disorder_are_found_by_their_time(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..60).map(Add::new)).await.unwrap();
    // A lock held up those in the middle for an hour: each was scheduled before the one that has the id before it.
    for (index, handle) in handles.iter().enumerate() {
        let minutes = match index {
            0..15 => 300,
            15..35 => 120 + i64::try_from(index).unwrap(),
            _ => 60,
        };
        let then = t.seconds_from_now(-60 * minutes - 30);
        t.execute(&format!("UPDATE jobs_job SET created_at = {then} WHERE id = {handle}")).await;
    }
    assert_eq!(ids(&t, "since:145m").await.len(), 35);
    assert_eq!(ids(&t, "until:145m").await.len(), 25);
    assert_eq!(ids(&t, "until:70m since:4h").await.len(), 20);
}

async fn what_an_index_leads_to_is_found_at_once(t: Database) {
    let one = one_before_many(&t).await;
    let id = one.to_string();
    for filter in
        [id.as_str(), "user:ada", "user:ada name:Ping", "user:grace user:ada", "status:scheduled queue:none user:ada"]
    {
        let expected = if filter.contains("none") { vec![] } else { vec![one] };
        assert_eq!(ids(&t, filter).await, expected, "{filter}");
    }
    jobs::cancel(t.db(), one).await.unwrap();
    for filter in ["status:canceled", "status:canceled,failed name:Ping", "-status:scheduled"] {
        assert_eq!(ids(&t, filter).await, [one], "{filter}");
    }
    let then = t.seconds_from_now(-7_200);
    t.execute(&format!("UPDATE jobs_job SET created_at = {then} WHERE id = {one}")).await;
    assert_eq!(ids(&t, "name:Ping until:1h").await, [one]);
}

async fn bounded_counts_say_what_they_know(t: Database) {
    one_before_many(&t).await;
    let canceled = Ping::new().schedule(t.db()).await.unwrap();
    canceled.cancel(t.db()).await.unwrap();
    for (filter, scheduled, is_exact, canceled) in [
        ("", 10_001, false, 1),
        ("status:scheduled", 10_001, false, 0),
        ("-status:scheduled", 0, true, 1),
        ("name:Add", 10_001, false, 0),
        ("name:Ping", 0, false, 1),
        ("user:ada", 1, true, 0),
        ("user:ada a:1", 0, true, 0),
        ("a:-1", 0, false, 0),
        ("status:canceled name:Ping", 0, true, 1),
    ] {
        let found = jobs::bounded_counts(t.db(), filter.parse().unwrap()).await.unwrap();
        let said = (found.counts.scheduled, found.is_exact(JobStatus::Scheduled), found.counts.canceled);
        assert_eq!(said, (scheduled, is_exact, canceled), "{filter}");
    }
}
