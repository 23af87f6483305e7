//! A web server that takes orders. Each order has a job that packs it; a refused order leaves neither behind.
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
use jobs::sea_orm::{Schema, Set};
use jobs::{BoxError, CancellationToken};
use order::Pack;
use serde::Deserialize;
use serde_json::{Value, json};

/// The most orders that may wait to be packed.
const MAX_WAITING: u64 = 5;

#[derive(Deserialize)]
struct NewOrder {
    item: String,
}

type Db = State<DatabaseConnection>;
type Answer = Result<(StatusCode, Json<Value>), Refused>;

async fn place_order(State(db): Db, Json(new): Json<NewOrder>) -> Answer {
    // A transaction that may read before it writes, on every database.
    let transaction = jobs::begin(&db).await?;
    let waiting = order::Entity::find().filter(order::Column::Packed.eq(false)).count(&transaction).await?;
    let order = order::ActiveModel { item: Set(new.item), packed: Set(false), ..Default::default() };
    let order = order.insert(&transaction).await?;
    let job = Pack::new(order.id).schedule(&transaction).await?;
    if waiting >= MAX_WAITING {
        // A transaction that is dropped is rolled back: there is no order, and no job.
        return Err(Refused(StatusCode::TOO_MANY_REQUESTS, "too many orders wait to be packed".into()));
    }
    transaction.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "order": order.id, "job": job }))))
}

/// Answers everyone; if there are users, compare `job.user` with the one who asks.
async fn job_status(State(db): Db, Path(id): Path<JobId>) -> Answer {
    let job = jobs::record(&db, id).await?;
    Ok((StatusCode::OK, Json(json!({ "status": job.status, "progress": job.progress }))))
}

/// The response to a refused request.
struct Refused(StatusCode, String);

/// Also from SeaORM's errors.
impl<E: Into<jobs::Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        match error.into() {
            error @ jobs::Error::NotFound { .. } => Self(StatusCode::NOT_FOUND, error.to_string()),
            error => {
                tracing::error!(%error, "a request failed");
                Self(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong here".into())
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
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

    let stop = CancellationToken::new();
    let server = axum::serve(listener, router(db.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
    let server = tokio::spawn(server.into_future());
    // On Ctrl-C or SIGTERM it lets its jobs end, while requests are still answered.
    Worker::new(db).run().await?;
    stop.cancel();
    // Do not wait forever for clients that keep their connections.
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(5), server).await {
        ended??;
    }
    Ok(())
}
