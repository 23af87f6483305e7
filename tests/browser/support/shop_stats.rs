//! What the shop's workers have counted, for charts: more by day than at night, and a mail server that was away for a while.

use std::f64::consts::TAU;

use jobs_tests::Database;
use serde_json::{Value, json};

const MINUTES: u32 = 170;
const HOURS: u32 = 190;

/// Writes it in place of what the worker of the shop has counted in a second.
pub(crate) async fn write(t: &Database) {
    t.execute("DELETE FROM jobs_stat").await;
    let minutes =
        (0..MINUTES).map(|ago| row(0, &format!("'%Y-%m-%dT%H:%M:00.000Z', 'now', '-{ago} minutes'"), &minute(ago)));
    let hours = (0..HOURS).map(|ago| row(1, &format!("'%Y-%m-%dT%H:00:00.000Z', 'now', '-{ago} hours'"), &hour(ago)));
    let rows: Vec<_> = minutes.chain(hours).collect();
    let columns = "period, starts_at, worker_id, total, by_job";
    t.execute(&format!("INSERT INTO jobs_stat ({columns}) VALUES {}", rows.join(", "))).await;
}

fn row(period: u8, time: &str, total: &Value) -> String {
    format!("({period}, strftime({time}), 1, '{total}', '{{}}')")
}

/// Between 0 and 1, and the same each time.
fn chance(number: u32) -> f64 {
    let mixed = number.wrapping_mul(2_654_435_761);
    f64::from((mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519) >> 24) / 255.0
}

fn minute(ago: u32) -> Value {
    let trouble = if (18..26).contains(&ago) { 1.0 } else { 0.0 };
    let load = 0.7 + 0.25 * (f64::from(ago) / 11.0).sin() + 0.25 * chance(ago);
    tally(62.0 * load, trouble, chance(ago + 7))
}

fn hour(ago: u32) -> Value {
    let trouble = if [0, 53, 54].contains(&ago) { 0.4 } else { 0.0 };
    let load = 0.55 + 0.4 * (TAU * f64::from(ago) / 24.0).cos() + 0.1 * chance(ago);
    tally(3_100.0 * load, trouble, chance(ago + 7))
}

/// So many jobs; in trouble, some fail, more are retried, and all wait.
fn tally(jobs: f64, trouble: f64, chance: f64) -> Value {
    let number = rounded;
    let failed = jobs * 0.014 * trouble * (0.4 + chance);
    let retried = jobs * (0.02 + 0.3 * trouble) * chance;
    let slow = jobs * (0.06 + 0.5 * trouble + 0.1 * chance);
    let wait = json!({ "128": number(jobs * 0.5), "256": number(jobs - slow), "1024": number(slow), "4096": number(slow * trouble) });
    json!({
        "terminated": number(jobs - failed), "failed": number(failed), "canceled": number(chance * 1.3),
        "retried": number(retried), "wait": { "below_ms": wait, "sum_us": 1 },
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "thousands")]
fn rounded(number: f64) -> u32 {
    number.max(0.0).round() as u32
}
