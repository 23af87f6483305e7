//! A program with a dashboard, and jobs that give it something to show: `cargo run --example dashboard`.
//!
//! Anyone on this machine is an administrator here. A real program asks who it is: see the guide "Dashboard and HTTP".

use std::time::Duration;

use axum::Router;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::response::Redirect;
use axum::routing::get;
use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;
use jobs::web::{self, Access, Refusal};
use jobs::{NamedJob, Principal, Role};
use serde_json::json;

/// Makes pictures smaller, now and then in vain.
#[job_fn(queue = "images", max_attempts = 3)]
async fn resize(
    job: &JobContext,
    /// Where the picture is: bitmaps are not for the web.
    file: String,
    /// In pixels. The more, the longer it takes.
    width: u32,
) -> JobResult<String> {
    job.message(format!("{file} has 3,000 × 2,000 points"));
    for percent in (0..100).step_by(5) {
        job.set_progress(percent);
        tokio::time::sleep(Duration::from_millis(u64::from(width))).await;
    }
    if file.contains(".bmp") {
        job.warn("this format is not for pictures on the web");
        return Err(JobError::fail(format!("{file}: bitmaps are not supported\nat line 40 of the decoder")));
    }
    Ok(file.replace('.', "-small."))
}

/// Sends a mail; the server answers late.
#[job_fn(queue = "mail", timeout = "10s", cron = "0 8 * * MON-FRI", timezone = "Europe/Paris")]
async fn send_mail(
    /// The address.
    #[param(default = "ada@example.com")]
    to: String,
    /// Of the mail server: `wrong` is not accepted.
    #[param(secret, default)]
    password: String,
) -> JobResult {
    tokio::time::sleep(Duration::from_millis(300)).await;
    if to.is_empty() || password == "wrong" {
        return Err("the mail server does not accept the password".into());
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let work = tokio::spawn(Worker::new(db.clone()).queue("images", 2).queue("mail", 4).run());
    schedule(&db).await?;

    let app = Router::new()
        .route("/", get(async || Redirect::to("/jobs/")))
        .nest_service("/jobs", web::service(db.clone(), Access::by(of_this_machine)));
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}/jobs/", listener.local_addr()?);
    tokio::select! {
        served = async { axum::serve(listener, app).await } => served?,
        // It ends at Ctrl-C, when its jobs have ended.
        worked = work => worked??,
    }
    Ok(())
}

/// Lets everyone in who asks for this machine by a name that no site can have. Otherwise, a site could make its own name lead here, and
/// its pages could do everything that a browser on this machine can.
fn of_this_machine(request: &Parts) -> Result<Principal, Refusal> {
    let host = request.headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    if host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host.host())) {
        return Ok(Principal::new("ada", Role::Admin));
    }
    Err((StatusCode::MISDIRECTED_REQUEST, "Open it as http://localhost with the port.\n").into())
}

/// Schedules jobs of all kinds.
async fn schedule(db: &DatabaseConnection) -> Result<(), jobs::Error> {
    for number in 1..=40 {
        let format = if number % 9 == 0 { "bmp" } else { "png" };
        Resize::new(format!("holiday-{number}.{format}"), 20 * number).schedule(db).user("grace").await?;
    }
    for name in ["grace", "margaret", "katherine"] {
        SendMail::new().with_to(format!("{name}@example.com")).schedule(db).await?;
    }
    SendMail::new().with_password("wrong").schedule(db).await?;
    SendMail::new().with_to("later@example.com").schedule(db).delay(Duration::from_hours(2)).await?;
    // A program that is not up has the definition.
    NamedJob::new("Report", json!({ "customer": "acme", "pages": [1, 2, 3] })).schedule(db).queue("reports").await?;
    cron::add(db, "holiday pictures", Cron::new("*/5 * * * *"), Resize::new("holiday.png", 10)).await?;
    jobs::pause(db, "backup").await
}
