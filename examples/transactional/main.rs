//! A web server that takes orders. Each has a job that packs it, and an order that is refused leaves neither behind.
//!
//! ```sh
//! cargo run --example transactional    # http://127.0.0.1:3000, until Ctrl-C
//! cargo test --example transactional   # a client plays through it, in `tests.rs`
//! ```

mod order;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jobs::prelude::*;
use jobs::sea_orm::entity::prelude::*;
use jobs::sea_orm::{Schema, Set, TransactionTrait as _, Unchanged};
use jobs::{BoxError, CancellationToken};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many orders may wait to be packed.
const MAX_WAITING: u64 = 5;

/// Packs an order.
#[job_fn(queue = "packing")]
async fn pack(job: &JobContext, order: i32) -> JobResult {
    for step in 1..=20 {
        tokio::time::sleep(Duration::from_millis(100)).await; // in place of work
        job.set_progress_of(step, 20);
    }
    // That the order is packed and that its job has ended are committed together, too.
    let transaction = job.db().begin().await?;
    let packed = order::ActiveModel { id: Unchanged(order), packed: Set(true), ..Default::default() };
    packed.update(&transaction).await?;
    job.finish_in(&transaction, &()).await?;
    Ok(transaction.commit().await?)
}

#[derive(Deserialize)]
struct NewOrder {
    item: String,
}

async fn place_order(State(db): State<DatabaseConnection>, Json(new): Json<NewOrder>) -> Result<Response, Refused> {
    let transaction = db.begin().await?;
    let order = order::ActiveModel { item: Set(new.item), packed: Set(false), ..Default::default() };
    let order = order.insert(&transaction).await?;
    let job = Pack::new(order.id).schedule(&transaction).await?;
    if order::Entity::find().filter(order::Column::Packed.eq(false)).count(&transaction).await? > MAX_WAITING {
        // A transaction that is dropped is rolled back: there is no order, and no job.
        return Err(Refused::TooMany);
    }
    transaction.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "order": order.id, "job": job }))).into_response())
}

/// Whoever asks is answered: where there are users, compare `job.user` with who asks.
async fn job_status(State(db): State<DatabaseConnection>, Path(id): Path<JobId>) -> Result<Json<Value>, Refused> {
    let job = jobs::record(&db, id).await?;
    Ok(Json(json!({ "status": job.status, "progress": job.progress, "error": job.last_error })))
}

/// Why a request gets no more than an error.
enum Refused {
    TooMany,
    Error(jobs::Error),
}

/// What SeaORM returns, too.
impl<E: Into<jobs::Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too many orders wait to be packed".into()),
            Self::Error(error @ jobs::Error::NotFound { .. }) => (StatusCode::NOT_FOUND, error.to_string()),
            Self::Error(error) => {
                tracing::error!(%error, "a request failed");
                let passes = error.is_retryable();
                let status = if passes { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
                (status, "something went wrong here".into())
            }
        };
        (status, Json(json!({ "error": text }))).into_response()
    }
}

fn router(db: DatabaseConnection) -> Router {
    Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/orders", post(place_order))
        .route("/jobs/{id}", get(job_status))
        .with_state(db)
}

async fn make_tables(db: &DatabaseConnection) -> Result<(), jobs::Error> {
    jobs::migrate(db).await?;
    db.execute(&Schema::new(db.get_database_backend()).create_table_from_entity(order::Entity)).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let db = jobs::connect("sqlite::memory:").await?;
    make_tables(&db).await?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}, until Ctrl-C", listener.local_addr()?);

    // The worker hears Ctrl-C and SIGTERM. When its jobs have ended, the server ends.
    let stop = CancellationToken::new();
    let server = axum::serve(listener, router(db.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
    let worker = async {
        let _stop = stop.drop_guard();
        Worker::new(db).run().await
    };
    let (served, worked) = tokio::join!(server.into_future(), worker);
    worked?;
    Ok(served?)
}
