//! The names of this server. A site whose name leads here (DNS rebinding) would otherwise be of the same origin as the dashboard.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::web::failure::Failure;
use crate::web::origin::host_and_port;

/// The names under which browsers may ask, in lower case. Ports do not matter: a tunnel may change them.
#[derive(Debug, Clone)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// The names of this machine for itself, the address, and these names.
    #[must_use]
    pub fn new(listen: IpAddr, names: Vec<String>) -> Self {
        let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), in_address(listen)];
        Self(own.into_iter().chain(names).collect())
    }

    /// Reads a name, without a scheme, a port and a path.
    pub fn parse_name(text: &str) -> Result<String, String> {
        let text = text.parse().map_or_else(|_| text.to_owned(), in_address);
        match text.parse().ok().as_ref().and_then(host_and_port) {
            Some((name, None)) => Ok(name),
            _ => {
                Err("it is not the name of a host, such as `jobs.example.com`, without a scheme, a port and a path"
                    .into())
            }
        }
    }

    fn know(&self, host: &str) -> bool {
        let Some((host, _)) = host.parse().ok().as_ref().and_then(host_and_port) else { return false };
        self.0.contains(&host)
    }
}

/// An address as it stands in a link.
fn in_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Refuses requests that do not ask for one of our names.
pub(super) async fn only_known(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let mut given = request.headers().get_all(header::HOST).iter();
    let host = match (given.next(), given.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    if !hosts.know(host) {
        return Failure::UnknownHost(host.to_owned()).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_knows_its_names_at_any_port() {
        let hosts = Hosts::new([192, 0, 2, 7].into(), vec!["jobs.example.com".into()]);
        for known in ["localhost", "LOCALHOST:7433", "127.0.0.1:1", "[::1]:7433", "192.0.2.7", "Jobs.Example.com:443"] {
            assert!(hosts.know(known), "{known}");
        }
        for unknown in ["", "evil.example", "localhost.evil.example", "example.com", "a@localhost", "::1", "127.0.0.2"]
        {
            assert!(!hosts.know(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_name_is_a_host_and_nothing_else() {
        for (text, name) in [("Jobs.example.com", "jobs.example.com"), ("192.0.2.7", "192.0.2.7"), ("::1", "[::1]")] {
            assert_eq!(Hosts::parse_name(text).as_deref(), Ok(name));
        }
        for text in ["", "https://a.example", "a.example:80", "a.example/", "a b", "u@a.example"] {
            assert!(Hosts::parse_name(text).is_err(), "{text}");
        }
    }
}
