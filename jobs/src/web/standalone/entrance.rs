//! Who comes, by which of the ways in.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use super::links::Links;
use super::sessions::Sessions;
use super::token::Token;
use crate::job::parameters::check_name;
use crate::{Principal, Role};

/// A function that shows a link to whom it is for.
pub type ShowLink = Box<dyn Fn(&str) + Send + Sync>;

/// The ways in.
#[derive(Default)]
pub struct Ways {
    /// A link that is valid once: whom it lets in, and what shows it to them.
    pub link: Option<(Principal, ShowLink)>,
    /// A shared token, and whom it lets in.
    pub token: Option<(Token, Principal)>,
    /// A proxy that signs people in.
    pub proxy: Option<Proxy>,
}

/// A proxy that signs people in.
#[derive(Debug)]
pub struct Proxy {
    /// The header in which it names them.
    pub header: HeaderName,
    /// Where it is: others may send the header, but nobody believes them.
    pub addresses: Vec<IpAddr>,
    /// What those people may do.
    pub role: Role,
}

/// What lets people in.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) ways: Ways,
    address: SocketAddr,
    links: Links,
    sessions: Sessions,
}

impl Entrance {
    pub(super) fn new(ways: Ways, address: SocketAddr) -> Self {
        Self { ways, address, links: Links::default(), sessions: Sessions::new(address.port()) }
    }

    /// Who sends this request, and from where.
    pub(super) fn principal(&self, request: &Parts) -> Option<Principal> {
        let ConnectInfo(peer) = request.extensions.get::<ConnectInfo<SocketAddr>>()?;
        let peer = peer.ip().to_canonical();
        let of_token = || self.ways.token.as_ref().filter(|(token, _)| token.is_in(&request.headers));
        let of_proxy = || self.ways.proxy.as_ref().and_then(|proxy| proxy.principal(peer, &request.headers));
        let principal = of_token().map(|(_, principal)| principal.clone()).or_else(of_proxy);
        let principal = principal.or_else(|| self.sessions.principal(&request.headers, Instant::now()))?;
        Some(principal.with_origin(peer.to_string()))
    }

    /// Opens a session for whoever has the token of a link, or the shared one: returns its cookie.
    pub(super) fn sign_in(&self, given: &str, headers: &HeaderMap) -> Option<String> {
        let now = Instant::now();
        let of_link = self.ways.link.as_ref().filter(|_| self.links.redeem(given, now)).map(|(principal, _)| principal);
        let of_token = || self.ways.token.as_ref().filter(|(token, _)| token.is(given)).map(|(_, principal)| principal);
        let principal = of_link.or_else(of_token)?.clone();
        self.sign_out(headers);
        Some(self.sessions.open(principal, is_encrypted(headers), now))
    }

    /// Whether this request comes with a session.
    pub(super) fn has_session(&self, headers: &HeaderMap) -> bool {
        self.sessions.principal(headers, Instant::now()).is_some()
    }

    /// Ends the session of a request: returns what makes the browser forget its cookie.
    pub(super) fn sign_out(&self, headers: &HeaderMap) -> String {
        self.sessions.close(headers, is_encrypted(headers))
    }

    /// Shows a new link, unless the last one has just been shown.
    pub(super) fn show_link(&self) {
        if let Some((_, show)) = &self.ways.link
            && let Some(token) = self.links.make(Instant::now())
        {
            show(&format!("http://{}/login?token={token}", self.address));
        }
    }
}

/// Whether the browser has encrypted what it sends: it knows, also if a proxy with TLS is in front.
fn is_encrypted(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https:"))
}

impl Proxy {
    /// Whom the proxy names. It has to be the proxy, and to name one.
    fn principal(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Principal> {
        let mut names = headers.get_all(&self.header).iter();
        let (Some(name), None) = (names.next(), names.next()) else { return None };
        // UTF-8, as proxies send names. The audit must be able to store it.
        let name = str::from_utf8(name.as_bytes()).ok().map(str::trim)?;
        check_name("principal", name).ok()?;
        self.addresses.contains(&peer).then(|| Principal::new(name, self.role))
    }
}

impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ways").field("token", &self.token).field("proxy", &self.proxy).finish_non_exhaustive()
    }
}
