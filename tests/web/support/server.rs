//! Asks the dashboard that is served alone, from an address and by a cookie.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Method;
use jobs::__private::web::{Hosts, Proxy, ShowLink, Standalone, Token, Ways};
use jobs::{CancellationToken, Principal, Role};
use jobs_tests::{Database, soon};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::browser::{Answer, request};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const ADDRESS: &str = "127.0.0.1:7433";

/// The dashboard alone, as its command serves it.
pub(crate) struct Server {
    router: Router,
    standalone: Standalone,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn new(t: &Database, ways: Ways) -> Self {
        let (address, shown) = (ADDRESS.parse::<SocketAddr>().unwrap(), Arc::default());
        let hosts = Hosts::new(address.ip(), vec!["jobs.example.com".to_owned()]);
        let standalone = Standalone::new(t.db().clone(), address, hosts, ways);
        Self { router: standalone.router(), standalone, shown }
    }

    /// One that shows links to ada, an administrator, and has shown the first.
    pub(crate) fn by_link(t: &Database) -> Self {
        let shown: Arc<Mutex<Vec<String>>> = Arc::default();
        let show = {
            let shown = Arc::clone(&shown);
            move |link: &str| shown.lock().unwrap().push(link.to_owned())
        };
        let link = Some((Principal::new("ada@here", Role::Admin), Box::new(show) as ShowLink));
        let server = Self { shown, ..Self::new(t, Ways { link, ..Ways::default() }) };
        server.standalone.show_link();
        server
    }

    /// One whose users share a token.
    pub(crate) fn by_token(t: &Database) -> Self {
        let file = private_file(&format!("{TOKEN}\n"));
        let token = Token::read(file.path()).unwrap();
        Self::new(t, Ways { token: Some((token, Principal::new("token", Role::Viewer))), ..Ways::default() })
    }

    /// One behind a proxy at this address.
    pub(crate) fn by_proxy(t: &Database, address: &str) -> Self {
        let header = "x-forwarded-user".parse().unwrap();
        let proxy = Proxy { header, addresses: vec![address.parse().unwrap()], role: Role::Operator };
        Self::new(t, Ways { proxy: Some(proxy), ..Ways::default() })
    }

    /// The links that it has shown.
    pub(crate) fn links(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    /// The token in the last one.
    pub(crate) fn token(&self) -> String {
        let link = self.links().pop().unwrap();
        link.strip_prefix("http://127.0.0.1:7433/login?token=").expect("a link").to_owned()
    }

    /// Asks from this machine.
    pub(crate) async fn get(&self, address: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("127.0.0.1", Method::GET, address, "", headers).await
    }

    /// Sends a form from a page of the dashboard.
    pub(crate) async fn post(&self, address: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("sec-fetch-site", "same-origin")], headers].concat();
        self.send("127.0.0.1", Method::POST, address, form, &headers).await
    }

    pub(crate) async fn send(
        &self,
        from: &str,
        method: Method,
        address: &str,
        form: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = request(method, address, headers).header("content-type", "application/x-www-form-urlencoded");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", ADDRESS);
        }
        let request = request.extension(ConnectInfo(SocketAddr::new(from.parse().unwrap(), 50_000)));
        let answer = self.router.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap());
        Answer::of(soon(answer).await.unwrap()).await
    }

    /// Serves it there until told to stop.
    pub(crate) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        self.standalone.serve(listener, stop.cancelled_owned()).await.unwrap();
    }

    /// Signs in with this token, and returns the cookie.
    pub(crate) async fn sign_in(&self, token: &str) -> String {
        let answer = self.post("/login", &format!("token={token}"), &[]).await;
        assert_eq!(answer.leads_to(), "overview");
        cookie(&answer)
    }
}

/// The cookie that the answer sets, as the browser sends it.
pub(crate) fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// A file that only its owner can read.
pub(crate) fn private_file(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

/// Sets who can read a file.
#[cfg(unix)]
pub(crate) fn share(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
