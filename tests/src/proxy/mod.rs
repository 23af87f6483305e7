//! The network between a worker and its database, as a test needs it.

mod forward;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::Database;
use forward::{Cut, Fate, Shared, Whom, forward};

/// Forwards connections to a database's server, until the test changes that.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepts: AbortHandle,
}

impl Drop for Proxy {
    /// Closes the connections that it forwards, and those that it has forgotten.
    fn drop(&mut self) {
        self.accepts.abort();
        self.cut();
    }
}

impl Proxy {
    /// Creates a proxy between this process and the database's server.
    ///
    /// # Panics
    ///
    /// If the database has no server.
    pub async fn before(t: &Database) -> Self {
        Self::to(t.url()).await
    }

    /// Creates a proxy to a server, by its URL.
    ///
    /// # Panics
    ///
    /// If the URL names no server.
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("a server's URL names a user");
        let (server, path) = rest.split_once('/').expect("a server's URL names a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared::new(server));
        let forwards = shared.clone();
        let accepts = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(forwards.clone(), client));
            }
        });
        Self { url: format!("{before}@127.0.0.1:{port}/{path}"), shared, accepts: accepts.abort_handle() }
    }

    /// The URL of the database through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stalls all traffic, without notice to anyone. What is on its way arrives when it flows again.
    pub fn stall(&self) {
        self.shared.flows.send_replace(false);
    }

    /// Lets everything through again.
    pub fn flow(&self) {
        self.shared.flows.send_replace(true);
    }

    /// Delays everything that gets through by this time.
    pub fn delay(&self, delay: Duration) {
        self.shared.delay.send_replace(delay);
    }

    /// Closes every connection; new ones are let through.
    pub fn cut(&self) {
        let _ = self.shared.cut.send(Cut::Close);
    }

    /// Resets every connection; new ones are let through.
    pub fn reset(&self) {
        let _ = self.shared.cut.send(Cut::Reset);
    }

    /// Forgets every connection: nothing more gets through on them, and no end is notified, as if a router had lost its memory.
    /// New ones are let through.
    pub fn forget(&self) {
        let _ = self.shared.forget.send(Whom::All);
    }

    /// Forgets the connections that listen for notifications, and no others.
    pub fn forget_listeners(&self) {
        let _ = self.shared.forget.send(Whom::Listeners);
    }

    /// Loses the next reply of the server, whatever it replies to, and closes its connection.
    pub fn lose_reply(&self) {
        self.shared.losing.fetch_add(1, Ordering::SeqCst);
    }

    /// Loses the next reply after this many replies have got through, and closes its connection.
    pub fn lose_reply_after(&self, replies: usize) {
        self.shared.passing.store(replies, Ordering::SeqCst);
        self.shared.losing.store(1, Ordering::SeqCst);
    }

    /// Lets this many replies to a request that contains this text through on its connection, loses the next, and closes it.
    ///
    /// # Panics
    ///
    /// If another thread has panicked here.
    pub fn lose_reply_to(&self, text: &str, after: usize) {
        *self.shared.lost_to.lock().expect("nobody panics with it") = Some((text.into(), after, Fate::Lost));
    }

    /// Lets this many replies to a request that contains this text through on its connection, and one more, and then stalls all traffic.
    ///
    /// # Panics
    ///
    /// If another thread has panicked here.
    pub fn stall_after_reply_to(&self, text: &str, after: usize) {
        *self.shared.lost_to.lock().expect("nobody panics with it") = Some((text.into(), after, Fate::Last));
    }

    /// Waits until all traffic stalls.
    pub async fn stalled(&self) {
        // The proxy has the sender, so this returns no error.
        let _ = self.shared.flows.subscribe().wait_for(|flows| !*flows).await;
    }

    /// The number of replies that were lost to a request with a certain text.
    #[must_use]
    pub fn lost_replies(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Closes the connection of a client that sends more than this many bytes at once, like a server that does not accept them.
    pub fn refuse_over(&self, bytes: usize) {
        self.shared.most.store(bytes, Ordering::SeqCst);
    }

    /// Stops losing replies.
    pub fn lose_no_more(&self) {
        self.shared.losing.store(0, Ordering::SeqCst);
    }

    /// How often clients have tested their connections.
    #[must_use]
    pub fn pings(&self) -> usize {
        self.shared.pings.load(Ordering::SeqCst)
    }

    /// The number of connections that have begun to listen for notifications, as it grows.
    #[must_use]
    pub fn listeners(&self) -> watch::Receiver<usize> {
        self.shared.listeners.subscribe()
    }
}
