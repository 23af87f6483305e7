//! `WebDriver`, as the W3C defines it: commands in JSON over HTTP.

use std::fmt::Display;

use jobs_tests::PATIENCE;
use serde_json::{Value, json};
use ureq::Agent;

/// A session with a browser.
#[derive(Clone)]
pub(crate) struct Session {
    agent: Agent,
    address: String,
}

/// A command, as its method and body.
enum Command {
    Get,
    Post(Value),
    Delete,
}

/// What the driver answers: the value, or what it complains about.
pub(crate) type Answer = Result<Value, String>;

impl Session {
    /// Starts a browser with these capabilities.
    pub(crate) async fn start(driver: &str, capabilities: Value) -> Result<Self, String> {
        // What is not found, for example, is told in the body. Proxies are for other machines.
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).proxy(None);
        let sessions = Self { agent: config.build().new_agent(), address: format!("{driver}/session") };
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = sessions.send("", Command::Post(wanted)).await?;
        let id = session["sessionId"].as_str().ok_or("the session has no id")?;
        Ok(Self { address: format!("{}/{id}", sessions.address), ..sessions })
    }

    pub(crate) async fn get(&self, command: &str) -> Answer {
        self.send(command, Command::Get).await
    }

    pub(crate) async fn post(&self, command: &str, body: Value) -> Answer {
        self.send(command, Command::Post(body)).await
    }

    /// Ends the session, and the browser.
    pub(crate) async fn end(&self) -> Answer {
        self.send("", Command::Delete).await
    }

    async fn send(&self, command: &str, what: Command) -> Answer {
        let separator = if command.is_empty() { "" } else { "/" };
        let (agent, address) = (self.agent.clone(), format!("{}{separator}{command}", self.address));
        let sent = tokio::task::spawn_blocking(move || send(&agent, &address, what));
        sent.await.map_err(in_words)?
    }
}

fn send(agent: &Agent, address: &str, command: Command) -> Answer {
    let response = match command {
        Command::Get => agent.get(address).call(),
        Command::Post(body) => agent.post(address).content_type("application/json").send(body.to_string()),
        Command::Delete => agent.delete(address).call(),
    };
    let mut response = response.map_err(in_words)?;
    // Pictures and logs are long.
    let body = response.body_mut().with_config().limit(u64::MAX).read_to_string().map_err(in_words)?;
    let mut answer: Value = serde_json::from_str(&body).map_err(in_words)?;
    let value = answer["value"].take();
    if response.status().is_success() { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
}

fn in_words(error: impl Display) -> String {
    error.to_string()
}
