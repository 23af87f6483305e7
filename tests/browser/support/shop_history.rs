//! Makes the shop's database one of a day's work: times, workers and what they are doing.

use jobs::JobId;
use jobs_tests::Database;

/// Spreads what has ended over a day, has a job run, and registers workers.
pub(crate) async fn write(t: &Database, running: JobId) {
    let earlier = |column: &str| {
        format!("{column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, ((id - {running}) * 11) || ' minutes')")
    };
    let columns = ["created_at", "scheduled_at", "started_at", "finished_at"].map(earlier).join(", ");
    let of_job = |column: &str| {
        format!("{column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, ((job_id - {running}) * 11) || ' minutes')")
    };
    for statement in [
        format!("UPDATE jobs_job SET {columns} WHERE status > 1"),
        // What waits has come since.
        format!(
            "UPDATE jobs_job SET created_at = {} WHERE id > {running}",
            later("created_at", &format!("(id - {running} - 21) * 9"))
        ),
        format!("UPDATE jobs_job SET scheduled_at = created_at WHERE id > {running} AND scheduled_at < {}", ago(0)),
        format!("UPDATE jobs_message SET {}", of_job("created_at")),
        format!("UPDATE jobs_attempt SET {}, {}", of_job("started_at"), of_job("ended_at")),
        // Work takes time.
        format!("UPDATE jobs_job SET finished_at = {} WHERE status > 1", later("started_at", "id % 7 * 1.3 + 0.4")),
        format!("UPDATE jobs_attempt SET ended_at = {}", later("started_at", "job_id % 7 * 1.3 + 0.4")),
        worker("web-1", "app-1.example.com", 2_411, &["images", "mail", "webhooks"], 26),
        worker("web-2", "app-2.example.com", 2_398, &["images", "mail", "webhooks"], 26),
        worker("batch", "app-3.example.com", 811, &["imports", "reports"], 140),
        "UPDATE jobs_worker SET expires_at = last_seen_at WHERE name = 'web-2'".to_owned(),
        format!(
            "UPDATE jobs_job SET status = 1, attempt = 1, version = 1, progress = 62, started_at = {0}, \
             created_at = {0}, scheduled_at = {0}, worker_id = (SELECT id FROM jobs_worker WHERE name = 'batch') WHERE id = {running}",
            ago(200)
        ),
        message(running, 1, 0, 200, "reading orders-2026-11-28.csv of northwind"),
        message(running, 2, 0, 195, "3,118 lines"),
        message(running, 3, 1, 87, "line 1,204 has no price: skipped"),
        message(running, 4, 1, 12, "line 1,877 names a product that is not sold any more: skipped"),
    ] {
        t.execute(&statement).await;
    }
}

fn later(time: &str, seconds: &str) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', {time}, ({seconds}) || ' seconds')")
}

fn ago(seconds: u32) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{seconds} seconds')")
}

/// A worker that was started this many hours ago, and is live as long as a test.
fn worker(name: &str, host: &str, pid: u32, queues: &[&str], hours: u32) -> String {
    let names = ["DeliverWebhook", "ImportOrders", "MonthlyReport", "ResizeImage", "SendMail"];
    let serves = serde_json::json!({ "queues": queues, "names": names });
    format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves) \
         VALUES ('{name}', '{host}', {pid}, {}, {}, '2100-01-01T00:00:00.000Z', '{serves}')",
        ago(hours * 3_600),
        ago(4)
    )
}

fn message(job: JobId, number: u32, level: u32, seconds: u32, text: &str) -> String {
    format!(
        "INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text) \
         VALUES ({job}, 1, 1, {number}, {level}, {}, '{text}')",
        ago(seconds)
    )
}
