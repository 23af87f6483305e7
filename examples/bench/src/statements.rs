//! The statements that this process sends, as sqlx logs them.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::{DynFilterFn, EnvFilter};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

static COUNTING: AtomicBool = AtomicBool::new(false);
static SENT: Mutex<Sent> = Mutex::new(Sent { number: 0, looks: Vec::new() });

/// The statements that were sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    /// The duration of each statement that looked for due jobs.
    pub(crate) looks: Vec<Duration>,
}

/// Prints warnings, and makes statements countable.
pub(crate) fn install() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,jobs::worker::maintain=error"));
    let warnings = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    // Checked each time: while nothing is counted, a statement costs no more than this check.
    let counting = DynFilterFn::new(|statement, _| is_statement(statement) && COUNTING.load(Ordering::Relaxed))
        .with_callsite_filter(|event| if is_statement(event) { Interest::sometimes() } else { Interest::never() });
    tracing_subscriber::registry().with(warnings).with(Counter.with_filter(counting)).init();
}

/// Returns what is sent until the future is done.
pub(crate) async fn during<T>(done: impl Future<Output = T>) -> (T, Sent) {
    *lock() = Sent::default();
    COUNTING.store(true, Ordering::SeqCst);
    let done = done.await;
    COUNTING.store(false, Ordering::SeqCst);
    (done, std::mem::take(&mut *lock()))
}

fn lock() -> MutexGuard<'static, Sent> {
    SENT.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Counter;

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        let mut sent = lock();
        sent.number += 1;
        if statement.looks {
            sent.looks.push(statement.took);
        }
    }
}

/// The fields that sqlx logs for a statement.
#[derive(Default)]
struct Statement {
    looks: bool,
    took: Duration,
}

impl Visit for Statement {
    fn record_str(&mut self, _: &Field, text: &str) {
        self.looks |= text.contains("scheduled_at <=") || text.contains("wait_ms");
    }

    fn record_f64(&mut self, field: &Field, seconds: f64) {
        if field.name() == "elapsed_secs" {
            self.took = Duration::from_secs_f64(seconds);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

fn is_statement(event: &Metadata<'_>) -> bool {
    event.target() == "sqlx::query"
}
