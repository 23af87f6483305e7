//! `web`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use axum::http::HeaderName;
use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::json;
use tokio::net::TcpListener;

use super::failure::{CommandResult, Failure, note};
use super::output::Output;
use super::user;
use crate::error::chain;
use crate::web::standalone::{Hosts, LINK_VALID, Proxy, Standalone, Token, Ways};
use crate::worker::signals::Signals;
use crate::{Principal, Role};

const AFTER_HELP: &str = "\
Without --token-file and --trust-header, it prints a link that lets a browser in, once, within 10 minutes. Whoever comes without it gets a \
page with a button that prints another one.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Web {
    /// Listen at this IP address and port. If it is not a loopback address, other machines can reach it, and --token-file or
    /// --trust-header is needed.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7433", value_parser = address)]
    listen: SocketAddr,

    /// Let in whoever has the token in this file, of at least 32 characters: in a form, or as `Authorization: Bearer TOKEN`. Other users
    /// must not be able to read it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Let in whom a proxy names in this header, such as X-Forwarded-User.
    #[arg(long, value_name = "NAME", requires = "trust_proxy")]
    trust_header: Option<HeaderName>,

    /// Believe that header only if it comes from this IP address; may be given more than once.
    #[arg(long, value_name = "ADDRESS", requires = "trust_header")]
    trust_proxy: Vec<IpAddr>,

    /// What people may do: `viewer`, `operator` or `admin` [default: `admin` with a link, otherwise `viewer`].
    #[arg(long)]
    role: Option<Role>,

    /// Answer to this host name, too, besides `localhost`, `127.0.0.1`, `[::1]` and the address of --listen; may be given more than once.
    #[arg(long, value_name = "NAME", value_parser = Hosts::parse_name)]
    host: Vec<String>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an IP address and a port are needed, such as 127.0.0.1:7433 or [::1]:7433".to_owned())
}

impl Web {
    pub(super) async fn run(self, db: DatabaseConnection, output: Output) -> CommandResult {
        self.check_reach()?;
        let ways = self.ways(output)?;
        let by_link = ways.link.is_some();
        // Heard from here on.
        let mut signals = Signals::new();
        let listener = TcpListener::bind(self.listen).await.map_err(|error| cant_listen(self.listen, &error))?;
        let address = listener.local_addr().map_err(|error| cant_listen(self.listen, &error))?;
        let dashboard = Standalone::new(db, address, Hosts::new(address.ip(), self.host), ways);
        if !output.is_json() {
            note("Serving the dashboard, until Ctrl-C or SIGTERM.");
            explain(by_link, address);
        }
        if by_link {
            dashboard.show_link();
        } else {
            show(output, &format!("http://{address}/"), None)?;
        }
        let served = dashboard.serve(listener, async move { signals.next().await }).await;
        served.map_err(|error| Failure::Failed(format!("the dashboard can't be served any more: {error}")))
    }

    /// Refuses to be reached from other machines by people of whom nothing is known.
    fn check_reach(&self) -> CommandResult {
        let knows_people = self.token_file.is_some() || self.trust_header.is_some();
        if knows_people || self.listen.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "other machines can reach {}, and a link is for this one only: say how people sign in, with --token-file FILE, or with \
             --trust-header NAME and --trust-proxy ADDRESS, or listen at 127.0.0.1",
            self.listen
        )))
    }

    fn ways(&self, output: Output) -> Result<Ways, Failure> {
        let mut ways = Ways::default();
        let role = self.role.unwrap_or(Role::Viewer);
        if let Some(file) = &self.token_file {
            let token = Token::read(file).map_err(|error| {
                Failure::Failed(format!("the token file {} is refused: {}", file.display(), chain(&error)))
            })?;
            ways.token = Some((token, Principal::new("token", role)));
        }
        if let Some(header) = self.trust_header.clone() {
            let addresses = self.trust_proxy.iter().map(IpAddr::to_canonical).collect();
            ways.proxy = Some(Proxy { header, addresses, role });
        }
        if ways.token.is_none() && ways.proxy.is_none() {
            // Who reads this terminal can reach the database, too.
            let principal = user::principal(self.role.unwrap_or(Role::Admin));
            // The server goes on if nobody reads its output.
            ways.link = Some((principal, Box::new(move |link| _ = show(output, link, Some(LINK_VALID.as_secs())))));
        }
        Ok(ways)
    }
}

fn cant_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("can't listen at {address}: {error}. Choose another address with --listen"))
}

fn explain(by_link: bool, address: SocketAddr) {
    if by_link {
        note("This link lets you in once, within 10 minutes:");
    }
    if !address.ip().is_loopback() {
        note("Nothing is encrypted: on a network that others use, put a proxy with TLS in front of it.");
    }
}

fn show(output: Output, url: &str, valid_seconds: Option<u64>) -> CommandResult {
    output.show_line(&json!({ "url": url, "valid_seconds": valid_seconds }), || url.to_owned())
}
