//! Who may send a change: only pages of this site, and programs that are not browsers.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::access::Access;
use super::failure::Failure;
use super::origin::{Origin, may_be_a_site};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// With these, browsers send by themselves what a user has once typed, also if another site makes them.
const AMBIENT: [&str; 4] = ["basic", "digest", "negotiate", "ntlm"];

/// Refuses a request that was sent to another name, and a change that another site has made the browser send.
pub(super) async fn only_from_here(State(access): State<Access>, request: Request, next: Next) -> Response {
    // HTTP/2 has the host in the address.
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let sent = Sent { headers: request.headers(), authority: authority.as_deref(), public: access.seen_origin() };
    if let Err(reason) = sent.check_host() {
        return Failure::WrongHost(reason).into_response();
    }
    if !request.method().is_safe()
        && let Err(reason) = sent.check_site()
    {
        return Failure::FromElsewhere(reason).into_response();
    }
    next.run(request).await
}

/// What a request says of where it was sent from, and to.
struct Sent<'r> {
    headers: &'r HeaderMap,
    authority: Option<&'r str>,
    public: Option<&'r Origin>,
}

impl<'r> Sent<'r> {
    fn host(&self) -> Result<Option<&'r str>, &'static str> {
        Ok(only(self.headers, &header::HOST)?.or(self.authority))
    }

    /// Checks that `Host` is not the name of another site, if it is known how this one is named.
    ///
    /// A site can make its own name lead to this machine (DNS rebinding); to browsers, its pages and these are then the same site. A proxy
    /// may have put its own name for the program in place.
    fn check_host(&self) -> Result<(), &'static str> {
        let (Some(public), Some(host)) = (self.public, self.host()?) else { return Ok(()) };
        if public.is_of_host(host) || !may_be_a_site(host) {
            Ok(())
        } else {
            Err("`Host` is not that of `public_origin`")
        }
    }

    /// Checks that a page of this site, or a program that is not a browser, sends this change.
    ///
    /// Browsers set these headers, and pages can't. `Sec-Fetch-Site` decides; it is absent over plain HTTP, other than to `localhost`, and
    /// then `Origin` decides. Without both it is not a browser, unless it sends what browsers send by themselves.
    fn check_site(&self) -> Result<(), &'static str> {
        let site = only(self.headers, &FETCH_SITE)?;
        if site.is_some_and(|site| site != "same-origin") {
            return Err("another site has sent it");
        }
        match only(self.headers, &header::ORIGIN)? {
            // To the browser, this site is the one that it has asked: only a name of our own tells more.
            Some(_) if site.is_some() && self.public.is_none() => Ok(()),
            Some(origin) => self.check_origin(origin),
            None if site.is_none() && self.has_ambient_credentials() => Err(
                "the browser does not say which site has sent it (programs send a token as `Authorization: Bearer`)",
            ),
            None => Ok(()),
        }
    }

    fn check_origin(&self, origin: &str) -> Result<(), &'static str> {
        let origin = Origin::parse(origin).ok_or("the browser does not say which site has sent it (`Origin`)")?;
        match (self.public, self.host()?) {
            (Some(public), _) if *public == origin => Ok(()),
            (Some(_), _) => Err("another site has sent it: `Origin` is not `public_origin`"),
            (None, Some(host)) if origin.is_of_host(host) => Ok(()),
            (None, _) => Err(
                "another site has sent it: `Origin` does not fit `Host` (does a proxy change it? then name `public_origin`)",
            ),
        }
    }

    fn has_ambient_credentials(&self) -> bool {
        let is_ambient = |value: &HeaderValue| {
            let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
            AMBIENT.iter().any(|ambient| ambient.as_bytes().eq_ignore_ascii_case(scheme))
        };
        self.headers.contains_key(header::COOKIE) || self.headers.get_all(header::AUTHORIZATION).iter().any(is_ambient)
    }
}

/// The value of a header that may be given once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, &'static str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| "a header of it can't be read"),
        (Some(_), Some(_)) => Err("a header of it is given twice"),
    }
}
