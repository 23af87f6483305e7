//! Servers on this machine: the dashboard in a program, the dashboard alone, and other sites.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse as _};
use jobs::__private::web::{Hosts, ShowLink, Standalone, Ways};
use jobs::web::{Access, service};
use jobs::{Principal, Role};
use sea_orm::DatabaseConnection;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::browser::Browser;

/// A server. It ends with this value.
pub(crate) struct Site {
    pub(crate) port: u16,
    /// What all its pages have in common, such as `http://127.0.0.1:8080/jobs/`.
    pub(crate) root: String,
    task: AbortHandle,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// A program that answers so.
    pub(crate) async fn of(router: Router) -> Self {
        let (listener, address) = Self::listen().await;
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port: address.port(), root: format!("http://{address}/"), task: task.abort_handle() }
    }

    /// A program with the dashboard below `/jobs`. Everyone is this principal, who can change meanwhile.
    pub(crate) async fn with_dashboard(db: DatabaseConnection, principal: Arc<Mutex<Principal>>) -> Self {
        let access = Access::by(move |_| Ok(principal.lock().unwrap().clone()));
        let mut site = Self::of(Router::new().nest_service("/jobs", service(db, access))).await;
        site.root.push_str("jobs/");
        site
    }

    /// The dashboard of ada, an administrator.
    pub(crate) async fn of_ada(db: DatabaseConnection) -> Self {
        Self::with_dashboard(db, Arc::new(Mutex::new(Principal::new("ada", Role::Admin)))).await
    }

    /// The dashboard alone, as its command serves it, and the links that it shows for ada.
    pub(crate) async fn alone(db: DatabaseConnection) -> (Self, Links) {
        let (listener, address) = Self::listen().await;
        let links = Links::default();
        let shown = Arc::clone(&links.0);
        let show: ShowLink = Box::new(move |link| shown.lock().unwrap().push(link.to_owned()));
        let ways = Ways { link: Some((Principal::new("ada@example.com", Role::Admin), show)), ..Ways::default() };
        let dashboard = Standalone::new(db, address, Hosts::new(address.ip(), Vec::new()), ways);
        dashboard.show_link();
        let task = tokio::spawn(dashboard.serve(listener, std::future::pending()));
        (Self { port: address.port(), root: format!("http://{address}/"), task: task.abort_handle() }, links)
    }

    /// A site with one page, at every address.
    pub(crate) async fn with_page(page: &str) -> Self {
        let page = Html(page.to_owned());
        Self::of(Router::new().fallback(async move || page)).await
    }

    /// The same, with a policy that lets nothing be executed.
    pub(crate) async fn with_protected_page(page: &str) -> Self {
        let answer =
            ([(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"))], Html(page.to_owned()));
        Self::of(Router::new().fallback(async move || answer.into_response())).await
    }

    /// An address below the root.
    pub(crate) fn at(&self, address: &str) -> String {
        format!("{}{address}", self.root)
    }
}

/// The links that a dashboard has shown.
#[derive(Default)]
pub(crate) struct Links(Arc<Mutex<Vec<String>>>);

impl Links {
    pub(crate) fn last(&self) -> String {
        self.0.lock().unwrap().last().expect("it has shown one").clone()
    }

    /// Signs in by the last one.
    pub(crate) async fn follow(&self, browser: &Browser) {
        browser.goto(&self.last()).await;
        browser.click("Open the dashboard").await;
        browser.until_heading("Overview").await;
    }
}
