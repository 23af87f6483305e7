//! Where a page comes from: a scheme, a host and a port.

use axum::http::Uri;
use axum::http::uri::Authority;

/// What a browser calls the origin of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// `https://host` or `http://host:port`, and nothing after it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default = default_port(&scheme)?;
        let (host, port) = host_and_port(uri.authority()?)?;
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.ends_with('/');
        is_bare.then(|| Self { scheme, host, port: port.unwrap_or(default) })
    }

    /// Whether this is the host and port to which a request was sent. One that names no port was sent to that of the scheme.
    pub(super) fn is_of_host(&self, host: &str) -> bool {
        let Some((host, port)) = host.parse().ok().as_ref().and_then(host_and_port) else { return false };
        host == self.host && port.or_else(|| default_port(&self.scheme)) == Some(self.port)
    }
}

/// Whether a name can be the one of another site, which leads to this machine for a moment: neither an address nor a name without dots.
pub(super) fn may_be_a_site(host: &str) -> bool {
    let Some((host, _)) = host.parse().ok().as_ref().and_then(host_and_port) else { return true };
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    !is_address && host.contains('.')
}

/// The host in lower case and the port, if there is nothing else.
pub(super) fn host_and_port(authority: &Authority) -> Option<(String, Option<u16>)> {
    let host = authority.host();
    // The host stands first unless there is a user.
    let port = match authority.as_str().strip_prefix(host)? {
        "" => None,
        rest => Some(rest.strip_prefix(':')?.parse().ok()?),
    };
    (!host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}

/// Other schemes have no pages.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_nothing_else() {
        for text in ["https://admin.example.com", "http://localhost:8080", "http://[::1]:80", "HTTPS://Example.com"] {
            assert!(Origin::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "null",
            "example.com",
            "https://",
            "https://a/b",
            "https://a/",
            "https://a?b",
            "https://u@a",
            "/x",
            "ftp://a",
            "https://a:99999",
            "https://a:",
        ] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
        assert_eq!(Origin::parse("https://a"), Origin::parse("https://A:443"));
    }

    #[test]
    fn addresses_and_names_without_dots_are_no_sites() {
        for host in ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "10.0.0.7", "backend"] {
            assert!(!may_be_a_site(host), "{host}");
        }
        for host in ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "localhost.", "", "a b"] {
            assert!(may_be_a_site(host), "{host}");
        }
    }

    #[test]
    fn host_and_port_must_be_the_same() {
        let origin = |text| Origin::parse(text).expect("an origin");
        for (from, to) in [
            ("http://a.example", "a.example"),
            ("http://a.example", "A.example:80"),
            ("https://a.example", "a.example:443"),
            ("http://localhost:3000", "localhost:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert!(origin(from).is_of_host(to), "{from} {to}");
        }
        for (from, to) in [
            ("http://a.example", "b.example"),
            ("http://a.example", "a.example:443"),
            ("http://a.example:8080", "a.example"),
            ("http://a.example", "x.a.example"),
            ("http://a.example", "evil@a.example"),
            ("http://a.example", ""),
        ] {
            assert!(!origin(from).is_of_host(to), "{from} {to}");
        }
    }
}
