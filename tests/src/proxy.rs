//! The network between a worker and its database, as a test needs it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

use crate::Database;

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

/// The state that all its connections share.
struct Shared {
    server: String,
    flows: watch::Sender<bool>,
    delay: watch::Sender<Duration>,
    cut: broadcast::Sender<Cut>,
    forget: broadcast::Sender<Whom>,
    /// How many replies are to be lost.
    losing: AtomicUsize,
    /// How many get through before one is lost.
    passing: AtomicUsize,
    /// A request that contains this text gets this many replies; what happens to the next one.
    lost_to: Mutex<Option<(String, usize, Fate)>>,
    /// How many of those have been lost.
    lost: AtomicUsize,
    /// How many bytes a client may send before it waits for a reply.
    most: AtomicUsize,
    /// How many connections have begun to listen.
    listeners: watch::Sender<usize>,
    /// How often a client has tested its connection.
    pings: AtomicUsize,
}

/// How connections end.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Close,
    Reset,
}

/// What happens to a reply.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is lost, with its connection.
    Lost,
    /// It is the last one that arrives: all traffic stalls.
    Last,
}

/// Which connections are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    All,
    /// Those that listen for notifications.
    Listeners,
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
        let shared = Arc::new(Shared {
            server: server.into(),
            flows: watch::Sender::new(true),
            delay: watch::Sender::new(Duration::ZERO),
            cut: broadcast::Sender::new(1),
            forget: broadcast::Sender::new(1),
            losing: AtomicUsize::new(0),
            passing: AtomicUsize::new(0),
            lost_to: Mutex::new(None),
            lost: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
            listeners: watch::Sender::new(0),
            pings: AtomicUsize::new(0),
        });
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
        // The sender is alive: it is ours.
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

/// The messages that drivers send as a ping: PostgreSQL's `Sync` by itself, MySQL's `COM_PING`.
const PINGS: [&[u8]; 2] = [b"S\0\0\0\x04", b"\x01\0\0\0\x0e"];

/// How long a server keeps a connection that is silent.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Forwards one connection until it ends.
async fn forward(shared: Arc<Shared>, client: TcpStream) {
    let (mut flows, mut cut, mut forget) =
        (shared.flows.subscribe(), shared.cut.subscribe(), shared.forget.subscribe());
    if flows.wait_for(|flows| *flows).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(&shared.server).await else { return };
    let mut client = client;
    let (listens, asked, until_lost) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(None));
    let ended = async {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        tokio::select! {
            () = pump(&shared, from_client, to_server, |sent| {
                shared.hear(sent, &listens);
                shared.note_whose_reply_is_lost(sent, &until_lost);
                shared.takes(sent, &asked)
            }) => {}
            () = pump(&shared, from_server, to_client, |_| {
                asked.store(0, Ordering::SeqCst);
                !shared.loses() && !shared.is_lost(&until_lost)
            }) => {}
        }
        None
    };
    let forgotten = async {
        loop {
            match forget.recv().await {
                Ok(Whom::Listeners) if !listens.load(Ordering::SeqCst) => {}
                Ok(_) => return,
                Err(_) => std::future::pending().await,
            }
        }
    };
    let how = tokio::select! {
        how = ended => how,
        how = cut.recv() => how.ok(),
        () = forgotten => {
            // Neither end is notified; but servers check from time to time whether the client is still there.
            let given_up = tokio::time::timeout(KEEPALIVE, cut.recv()).await;
            drop(server);
            match given_up {
                Ok(how) => how.ok(),
                Err(_) => cut.recv().await.ok(),
            }
        }
    };
    if matches!(how, Some(Cut::Reset)) {
        let _ = client.set_zero_linger();
    }
}

impl Shared {
    /// Whether this reply on a connection is the one to be lost.
    fn is_lost(&self, until_lost: &Mutex<Option<(usize, Fate)>>) -> bool {
        let mut left = until_lost.lock().expect("nobody panics with it");
        match left.as_mut() {
            Some((0, Fate::Lost)) => {
                self.lost.fetch_add(1, Ordering::SeqCst);
                true
            }
            Some((0, Fate::Last)) => {
                self.flows.send_replace(false);
                false
            }
            Some((replies, _)) => {
                *replies -= 1;
                false
            }
            None => false,
        }
    }

    /// Whether this reply is one to be lost.
    fn loses(&self) -> bool {
        let one_less = |counter: &AtomicUsize| {
            counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        };
        self.losing.load(Ordering::SeqCst) > 0 && !one_less(&self.passing) && one_less(&self.losing)
    }

    /// Whether a client that waits for no reply may send this too.
    fn takes(&self, sent: &[u8], asked: &AtomicUsize) -> bool {
        asked.fetch_add(sent.len(), Ordering::SeqCst) + sent.len() <= self.most.load(Ordering::SeqCst)
    }

    /// Inspects what a client sends.
    fn hear(&self, sent: &[u8], listens: &AtomicBool) {
        if PINGS.contains(&sent) {
            self.pings.fetch_add(1, Ordering::SeqCst);
        }
        if sent.windows(7).any(|word| word == b"LISTEN ") && !listens.swap(true, Ordering::SeqCst) {
            self.listeners.send_modify(|number| *number += 1);
        }
    }

    /// Records how many replies get through before one is lost, if this is the request that should not be answered.
    fn note_whose_reply_is_lost(&self, sent: &[u8], until_lost: &Mutex<Option<(usize, Fate)>>) {
        let mut lost_to = self.lost_to.lock().expect("nobody panics with it");
        let is_meant =
            |(text, ..): &mut (String, usize, Fate)| sent.windows(text.len()).any(|part| part == text.as_bytes());
        if let Some((_, replies, fate)) = lost_to.take_if(is_meant) {
            *until_lost.lock().expect("nobody panics with it") = Some((replies, fate));
        }
    }
}

/// Forwards data from one end to the other, until one ends or a part is not let through.
async fn pump(shared: &Shared, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, lets_through: impl Fn(&[u8]) -> bool) {
    let (mut flows, delay) = (shared.flows.subscribe(), shared.delay.subscribe());
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let delay = *delay.borrow();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if flows.wait_for(|flows| *flows).await.is_err() || !lets_through(&buffer[..read]) {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
