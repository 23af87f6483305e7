//! A database as that of a shop's program: jobs of several kinds, in all statuses.

use std::collections::BTreeMap;
use std::time::Duration;

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{JobFilter, NamedJob, PauseOptions, Principal, Role};
use jobs_tests::{Database, Kind, soon};
use serde_json::json;

use super::browser::Browser;
use super::site::Site;
use super::{shop_history, shop_stats};
use crate::pages::Subjects;

/// Makes a picture of a product smaller.
#[job_fn(queue = "images", max_attempts = 3)]
async fn resize_image(job: &JobContext, file: String, width: u32) -> JobResult<String> {
    job.message(format!("{file} has 4,032 × 3,024 points"));
    if file.contains(".bmp") {
        job.warn("bitmaps are not for pictures on the web");
        return Err(JobError::fail(format!("{file}: the format is not supported\nat line 40 of the decoder")));
    }
    job.set_progress(80);
    job.message(format!("writing {width} × {} points", width * 3 / 4));
    job.set_result("bytes", 48_213)?;
    Ok(file.replace('.', &format!("-{width}.")))
}

/// Sends a mail to a customer.
#[job_fn(queue = "mail", timeout = "30s")]
async fn send_mail(template: String, to: String, #[param(secret, default)] password: String) -> JobResult {
    if to.ends_with("@example.invalid") || password == "wrong" {
        return Err(JobError::fail(format!("the mail server does not accept `{to}` ({template})")));
    }
    Ok(())
}

/// Reads orders from a file of a partner.
#[job_fn(queue = "imports", max_attempts = 5)]
async fn import_orders(job: &JobContext, file: String, partner: String) -> JobResult<u32> {
    job.message(format!("reading {file} of {partner}"));
    job.warn("line 310 has no price: skipped");
    job.set_result("skipped", json!([{ "line": 310, "reason": "no price" }]))?;
    job.message("1,204 orders were imported");
    Ok(1_204)
}

/// Tells another program what has happened.
#[job_fn(queue = "webhooks", max_attempts = 1)]
async fn deliver_webhook(event: String, url: String) -> JobResult {
    if url.contains("slow") {
        return Err(JobError::fail(format!("{url} has not answered within 10 s")));
    }
    let _ = event;
    Ok(())
}

/// Adds up a month.
#[job_fn(queue = "reports", cron = "0 6 1 * *", timezone = "Europe/Paris")]
async fn monthly_report(#[param(default = "2026-10")] month: String) -> JobResult<f64> {
    let _ = month;
    Ok(48_210.55)
}

/// A database in which nothing has happened.
pub(crate) async fn empty() -> (Database, Subjects) {
    (Database::new(Kind::Sqlite).await.unwrap(), Subjects::new())
}

/// The shop's database, and what its pages can be about.
pub(crate) async fn open() -> (Database, Subjects) {
    let t = Database::new(Kind::Sqlite).await.unwrap();
    write_an_archive(&t).await;
    schedule_the_past(&t).await;
    soon(Worker::new(t.db().clone()).name("web-1").run_until_idle()).await.unwrap();
    let (running, waiting) = schedule_the_present(&t).await;
    let customers = ["grace@example.com", "katherine@example.com", "margaret@example.com"];
    for customer in customers {
        SendMail::new("reminder", customer).schedule(t.db()).delay(Duration::from_hours(20)).await.unwrap();
    }
    shop_history::write(&t, running).await;
    shop_stats::write(&t).await;
    operate(&t).await;
    let of = async |name: &str, status| newest(&t, name, status).await.to_string();
    let subjects = BTreeMap::from([
        ("waiting", waiting.to_string()),
        ("running", running.to_string()),
        ("failed", of("ResizeImage", JobStatus::Failed).await),
        ("succeeded", of("ImportOrders", JobStatus::Terminated).await),
        ("with-values", of("ImportOrders", JobStatus::Terminated).await),
        ("parameter", "file".to_owned()),
        ("result", "skipped".to_owned()),
        ("schedule", "catalog pictures".to_owned()),
        ("queue", "webhooks".to_owned()),
        ("again", of("ResizeImage", JobStatus::Failed).await),
        ("waiting-parameter", "month".to_owned()),
        ("filter-of-open", "queue:images".to_owned()),
        ("filter-of-waiting", "status:scheduled".to_owned()),
        ("filter-of-failed", "name:ResizeImage since:2d".to_owned()),
        ("filter-of-closed", "queue:mail".to_owned()),
        ("definition", "ResizeImage".to_owned()),
    ]);
    (t, subjects)
}

/// Acts on many jobs in the dashboard of the shop, which remembers it, and adds the action to the subjects.
pub(crate) async fn cancel_many(browser: &Browser, site: &Site, subjects: &mut Subjects) {
    browser.goto(&site.at("cancel-all?filter=name%3ASendMail")).await;
    browser.click("Cancel all that match").await;
    browser.until_text("2 jobs are canceled.").await;
    let address = browser.address().await;
    let (_, id) = address.split_once("cancel-all-progress?id=").unwrap();
    subjects.insert("operation", id.to_owned());
}

/// Jobs that have ended long ago, as many as the charts tell of.
async fn write_an_archive(t: &Database) {
    let pictures = (0..3_000).map(|number| ResizeImage::new(format!("archive-{number}.jpg"), 640));
    jobs::schedule_all(t.db(), pictures).await.unwrap();
    t.execute(
        "UPDATE jobs_job SET status = 4, attempt = 1, version = 2, started_at = scheduled_at, finished_at = scheduled_at",
    )
    .await;
}

/// What ends at once.
async fn schedule_the_past(t: &Database) {
    let db = t.db();
    for number in 1..=60 {
        let format = if number % 14 == 0 { "bmp" } else { "jpg" };
        ResizeImage::new(format!("product-{number}.{format}"), 640).schedule(db).user("grace").await.unwrap();
        let order = 48_100 + number;
        SendMail::new("receipt", format!("customer-{number}@example.com"))
            .schedule(db)
            .event(format!("order-{order}"))
            .await
            .unwrap();
        if number % 5 == 0 {
            let host = if number % 20 == 0 { "slow.example.net" } else { "hooks.example.com" };
            DeliverWebhook::new("order.paid", format!("https://{host}/orders/{order}")).schedule(db).await.unwrap();
        }
        if number % 12 == 0 {
            let file = format!("orders-2026-11-{:02}.csv", number / 3);
            ImportOrders::new(file, "northwind").schedule(db).user("katherine").await.unwrap();
        }
    }
    SendMail::new("receipt", "nobody@example.invalid").with_password("wrong").schedule(db).await.unwrap();
}

/// What runs and what waits; a job of each.
async fn schedule_the_present(t: &Database) -> (JobId, JobId) {
    let db = t.db();
    let import = ImportOrders::new("orders-2026-11-28.csv", "northwind").schedule(db).user("katherine").await.unwrap();
    for number in 61..=68 {
        ResizeImage::new(format!("product-{number}.jpg"), 640).schedule(db).user("grace").await.unwrap();
    }
    let report = NamedJob::new("YearlyReport", json!({ "year": 2026, "regions": ["north", "south"] }));
    report.schedule(db).queue("archive").user("margaret").await.unwrap();
    let later = MonthlyReport::new().with_month("2026-11").schedule(db).user("margaret").delay(Duration::from_hours(9));
    (import.id(), later.await.unwrap().id())
}

/// What operators do.
async fn operate(t: &Database) {
    let pictures = Cron::new("*/15 8-18 * * MON-FRI").timezone("Europe/Paris");
    cron::add(t.db(), "catalog pictures", pictures, ResizeImage::new("catalog.jpg", 1_280)).await.unwrap();
    let grace = jobs::acting_as(t.db(), Principal::new("grace@example.com", Role::Admin).with_origin("10.0.4.17"));
    let pause = PauseOptions::new().reason("The partner asked for a quiet night").lasting(Duration::from_hours(6));
    grace.pause_with("webhooks", pause).await.unwrap();
    grace.retry(newest(t, "DeliverWebhook", JobStatus::Failed).await).await.unwrap();
    let ada = jobs::acting_as(t.db(), Principal::new("ada@example.com", Role::Admin).with_origin("10.0.4.20"));
    ada.cancel(newest(t, "SendMail", JobStatus::Scheduled).await).await.unwrap();
    ada.run_schedule_now("catalog pictures").await.unwrap();
}

async fn newest(t: &Database, name: &str, status: JobStatus) -> JobId {
    let jobs = jobs::list(t.db(), JobFilter::new().name(name).status(status).limit(1)).await.unwrap();
    jobs.jobs.first().unwrap_or_else(|| panic!("no {name} is {status}")).id
}
