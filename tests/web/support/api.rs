//! Asks the HTTP API as a program does. Each answer must be one that the API's description tells.

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use jobs::web::Access;
use jobs::{Principal, Role};
use jobs_tests::Database;
use serde_json::Value;

use super::browser::{Browser, request};
use super::schema;

/// A program, whom the API knows.
pub(crate) struct Program {
    browser: Browser,
    document: Value,
}

/// What the program gets.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as JSON; as a text if it is an event stream.
    pub(crate) body: Value,
}

impl Program {
    /// The program of ada, who has this role.
    pub(crate) async fn of(t: &Database, role: Role) -> Self {
        Self::of_principal(t, Principal::new("ada", role)).await
    }

    pub(crate) async fn of_principal(t: &Database, principal: Principal) -> Self {
        let document = document(t).await;
        Self { browser: Browser::of_principal(t, principal), document }
    }

    pub(crate) async fn with(t: &Database, browser: Browser) -> Self {
        Self { browser, document: document(t).await }
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], "").await
    }

    /// Sends a change with this JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, &[JSON], &body.to_string()).await
    }

    /// Sends a change without a body.
    pub(crate) async fn change(&self, method: Method, path: &str) -> Reply {
        self.send(method, path, &[JSON], "").await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let asked = request(method.clone(), path, headers).body(Body::from(body.to_owned())).unwrap();
        let answer = self.browser.send(asked).await;
        let media_type = answer.header("content-type").to_owned();
        let body = match media_type.as_str() {
            "application/json" => serde_json::from_str(&answer.body).unwrap(),
            _ => Value::String(answer.body),
        };
        let reply = Reply { status: answer.status, headers: answer.headers, body };
        schema::assert_described(&self.document, &method, path, &media_type, &reply);
        reply
    }
}

pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

async fn document(t: &Database) -> Value {
    let everyone = Access::by(|_| Ok(Principal::new("reader", Role::Viewer)));
    let answer = Browser::with(t.db().clone(), everyone).get("/api/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_str(&answer.page()).unwrap()
}

impl Reply {
    /// The answer, which must be that it is done.
    #[track_caller]
    pub(crate) fn done(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.body
    }

    /// The message of the failure, which must be this one.
    #[track_caller]
    pub(crate) fn refused(&self, status: StatusCode, code: &str) -> &str {
        assert_eq!((self.status, self.body["error"]["code"].as_str()), (status, Some(code)), "{self:?}");
        self.body["error"]["message"].as_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
