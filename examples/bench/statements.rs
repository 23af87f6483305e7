//! How many statements this process sends: sqlx tells of each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::{DynFilterFn, EnvFilter};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

static COUNTING: AtomicBool = AtomicBool::new(false);
static STATEMENTS: AtomicU64 = AtomicU64::new(0);

/// Prints warnings, and makes statements countable.
pub(crate) fn install() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,jobs::worker::maintain=error"));
    let warnings = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    // Asked each time: while nothing is counted, a statement costs no more than this look.
    let counting = DynFilterFn::new(|statement, _| is_statement(statement) && COUNTING.load(Ordering::Relaxed))
        .with_callsite_filter(|event| if is_statement(event) { Interest::sometimes() } else { Interest::never() });
    tracing_subscriber::registry().with(warnings).with(Counter.with_filter(counting)).init();
}

/// How many statements are sent until the future is done.
pub(crate) async fn during(done: impl Future) -> u64 {
    STATEMENTS.store(0, Ordering::SeqCst);
    COUNTING.store(true, Ordering::SeqCst);
    done.await;
    COUNTING.store(false, Ordering::SeqCst);
    STATEMENTS.load(Ordering::SeqCst)
}

struct Counter;

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_statement(event: &Metadata<'_>) -> bool {
    event.target() == "sqlx::query"
}
