//! One definition: what its source says, and how its jobs stand.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::definitions::queue;
use super::jobs_filter::{Tab, tabs};
use crate::cron::{Cron, UTC};
use crate::job::JobDefaults;
use crate::job::limit::Limits;
use crate::job::registry::{self, Definition};
use crate::model::{OnConflict, RetryPolicy, UniqueWhile};
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format;
use crate::web::input::Asked;
use crate::web::layout::{Layout, Page, html};
use crate::{Action, Error, JobFilter};

/// What stands in the errors of jobs whose parameters do not fit their definition.
const UNDECODABLE: &str = "does not decode";

#[derive(Template)]
#[template(path = "definition.html")]
struct DefinitionPage {
    layout: Layout,
    name: &'static str,
    about: Vec<String>,
    parameters: Vec<ParameterRow>,
    has_others: bool,
    options: Vec<(&'static str, String)>,
    place: String,
    tabs: Vec<Tab>,
    /// The jobs whose parameters do not fit, if who asks may search by errors.
    undecodable: Option<Undecodable>,
    may_schedule: bool,
}

struct ParameterRow {
    name: &'static str,
    other_names: String,
    type_name: &'static str,
    about: Vec<String>,
    is_required: bool,
    default: Option<&'static str>,
    is_secret: bool,
}

struct Undecodable {
    filter: String,
    count: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    name: String,
}

pub(in crate::web) async fn show(view: Authorized<View>, Asked(which): Asked<Which>) -> Result<Response, Failure> {
    let definition = registry::find(&which.name).ok_or(Error::UnknownJob { name: which.name })?;
    let (session, name, description) = (view.session(), definition.defaults.name, definition.description);
    let all = names(&definition.defaults).fold(JobFilter::new(), JobFilter::name);
    let counts = session.bounded_counts(all.clone()).await?;
    let undecodable = if view.may(Action::ViewPayload) {
        let filter = all.clone().error(UNDECODABLE);
        let found = session.bounded_counts(filter.clone()).await?;
        tabs(&filter, &found).into_iter().next()
    } else {
        None
    };
    html(&DefinitionPage {
        layout: view.layout(Page::Definitions, name),
        name,
        about: format::paragraphs(description.docs),
        parameters: description.parameters.iter().map(ParameterRow::of).collect(),
        has_others: description.has_others,
        options: options(definition),
        place: definition.place(),
        tabs: tabs(&all, &counts),
        undecodable: undecodable.map(|tab| Undecodable { filter: tab.filter, count: tab.count }),
        may_schedule: view.may(Action::Schedule),
    })
}

/// The names of its jobs.
fn names(defaults: &JobDefaults) -> impl Iterator<Item = &'static str> {
    std::iter::once(defaults.name).chain(defaults.aliases.iter().copied())
}

impl ParameterRow {
    fn of(parameter: &crate::job::description::Parameter) -> Self {
        Self {
            name: parameter.names.first().copied().unwrap_or_default(),
            other_names: parameter.names.get(1..).unwrap_or_default().join(", "),
            type_name: parameter.type_name,
            about: format::paragraphs(parameter.docs),
            is_required: parameter.is_required,
            default: parameter.default,
            is_secret: parameter.is_secret,
        }
    }
}

/// The options in words.
fn options(definition: &Definition) -> Vec<(&'static str, String)> {
    let defaults = &definition.defaults;
    let optional = [
        ("Timeout", defaults.timeout.map(format::duration)),
        ("Unique", defaults.unique.map(|unique| in_words(unique.holds, unique.within, unique.on_conflict))),
        ("At once", limits(&defaults.limits)),
        ("Cron", defaults.cron.map(|expression| cron(expression, defaults.timezone.unwrap_or(UTC)))),
        ("Old names", Some(defaults.aliases.join(", ")).filter(|names| !names.is_empty())),
    ];
    let always = [
        ("Queue", queue(definition)),
        ("Priority", defaults.priority.to_string()),
        ("Attempts", format!("at most {}", defaults.max_attempts)),
        ("Retried", retry(&defaults.retry)),
    ];
    let given = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    always.into_iter().chain(given).collect()
}

fn retry(policy: &RetryPolicy) -> String {
    if policy.first == policy.cap && policy.jitter_percent == 0 {
        return format!("after {}", format::duration(policy.first));
    }
    format!(
        "after {}, then after twice as long each time, at most {}; ±{} %",
        format::duration(policy.first),
        format::duration(policy.cap),
        policy.jitter_percent
    )
}

fn in_words(holds: UniqueWhile, within: Option<std::time::Duration>, on_conflict: OnConflict) -> String {
    let holds = match holds {
        UniqueWhile::Scheduled => "while it waits",
        UniqueWhile::ScheduledOrRunning => "until it has ended",
    };
    let within = within.map(|within| format!(", at least {}", format::duration(within))).unwrap_or_default();
    let second = match on_conflict {
        OnConflict::UseExisting => "the first is used",
        OnConflict::Fail => "it is refused",
        OnConflict::Replace => "it replaces the first",
    };
    format!("{holds}{within}; if there is a second one, {second}")
}

fn limits(limits: &Limits) -> Option<String> {
    let all = limits.all.and_then(|limit| limit.running).map(|running| format!("at most {running}"));
    let each = limits.each.and_then(|(names, limit)| {
        limit.running.map(|running| format!("at most {running} with the same {}", names.join(" and ")))
    });
    let given: Vec<_> = all.into_iter().chain(each).collect();
    (!given.is_empty()).then(|| given.join("; "))
}

fn cron(expression: &str, timezone: &str) -> String {
    let times = Cron::new(expression).timezone(timezone).times();
    let description = times.map(|times| format!("{} ", times.describe())).unwrap_or_default();
    format!("{description}({expression}, {timezone})")
}
