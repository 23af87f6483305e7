//! Records what this program measures and traces, in whichever case: each looks for values with its own name.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, OnceLock};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Names and values, of labels or fields.
type Pairs = BTreeMap<String, String>;

/// A value, and the metric and labels under which it was measured.
struct Measured {
    metric: String,
    description: Option<String>,
    labels: Pairs,
    value: f64,
}

static RECORDER: OnceLock<Snapshotter> = OnceLock::new();
static MEASURED: Mutex<Vec<Measured>> = Mutex::new(Vec::new());
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

/// An event of a case or of the library, or a span inside one of a case's spans: its level and fields, and the spans around it, innermost
/// first.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) level: Level,
    pub(crate) fields: Pairs,
    pub(crate) spans: Vec<(&'static str, Pairs)>,
}

/// Installs the recorder and the subscriber: once, before anything is measured or traced.
pub(crate) fn install() {
    let recorder = DebuggingRecorder::new();
    let is_first = RECORDER.set(recorder.snapshotter()).is_ok();
    assert!(is_first && recorder.install().is_ok(), "there is one recorder for the program");
    let printed = tracing_subscriber::fmt::layer().with_test_writer().with_filter(EnvFilter::from_default_env());
    let is_wanted = filter_fn(|what| {
        let is_of_a_job = what.is_span() && what.name().starts_with("jobs.");
        is_ours(what) || is_of_a_job || WITNESSED.contains(&what.target())
    });
    tracing_subscriber::registry().with(Witness.with_filter(is_wanted)).with(printed).init();
}

/// The modules of the library whose events are recorded, too.
const WITNESSED: [&str; 3] = ["jobs::worker::cron", "jobs::worker::execute::outcome", "jobs::worker::maintain::rescue"];

fn is_ours(what: &Metadata<'_>) -> bool {
    what.target().starts_with("execution::observability")
}

fn is_an_end(what: &Metadata<'_>) -> bool {
    what.is_event() && what.target() == "jobs::worker::execute::outcome"
}

/// The values measured so far under this name and these labels, among others.
pub(crate) fn measured(metric: &str, labels: &[(&str, &str)]) -> Vec<f64> {
    let has = |one: &Measured| labels.iter().all(|(name, value)| one.labels.get(*name).is_some_and(|v| v == value));
    all_measured().iter().filter(|one| one.metric == metric && has(one)).map(|one| one.value).collect()
}

/// The metrics measured so far, each with its description.
pub(crate) fn described() -> BTreeMap<String, Option<String>> {
    all_measured().iter().map(|one| (one.metric.clone(), one.description.clone())).collect()
}

fn all_measured() -> MutexGuard<'static, Vec<Measured>> {
    let mut all = MEASURED.lock().unwrap();
    // A snapshot takes out what it shows.
    for (key, _, description, value) in RECORDER.get().expect("the recorder is installed").snapshot().into_vec() {
        let labels: Pairs = key.key().labels().map(|label| (label.key().into(), label.value().into())).collect();
        let values = match value {
            DebugValue::Counter(count) => vec![f64::from(u32::try_from(count).unwrap())],
            DebugValue::Gauge(value) => vec![value.into()],
            DebugValue::Histogram(values) => values.into_iter().map(f64::from).collect(),
        };
        let (metric, description) = (key.key().name(), description.map(|description| description.to_string()));
        all.extend(values.into_iter().map(|value| Measured {
            metric: metric.into(),
            description: description.clone(),
            labels: labels.clone(),
            value,
        }));
    }
    all
}

/// The count so far under this name and these labels, among others.
pub(crate) fn counted(metric: &str, labels: &[(&str, &str)]) -> f64 {
    measured(metric, labels).iter().sum()
}

/// The events and spans with this field.
pub(crate) fn seen(field: &str, value: &str) -> Vec<Seen> {
    let seen = SEEN.lock().unwrap();
    let has = |one: &&Seen| {
        let mut fields = std::iter::once(&one.fields).chain(one.spans.iter().map(|(_, fields)| fields));
        fields.any(|fields| fields.get(field).is_some_and(|is| is == value))
    };
    seen.iter().filter(has).cloned().collect()
}

/// If a job of this queue is executed, the program's subscriber panics.
pub(crate) const UNTRACEABLE: &str = "untraceable";

/// If the end of a job of this queue is logged, the program's subscriber panics.
pub(crate) const END_UNTRACEABLE: &str = "end-untraceable";

struct Witness;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Witness {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let is_untraceable = fields.0.get("queue").is_some_and(|queue| queue == UNTRACEABLE);
        assert!(!is_untraceable || attributes.metadata().name() != "jobs.execute", "this can't be traced");
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(fields) = context.span(id).unwrap().extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans = around(context.event_scope(event));
        if is_an_end(event.metadata()) {
            let is_untraceable =
                spans.iter().any(|(_, fields)| fields.get("queue").is_some_and(|is| is == END_UNTRACEABLE));
            assert!(!is_untraceable, "this end can't be traced");
        }
        SEEN.lock().unwrap().push(Seen { level: *event.metadata().level(), fields: fields.0, spans });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let is_inside_ours = context.span_scope(&id).unwrap().skip(1).any(|span| is_ours(span.metadata()));
        if is_inside_ours {
            let level = *context.span(&id).unwrap().metadata().level();
            SEEN.lock().unwrap().push(Seen { level, fields: Pairs::new(), spans: around(context.span_scope(&id)) });
        }
    }
}

fn around<'s, S: LookupSpan<'s>>(scope: Option<Scope<'s, S>>) -> Vec<(&'static str, Pairs)> {
    let fields = |span: tracing_subscriber::registry::SpanRef<'s, S>| {
        let fields = span.extensions().get::<Fields>().map(|fields| fields.0.clone());
        (span.name(), fields.unwrap_or_default())
    };
    scope.into_iter().flatten().map(fields).collect()
}

#[derive(Default)]
struct Fields(Pairs);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().into(), format!("{value:?}"));
    }
}
