//! Forwarding connections, and what happens to their data on the way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{broadcast, watch};

/// The state that all its connections share.
pub(super) struct Shared {
    server: String,
    pub(super) flows: watch::Sender<bool>,
    pub(super) delay: watch::Sender<Duration>,
    pub(super) cut: broadcast::Sender<Cut>,
    pub(super) forget: broadcast::Sender<Whom>,
    /// How many replies are to be lost.
    pub(super) losing: AtomicUsize,
    /// How many get through before one is lost.
    pub(super) passing: AtomicUsize,
    /// A request that contains this text gets this many replies; what happens to the next one.
    pub(super) lost_to: Mutex<Option<(String, usize, Fate)>>,
    /// How many of those have been lost.
    pub(super) lost: AtomicUsize,
    /// How many bytes a client may send before it waits for a reply.
    pub(super) most: AtomicUsize,
    /// How many connections have begun to listen.
    pub(super) listeners: watch::Sender<usize>,
    /// How often a client has tested its connection.
    pub(super) pings: AtomicUsize,
}

/// How connections end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    Close,
    Reset,
}

/// What happens to a reply.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// It is lost, with its connection.
    Lost,
    /// It is the last one that arrives: all traffic stalls.
    Last,
}

/// Which connections are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    All,
    /// Those that listen for notifications.
    Listeners,
}

/// The messages that drivers send as a ping: PostgreSQL's `Sync` by itself, MySQL's `COM_PING`.
const PINGS: [&[u8]; 2] = [b"S\0\0\0\x04", b"\x01\0\0\0\x0e"];

/// How long a server keeps a connection that is silent.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Forwards one connection until it ends.
pub(super) async fn forward(shared: Arc<Shared>, client: TcpStream) {
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
    pub(super) fn new(server: &str) -> Self {
        Self {
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
        }
    }

    /// Whether this reply on a connection is the one to be lost.
    fn is_lost(&self, until_lost: &Mutex<Option<(usize, Fate)>>) -> bool {
        let mut left = until_lost.lock().expect("nobody panics with it");
        match left.as_mut() {
            Some((0, Fate::Lost)) => {
                self.lost.fetch_add(1, Ordering::SeqCst);
                true
            }
            Some((0, Fate::Last)) => {
                *left = None;
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
