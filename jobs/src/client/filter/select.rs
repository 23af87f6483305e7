//! The conditions of a filter as SQL, and those that are checked on the rows that it selects.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, Condition as Sql, DbErr, Value};

use super::JobFilter;
use super::condition::{Condition, LONG, Label, Moment, Parameter, State, Term};
use super::parameter::Answer;
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::job::parameters::secrets::HIDDEN;
use crate::job::{registry, unique};
use crate::model::{JobId, JobStatus};
use crate::store::dialect::Dialect;
use crate::store::entity::job::{Column, Model};
use crate::store::search::{is, is_any};
use crate::store::unserved::{self, Group};

impl JobFilter {
    /// Refuses what no job can be found by.
    pub(in crate::client) fn check(&self) -> Result<(), Error> {
        let has_key = self.terms.iter().any(|term| matches!(term.condition, Condition::Key(_)));
        if has_key && !self.has_name() {
            return Err(Error::invalid("key", "a key counts among the jobs of one name: add the name"));
        }
        Ok(())
    }

    pub(in crate::client) const fn position(&self) -> Option<JobId> {
        self.after
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub(in crate::client) fn ids(&self) -> Vec<i64> {
        self.given(|condition| if let Condition::Id(id) = condition { Some(id.0) } else { None })
    }

    /// The texts of a kind, of which a job must have one.
    pub(in crate::client) fn labels(&self, wanted: Label) -> Vec<&str> {
        self.given(|condition| match condition {
            Condition::Label(label, text) if *label == wanted => Some(text.as_str()),
            _ => None,
        })
    }

    /// The same, to compare columns with.
    pub(in crate::client) fn label_values(&self, wanted: Label) -> Vec<Value> {
        self.labels(wanted).into_iter().map(name).collect()
    }

    fn given<'f, T>(&'f self, value: impl Fn(&'f Condition) -> Option<T>) -> Vec<T> {
        self.terms.iter().filter(|term| !term.is_negated).filter_map(|term| value(&term.condition)).collect()
    }

    /// The statuses that are named, of which a job must have one.
    pub(crate) fn given_statuses(&self) -> Vec<JobStatus> {
        self.given(|condition| if let Condition::Status(status) = condition { Some(*status) } else { None })
    }

    /// The statuses that a job may have.
    pub(crate) fn statuses(&self) -> Vec<JobStatus> {
        let given = self.given_statuses();
        let implied =
            self.given(|condition| if let Condition::Is(state) = condition { Some(state.status()) } else { None });
        let is_refused =
            |status: &JobStatus| self.terms.contains(&Term { is_negated: true, condition: Condition::Status(*status) });
        let mut statuses = JobStatus::ALL.to_vec();
        statuses.retain(|status| {
            (given.is_empty() || given.contains(status))
                && implied.iter().all(|implied| implied == status)
                && !is_refused(status)
        });
        statuses
    }

    /// The same, for jobs in one of these statuses.
    pub(in crate::client) fn in_statuses(mut self, statuses: &[JobStatus]) -> Self {
        self.terms.retain(|term| term.is_negated || !matches!(term.condition, Condition::Status(_)));
        statuses.iter().fold(self, |filter, status| filter.status(*status))
    }

    /// Whether there are no conditions other than on the status.
    pub(in crate::client) fn is_of_status_only(&self) -> bool {
        self.terms.iter().all(|term| matches!(term.condition, Condition::Status(_)))
    }

    /// Whether only unserved jobs match.
    pub(in crate::client) fn is_of_unserved(&self) -> bool {
        self.terms.contains(&Term { is_negated: false, condition: Condition::Is(State::Unserved) })
    }

    /// Whether conditions are on jobs being unserved, or not.
    pub(in crate::client) fn needs_unserved(&self) -> bool {
        self.terms.iter().any(|term| term.condition == Condition::Is(State::Unserved))
    }

    /// Whether conditions depend on the current time.
    pub(in crate::client) fn needs_time(&self) -> bool {
        let needs_time =
            |condition: &Condition| matches!(condition, Condition::Since(_) | Condition::Until(_) | Condition::Is(_));
        self.terms.iter().any(|term| needs_time(&term.condition))
    }

    /// When the jobs were scheduled: not before the first time, and before the second.
    pub(in crate::client) fn period(&self, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let limits = self.terms.iter().filter_map(|term| match (&term.condition, term.is_negated) {
            (Condition::Since(moment), false) | (Condition::Until(moment), true) => {
                Some((Some(moment.time(now)), None))
            }
            (Condition::Until(moment), false) | (Condition::Since(moment), true) => {
                Some((None, Some(moment.time(now))))
            }
            _ => None,
        });
        limits.fold((None, None), |(since, until), (also_since, also_until)| {
            (Ord::max(since, also_since), [until, also_until].into_iter().flatten().min())
        })
    }

    /// The conditions that SQL can check.
    pub(in crate::client) fn sql(
        &self,
        dialect: &Dialect,
        now: DateTime<Utc>,
        unserved: &[Group],
    ) -> Result<Sql, DbErr> {
        let mut sql = Sql::all();
        let statuses = self.statuses();
        if statuses.len() < JobStatus::ALL.len() {
            sql = sql.add(is_any(&statuses));
        }
        let id = |condition: &Condition| if let Condition::Id(id) = condition { Some(Value::from(id.0)) } else { None };
        sql = self.choose(sql, Column::Id, id);
        for wanted in Label::ALL {
            sql = self.choose(sql, wanted.column(), |condition| match condition {
                Condition::Label(label, text) if *label == wanted => Some(name(text)),
                _ => None,
            });
        }
        let names = self.labels(Label::Name);
        for term in &self.terms {
            let condition = match &term.condition {
                Condition::Key(key) => {
                    let keys: Vec<_> = names.iter().map(|name| unique::digest_of_key(name, key)).collect();
                    let has_key = Expr::col(Column::UniqueKey).is_in(keys);
                    Sql::all().add(Expr::col(Column::UniqueKey).is_not_null().and(has_key))
                }
                Condition::Is(state) => is_in_state(*state, dialect, now, unserved)?,
                Condition::Since(moment) => {
                    Sql::all().add(Expr::col(Column::CreatedAt).gte(dialect.time(moment.time(now))))
                }
                Condition::Until(moment) => {
                    Sql::all().add(Expr::col(Column::CreatedAt).lt(dialect.time(moment.time(now))))
                }
                // The text is read from the row.
                Condition::Error(_) if !term.is_negated => Sql::all().add(Column::LastError.is_not_null()),
                _ => continue,
            };
            sql = sql.add(if term.is_negated { condition.not() } else { condition });
        }
        Ok(sql)
    }

    /// Adds that a column has one of the values that are given, and none of those that are refused.
    fn choose(&self, sql: Sql, column: Column, value: impl Fn(&Condition) -> Option<Value>) -> Sql {
        let values = |is_negated: bool| {
            let terms = self.terms.iter().filter(move |term| term.is_negated == is_negated);
            terms.filter_map(|term| value(&term.condition)).collect::<Vec<_>>()
        };
        let (given, refused) = (values(false), values(true));
        let sql = if given.is_empty() { sql } else { sql.add(column.is_in(given)) };
        if refused.is_empty() { sql } else { sql.add(Sql::any().add(column.is_null()).add(column.is_not_in(refused))) }
    }

    /// Whether there are conditions that only [`matches`](Self::matches) checks, because databases compare texts and JSON differently.
    pub(in crate::client) fn reads_rows(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.condition, Condition::Error(_) | Condition::Parameter(_)))
    }

    /// Those of these rows that fulfill the conditions that SQL does not check.
    pub(in crate::client) fn matching<'r>(&'r self, rows: &'r [Model]) -> impl Iterator<Item = &'r Model> {
        rows.iter().filter(|row| self.matches(row, &mut BTreeSet::new()))
    }

    /// Whether there are conditions on what only those may know who may see what jobs are given and say.
    pub(crate) fn is_on_payload(&self) -> bool {
        let is_on_payload =
            |term: &Term| matches!(term.condition, Condition::Error(_) | Condition::Parameter(_) | Condition::Key(_));
        self.terms.iter().any(is_on_payload)
    }

    /// The same conditions as others may read them: without values of the payload, and with times instead of durations.
    pub(crate) fn for_the_audit(&self, now: DateTime<Utc>) -> Self {
        let hidden = || HIDDEN.to_owned();
        let condition = |condition: &Condition| match condition.clone() {
            Condition::Key(_) => Condition::Key(hidden()),
            Condition::Error(_) => Condition::Error(hidden()),
            Condition::Parameter(parameter) => {
                Condition::Parameter(Parameter { value: hidden(), is_text: false, ..parameter })
            }
            Condition::Since(moment) => Condition::Since(Moment::At(moment.time(now))),
            Condition::Until(moment) => Condition::Until(Moment::At(moment.time(now))),
            other => other,
        };
        let terms = self.terms.iter().map(|term| Term { condition: condition(&term.condition), ..*term });
        terms.fold(Self::new(), Self::with_term)
    }

    /// Whether a job fulfills the conditions that SQL does not check. Names the parameters that are secret in `secrets`.
    pub(in crate::client) fn matches(&self, row: &Model, secrets: &mut BTreeSet<String>) -> bool {
        let error = row.last_error.as_ref().map(|error| error.to_lowercase());
        let holds = |term: &Term| match &term.condition {
            Condition::Error(text) => {
                error.as_ref().is_some_and(|error| error.contains(&text.to_lowercase())) != term.is_negated
            }
            Condition::Parameter(parameter) => match parameter.check(&row.parameters.0, registry::secrets(&row.name)) {
                Answer::Holds => !term.is_negated,
                Answer::DoesNotHold => term.is_negated,
                Answer::Secret(name) => {
                    secrets.insert(name.to_owned());
                    false
                }
            },
            _ => true,
        };
        self.terms.iter().all(holds)
    }
}

/// A value to compare a name with. One that no job can have is replaced, because databases compare such texts differently (trailing spaces,
/// NUL).
fn name(text: &str) -> Value {
    if check_name("filter", text).is_ok() { text.into() } else { "".into() }
}

fn is_in_state(state: State, dialect: &Dialect, now: DateTime<Utc>, unserved: &[Group]) -> Result<Sql, DbErr> {
    let status = is(state.status());
    let is_due = Expr::col(Column::ScheduledAt).lte(dialect.time(now));
    Ok(match state {
        State::Due => status.add(is_due),
        State::Retrying => status.add(Column::LastError.is_not_null()),
        State::Long => status.add(Expr::col(Column::StartedAt).lt(dialect.time(now - LONG))),
        State::Unserved => unserved::is_due_in(dialect, unserved)?.add(is_due),
    })
}
