//! Limits: those that the worker that has joined last declares are in force. Whoever claims looks at what the database has.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::DbErr;

use crate::job::limit::{ALL, UNKNOWN, has_form, limit_key};
use crate::job::registry::{Definition, Registry};
use crate::store::Store;
use crate::store::limit_keys::Keyed;
use crate::store::limited::{PlaceLimit, UNLIMITED};
use crate::store::limits::{Scope, scopes};

/// Writes the limits of these definitions, if the database has others.
pub(super) async fn declare(store: &Store, registry: &Registry) -> Result<(), DbErr> {
    let known = scopes(&store.db).await?;
    let written = store.declare_limits(&declared(registry, &known)).await?;
    written.iter().for_each(log);
    Ok(())
}

/// Writes the limits of those definitions of which others are in force, if of the workers that know them this one has joined last: whoever
/// has written the others may have left.
pub(super) async fn declare_again(
    store: &Store,
    registry: &Registry,
    worker: i64,
    known: Vec<Scope>,
    queues: &[String],
) -> Result<Vec<Scope>, DbErr> {
    let is_other = |scope: &Scope| !known.iter().any(|known| scope.is_in(known));
    let mut others: Vec<_> = declared(registry, &known).into_iter().filter(is_other).collect();
    if !others.is_empty() {
        let of_later: HashSet<String> = store.names_of_later_workers(worker).await?.into_iter().collect();
        others.retain(|scope| !scope.jobs.iter().any(|job| of_later.contains(job)));
    }
    let written = store.declare_limits(&others).await?;
    written.iter().for_each(log);
    let mut with_keys = unlimited_with_keys(store, registry, queues).await?;
    with_keys.retain(|scope| !known.iter().any(|known| known.name == scope.name));
    store.declare_unlimited(&with_keys).await?;
    if written.is_empty() && with_keys.is_empty() { Ok(known) } else { scopes(&store.db).await }
}

/// The definitions here that have no limits and of which jobs wait with the key of one, which the claim of jobs without limits leaves out.
async fn unlimited_with_keys(store: &Store, registry: &Registry, queues: &[String]) -> Result<Vec<Scope>, DbErr> {
    let mut names = HashSet::new();
    for queue in queues {
        names.extend(store.names_with_keys(queue, &registry.names()).await?);
    }
    let definitions = registry.definitions().iter();
    let found =
        definitions.filter(|definition| !is_limited(definition) && definition.names().any(|name| names.contains(name)));
    Ok(found.map(|definition| scope(definition, definition.defaults.name)).collect())
}

fn log(Scope { name, running, running_each, counted_by, .. }: &Scope) {
    let all = running.map_or_else(|| "any number".to_owned(), |most| most.to_string());
    let each = running_each.map_or_else(String::new, |most| format!(", and {most} of each {counted_by}"));
    tracing::info!("of the jobs of `{name}`, {all} may run at once{each}");
}

/// The limits of these definitions, including those that have none any more.
fn declared(registry: &Registry, known: &[Scope]) -> Vec<Scope> {
    registry.definitions().iter().flat_map(|definition| declared_by(definition, known)).collect()
}

fn declared_by(definition: &Definition, known: &[Scope]) -> Vec<Scope> {
    let defaults = &definition.defaults;
    let is_known = |name: &str| known.iter().any(|scope| scope.name == name);
    let own = (is_limited(definition) || is_known(defaults.name)).then_some(defaults.name);
    // Under a former name, an earlier release may still claim: it has to count all jobs of the definition, too.
    let former = defaults.aliases.iter().copied().filter(|alias| is_known(alias));
    own.into_iter().chain(former).map(|name| scope(definition, name)).collect()
}

fn is_limited(definition: &Definition) -> bool {
    definition.defaults.limits.all.is_some() || definition.defaults.limits.each.is_some()
}

/// The limits of a definition, under this name of it.
fn scope(definition: &Definition, name: &str) -> Scope {
    let limits = &definition.defaults.limits;
    Scope {
        name: name.to_owned(),
        jobs: definition.names().map(str::to_owned).collect(),
        running: limits.all.and_then(|limit| limit.running).map(as_stored),
        running_each: limits.each.and_then(|(_, limit)| limit.running).map(as_stored),
        counted_by: counted_by(definition),
    }
}

fn as_stored(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

/// Two releases whose jobs are counted by the same have keys of the same form.
fn counted_by(definition: &Definition) -> String {
    let limits = definition.defaults.limits;
    match limits.each {
        Some((names, _)) => names.join(","),
        None if limits.all.is_some() => ALL.to_owned(),
        None => UNLIMITED.to_owned(),
    }
}

/// Whether this key is one that the definition makes. Of parameters that do not decode, nobody knows.
pub(super) fn has_right_form(registry: &Registry, name: &str, key: &str) -> bool {
    key != UNKNOWN && registry.get(name).is_some_and(|definition| has_form(&definition.defaults.limits, key))
}

/// The key that the job's definition makes.
pub(super) fn key_of(registry: &Registry, job: &Keyed) -> String {
    let Some(definition) = registry.get(&job.name) else { return job.key.clone() };
    let values = || definition.decode(&job.parameters.clone().into())?.limit_values();
    limit_key(&definition.defaults.limits, values).unwrap_or_else(|_| UNKNOWN.to_owned())
}

/// The names that a worker knows whose number is limited, as of when it last asked.
#[derive(Debug, Default)]
pub(super) struct LimitedNames {
    by_name: HashMap<&'static str, Arc<[PlaceLimit]>>,
    /// Those that only other releases claim: they count by other parameters than the definition here.
    foreign: Vec<&'static str>,
}

impl LimitedNames {
    pub(super) fn of(registry: &Registry, scopes: &[Scope]) -> Self {
        let mut names = Self::default();
        for name in registry.names() {
            let Some(definition) = registry.get(name) else { continue };
            let counted: Vec<_> = scopes.iter().filter(|scope| scope.jobs.iter().any(|job| job == name)).collect();
            let counted_by = counted_by(definition);
            if counted.is_empty() {
                continue;
            }
            if counted.iter().all(|scope| scope.counted_by == counted_by) {
                names.by_name.insert(name, counted.into_iter().map(limit_of).collect());
            } else {
                names.foreign.push(name);
            }
        }
        names
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<[PlaceLimit]>> {
        self.by_name.get(name)
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.by_name.keys().copied().collect()
    }

    /// Warns of what this worker no longer claims.
    pub(super) fn warn_of_change(&self, before: &Self) {
        for name in self.foreign.iter().filter(|name| !before.foreign.contains(name)) {
            tracing::warn!(
                name,
                "a worker of another release counts the jobs of this definition by other parameters: this one claims no more of them"
            );
        }
    }
}

fn limit_of(scope: &Scope) -> PlaceLimit {
    PlaceLimit {
        scope: scope.name.clone(),
        of_all: scope.running.is_some(),
        of_key: scope.running_each.is_some(),
        counted_by: scope.counted_by.clone(),
    }
}
