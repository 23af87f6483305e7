//! A client that orders, asks, and is refused. It calls the router without a network.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use jobs::sea_orm::{DatabaseConnection, EntityTrait as _, PaginatorTrait as _};
use jobs::{JobFilter, testing};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{MAX_WAITING, make_tables, order, router};

async fn ask(db: &DatabaseConnection, method: Method, path: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.body(Body::from(r#"{ "item": "a kite" }"#)).unwrap();
    let response = router(db.clone()).oneshot(request).await.unwrap();
    let (status, body) = (response.status(), to_bytes(response.into_body(), usize::MAX).await.unwrap());
    (status, serde_json::from_slice(&body).unwrap())
}

async fn orders_and_jobs(db: &DatabaseConnection) -> (u64, u64) {
    let jobs = jobs::counts(db, JobFilter::new()).await.unwrap().total();
    (order::Entity::find().count(db).await.unwrap(), jobs)
}

#[tokio::test]
async fn an_order_is_packed_by_its_job() {
    let db = testing::database().await.unwrap();
    make_tables(&db).await.unwrap();
    let (status, placed) = ask(&db, Method::POST, "/orders").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let job = format!("/jobs/{}", placed["job"]);
    let waiting = json!({ "status": "scheduled", "progress": 0 });
    assert_eq!(ask(&db, Method::GET, &job).await, (StatusCode::OK, waiting));

    testing::drain(&db).await.unwrap().assert_all_terminated();
    let ended = json!({ "status": "terminated", "progress": 100 });
    assert_eq!(ask(&db, Method::GET, &job).await, (StatusCode::OK, ended));
    assert!(order::Entity::find().one(&db).await.unwrap().unwrap().packed);
}

#[tokio::test]
async fn an_order_that_is_refused_leaves_neither_an_order_nor_a_job() {
    let db = testing::database().await.unwrap();
    make_tables(&db).await.unwrap();
    for _ in 0..MAX_WAITING {
        assert_eq!(ask(&db, Method::POST, "/orders").await.0, StatusCode::ACCEPTED);
    }
    assert_eq!(ask(&db, Method::POST, "/orders").await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(orders_and_jobs(&db).await, (MAX_WAITING, MAX_WAITING));
}

#[tokio::test]
async fn a_job_that_does_not_exist_is_not_found() {
    let db = testing::database().await.unwrap();
    make_tables(&db).await.unwrap();
    let answer = ask(&db, Method::GET, "/jobs/7").await;
    assert_eq!(answer, (StatusCode::NOT_FOUND, json!({ "error": "there is no job 7" })));
}
