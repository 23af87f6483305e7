//! Sums of what workers have counted.

use jobs::{Error, Principal, Role, StatsFilter, StatsRange};
use jobs_tests::{Database, Kind, cases};

use crate::support::common::refused;

cases![
    a_range_has_all_its_periods_and_nothing_else,
    all_workers_are_summed_up,
    a_search_among_many_rows_says_where_it_stopped,
    a_search_among_many_pairs_says_where_it_stopped,
    a_row_that_can_t_be_read_counts_nothing if Kind::takes_any_text,
    a_name_that_nothing_can_have_is_refused,
    who_may_not_look_sees_no_sums,
];

const ONE: &str = r#"{"terminated": 1, "wait": {"below_ms": {"64": 1}, "sum_us": 40000}}"#;

/// Inserts a row of each of these workers, for the period that was current this many seconds ago.
async fn insert(t: &Database, period: u8, seconds_ago: i64, workers: std::ops::Range<u32>, by_job: &str) {
    let at = t.seconds_from_now(-seconds_ago);
    let rows: Vec<_> = workers.map(|worker| format!("({period}, {at}, {worker}, '{ONE}', '{by_job}')")).collect();
    for rows in rows.chunks(1_000) {
        let columns = "period, starts_at, worker_id, total, by_job";
        t.execute(&format!("INSERT INTO jobs_stat ({columns}) VALUES {}", rows.join(", "))).await;
    }
}

async fn a_range_has_all_its_periods_and_nothing_else(t: Database) {
    const HOUR: i64 = 3_600;
    // Each in the middle of a range, and before it.
    insert(&t, 0, HOUR / 2, 0..1, "{}").await;
    insert(&t, 0, 2 * HOUR, 0..1, "{}").await;
    insert(&t, 1, 12 * HOUR, 0..10, "{}").await;
    insert(&t, 1, 3 * 24 * HOUR, 0..100, "{}").await;
    insert(&t, 1, 9 * 24 * HOUR, 0..1, "{}").await;
    // By a clock that is wrong.
    insert(&t, 0, -HOUR, 0..1, "{}").await;
    for (range, periods, terminated) in
        [(StatsRange::Hour, 60, 1), (StatsRange::Day, 24, 10), (StatsRange::Week, 7 * 24, 110)]
    {
        let stats = jobs::stats(t.db(), range).await.unwrap();
        assert_eq!((stats.range, stats.periods.len(), stats.total.terminated), (range, periods, terminated));
        assert_eq!(stats.searched_back_to, None);
        assert!(stats.periods.windows(2).all(|two| two[0].starts_at + range.period() == two[1].starts_at));
        let counted: Vec<_> = stats.periods.iter().filter(|period| period.totals.terminated > 0).collect();
        assert_eq!(counted.len(), if range == StatsRange::Week { 2 } else { 1 });
        let wait = counted[0].totals.wait;
        assert_eq!((wait.mean, wait.median, wait.p95).0, Some(std::time::Duration::from_millis(40)));
        let json = serde_json::to_value(&stats).unwrap();
        assert_eq!(json["total"]["wait"]["mean_seconds"], 0.04);
        assert_eq!(serde_json::from_value::<jobs::Stats>(json).unwrap().periods.len(), periods);
    }
}

async fn all_workers_are_summed_up(t: Database) {
    let by_job = format!(r#"{{"by_queue": {{"images": {{"Resize": {ONE}, "Crop": {ONE}}}}}, "other": {ONE}}}"#);
    // More than one page of them.
    insert(&t, 0, 300, 0..1_500, &by_job).await;
    let of = async |filter| jobs::stats(t.db(), filter).await.unwrap().total.terminated;
    assert_eq!(of(StatsFilter::new(StatsRange::Hour)).await, 1_500);
    assert_eq!(of(StatsFilter::new(StatsRange::Hour).queue("images")).await, 3_000);
    assert_eq!(of(StatsFilter::new(StatsRange::Hour).name("Crop")).await, 1_500);
    assert_eq!(of(StatsFilter::new(StatsRange::Hour).queue("images").name("Crop")).await, 1_500);
    assert_eq!(of(StatsFilter::new(StatsRange::Hour).queue("mail")).await, 0);
}

async fn a_search_among_many_rows_says_where_it_stopped(t: Database) {
    insert(&t, 0, 300, 0..15_000, "{}").await;
    insert(&t, 0, 900, 0..15_000, "{}").await;
    let stats = jobs::stats(t.db(), StatsRange::Hour).await.unwrap();
    assert_eq!(stats.total.terminated, 20_000);
    let back_to = stats.searched_back_to.unwrap();
    let places: Vec<_> = stats.periods.iter().filter(|period| period.totals.terminated > 0).collect();
    assert!(places.len() >= 2 && back_to - places[0].starts_at < chrono::TimeDelta::minutes(1), "{back_to}");
}

async fn a_search_among_many_pairs_says_where_it_stopped(t: Database) {
    let names: Vec<_> = (0..100).map(|name| format!(r#""Job{name}": {{"failed": 1}}"#)).collect();
    let by_job = format!(r#"{{"by_queue": {{"images": {{{}}}}}}}"#, names.join(", "));
    insert(&t, 0, 300, 0..500, &by_job).await;
    insert(&t, 0, 900, 0..700, &by_job).await;
    let stats = jobs::stats(t.db(), StatsFilter::new(StatsRange::Hour).queue("images")).await.unwrap();
    assert_eq!(stats.total.failed, 100_000);
    assert!(stats.searched_back_to.is_some());
}

async fn a_row_that_can_t_be_read_counts_nothing(t: Database) {
    insert(&t, 0, 300, 0..2, "{}").await;
    t.execute("UPDATE jobs_stat SET total = 'no JSON' WHERE worker_id = 0").await;
    assert_eq!(jobs::stats(t.db(), StatsRange::Hour).await.unwrap().total.terminated, 1);
}

async fn a_name_that_nothing_can_have_is_refused(t: Database) {
    let of = async |filter| refused(jobs::stats(t.db(), filter).await);
    assert_eq!(of(StatsFilter::new(StatsRange::Day).queue("")).await, "queue");
    assert_eq!(of(StatsFilter::new(StatsRange::Day).name("x".repeat(201))).await, "name");
}

async fn who_may_not_look_sees_no_sums(t: Database) {
    let nobody = jobs::acting_as(t.db(), Principal::new("nobody", Role::Viewer).deny(jobs::Action::View));
    assert!(matches!(nobody.stats(StatsRange::Hour).await, Err(Error::Forbidden { .. })));
    assert!(matches!(nobody.failures().await, Err(Error::Forbidden { .. })));
    let viewer = jobs::acting_as(t.db(), Principal::new("vera", Role::Viewer));
    assert_eq!(viewer.stats(StatsRange::Hour).await.unwrap().periods.len(), 60);
}
