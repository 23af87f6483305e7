//! The invariants that must hold when everything is over, read from the journals and the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, JobRecord};
use jobs_tests::{Database, Kind};

use crate::support::executions::{Execution, Executions, early, executions, longest_recovery, most_at_once, overlaps};
use crate::support::fleet::Fleet;
use crate::support::journal::{Event, What};
use crate::support::load::Limited;
use crate::support::scenario::until_none;
use crate::support::scheduled::{Fate, Scheduled};

/// The counts, and the violations that were found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    counts: BTreeMap<&'static str, usize>,
    violations: Vec<String>,
}

/// Compares what was scheduled with what was done.
pub(crate) async fn check(t: &Database, scheduled: &Scheduled, fleet: &Fleet, events: &[Event]) -> Report {
    let mut report = Report::default();
    let executions = executions(events);
    report
        .count("killed or died", events.iter().filter(|event| matches!(event.what, What::Killed | What::Died)).count());
    report.count("frozen", events.iter().filter(|event| matches!(event.what, What::Frozen)).count());
    report.count("acknowledged", scheduled.acknowledged.len());
    report.count("rolled back", scheduled.rolled_back);
    report.found(scheduled.wrong.iter().cloned());
    let mut limited: BTreeMap<u8, BTreeSet<i64>> = BTreeMap::new();
    for (id, fate) in &scheduled.acknowledged {
        let executions = executions.get(&id.get()).map_or(&[][..], Vec::as_slice);
        match jobs::record(t.db(), *id).await {
            Ok(record) => {
                report.job(t, &record, *fate, executions).await;
                if let ("Limited", Ok(key)) = (&*record.name, record.parameter::<u8>("key")) {
                    limited.entry(key).or_default().insert(record.id.get());
                }
            }
            Err(error) => report.violation(format!("job {id} was acknowledged, and is lost: {error}")),
        }
    }
    report.unexpected(t, scheduled, &executions).await;
    report.count("due later", scheduled.due.len());
    report.found(early(&scheduled.due, &executions));
    report.found(overlaps(&executions, events));
    report.limits(&limited, &executions, events);
    report.recovery(longest_recovery(&executions, events), fleet.recovery);
    report.left_behind(t).await;
    report.logs(&fleet.log());
    report
}

impl Report {
    fn count(&mut self, what: &'static str, number: usize) {
        *self.counts.entry(what).or_default() += number;
    }

    fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Adds violations that others have found.
    pub(crate) fn found(&mut self, violations: impl IntoIterator<Item = String>) {
        self.violations.extend(violations);
    }

    /// Checks one job: it ended as it had to, once, within its attempts.
    async fn job(&mut self, t: &Database, record: &JobRecord, fate: Fate, executions: &[Execution]) {
        let (id, status) = (record.id, record.status);
        self.count(status.as_str(), 1);
        let is_right = match fate {
            Fate::Terminates => status == JobStatus::Terminated,
            Fate::Fails => status == JobStatus::Failed,
            Fate::IsCanceled => status == JobStatus::Canceled,
        };
        if !is_right {
            let (name, why) = (&record.name, record.last_error.as_deref().unwrap_or("no reason"));
            self.violation(format!("{name} {id} was to end otherwise than {status}: {why}"));
        }
        if status == JobStatus::Failed && record.last_error.as_ref().is_none_or(String::is_empty) {
            self.violation(format!("job {id} failed, and nobody knows why"));
        }
        if record.attempt > record.max_attempts {
            self.violation(format!("job {id} had {} attempts of {}", record.attempt, record.max_attempts));
        }
        let entered: BTreeSet<_> = executions.iter().map(|execution| execution.attempt).collect();
        if entered.len() != executions.len() {
            self.violation(format!("an attempt of job {id} was entered twice: {executions:?}"));
        }
        if entered.last().is_some_and(|last| *last > record.attempt) {
            self.violation(format!("job {id} ran {executions:?}, and its row knows of {} attempts", record.attempt));
        }
        self.results(record);
        self.effects(t, record).await;
        self.history(t, record).await;
        self.messages(t, record, executions).await;
    }

    /// Checks that the results of a job are those of its last attempt.
    fn results(&mut self, record: &JobRecord) {
        for name in ["output", "attempt"] {
            if let Ok(attempt) = record.result::<u32>(name)
                && record.status == JobStatus::Terminated
                && attempt != record.attempt
            {
                let (id, last) = (record.id, record.attempt);
                self.violation(format!(
                    "the result {name} of job {id} is attempt {attempt}'s, and attempt {last} was the last"
                ));
            }
        }
    }

    /// Checks that the effect of a job, in the transaction that finishes it, happens once.
    async fn effects(&mut self, t: &Database, record: &JobRecord) {
        if record.name == "Effect" {
            let sql = format!("SELECT count(*) FROM fault_effect WHERE job_id = {}", record.id);
            let effects = t.number(&sql).await;
            if effects != i64::from(record.status == JobStatus::Terminated) {
                self.violation(format!("job {} is {} and had its effect {effects} times", record.id, record.status));
            }
        }
    }

    /// Checks that a worker that is told to stop costs a job no attempt.
    async fn history(&mut self, t: &Database, record: &JobRecord) {
        let attempts = jobs::failed_attempts(t.db(), record.id).await.unwrap_or_default();
        let ended = |how| attempts.iter().filter(|attempt| attempt.how == how).count();
        self.count("attempts lost with their worker", ended(AttemptEnd::Lost));
        self.count("attempts given back", ended(AttemptEnd::Shutdown));
        if ended(AttemptEnd::Lost) > 0 && record.status == JobStatus::Terminated {
            self.count("recovered", 1);
        }
        let budget = match record.name.as_str() {
            "Failing" => 3,
            "Panicking" | "Stuck" | "Poison" => 2,
            _ => 50,
        };
        if usize::try_from(record.max_attempts).ok() != Some(budget + ended(AttemptEnd::Shutdown)) {
            let (id, most) = (record.id, record.max_attempts);
            self.violation(format!(
                "job {id} was given back {} times, and may have {most} attempts",
                ended(AttemptEnd::Shutdown)
            ));
        }
    }

    /// Checks that messages that an attempt began after the next had started are not in the tables.
    async fn messages(&mut self, t: &Database, record: &JobRecord, executions: &[Execution]) {
        if executions.len() < 2 {
            return;
        }
        for message in jobs::messages(t.db(), record.id).await.unwrap_or_default() {
            let next = executions.iter().filter(|run| run.attempt > message.attempt).map(|run| run.start).min();
            if let (Ok(said), Some(next)) = (message.text.parse::<i64>(), next)
                && said > next
            {
                let (id, attempt) = (record.id, message.attempt);
                self.violation(format!("attempt {attempt} of job {id} wrote what it said after the next had started"));
            }
        }
    }

    /// Checks that nothing ran that was not acknowledged.
    async fn unexpected(&mut self, t: &Database, scheduled: &Scheduled, executions: &Executions) {
        let known: BTreeSet<_> = scheduled.acknowledged.iter().map(|(id, _)| id.get()).collect();
        for job in executions.keys().filter(|job| !known.contains(job)) {
            self.violation(format!("job {job} ran, and was never acknowledged"));
        }
        let rows = t.number("SELECT count(*) FROM jobs_job").await;
        if usize::try_from(rows).ok() != Some(known.len()) {
            self.violation(format!("{} jobs were acknowledged, and there are {rows}", known.len()));
        }
    }

    /// Checks that no more jobs ran at once than their limits allow.
    fn limits(&mut self, limited: &BTreeMap<u8, BTreeSet<i64>>, executions: &Executions, events: &[Event]) {
        for (key, jobs) in limited {
            let most = most_at_once(jobs, executions, events);
            if most > 1 {
                self.violation(format!("{most} jobs of key {key} ran at once"));
            }
        }
        let all = limited.values().flatten().copied().collect();
        let most = most_at_once(&all, executions, events);
        self.count("limited jobs at once, at most", most);
        if most > Limited::MOST {
            self.violation(format!("{most} limited jobs ran at once"));
        }
    }

    /// Checks that what ran in a process that was killed runs again soon.
    fn recovery(&mut self, longest: Duration, bound: Duration) {
        let millis = usize::try_from(longest.as_millis()).unwrap_or(usize::MAX);
        self.count("longest until a killed worker's job ran again, ms", millis);
        if longest > bound {
            self.violation(format!("a job of a killed worker ran again only after {longest:?}"));
        }
    }

    /// Checks that the log has no errors that users should not see: those of a database for statements that are to be retried.
    fn logs(&mut self, log: &str) {
        // Jobs may panic: that is how their attempts end.
        let is_end_of_a_job = |line: &str| line.contains("jobs::worker::execute::outcome: panicked at");
        for word in ["database is locked", "Deadlock found", "Lock wait timeout", "Record has changed", "panicked at"] {
            if let Some(line) = log.lines().find(|line| line.contains(word) && !is_end_of_a_job(line)) {
                self.violation(format!("logged: {line}"));
            }
        }
        let refused: Vec<_> =
            log.lines().filter_map(|line| line.split_once("fenced out").map(|(_, which)| which)).collect();
        self.count("writes refused to an owner of the past", refused.len());
        if refused.iter().collect::<BTreeSet<_>>().len() < refused.len() {
            self.violation("a refused write is logged twice".into());
        }
    }

    /// Checks that nothing runs any more, and that no worker has left its row behind.
    async fn left_behind(&mut self, t: &Database) {
        for (what, sql) in [
            ("jobs are not closed", "SELECT count(*) FROM jobs_job WHERE status < 2"),
            ("rows of workers are left behind", "SELECT count(*) FROM jobs_worker"),
        ] {
            let number = t.number(sql).await;
            if number > 0 {
                self.violation(format!("{number} {what}"));
            }
        }
        let (what, sql) = match t.kind() {
            Kind::Sqlite => (
                "faults in the file",
                "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'".into(),
            ),
            Kind::Postgres | Kind::Mariadb | Kind::Mysql => ("transactions are open", open_transactions(t)),
        };
        // A server needs a moment to notice that the other end is gone.
        until_none(t, &sql, jobs_tests::PATIENCE).await;
        let number = t.number(&sql).await;
        if number > 0 {
            self.violation(format!("{number} {what}"));
        }
    }

    /// Prints the counts; panics if something is wrong.
    pub(crate) fn conclude(self, seed: u64, case: &str, log: &str) {
        println!("{case}, seed {seed}\n{self}");
        let shown: Vec<_> = self.violations.iter().take(20).collect();
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(10)..];
        assert!(shown.is_empty(), "seed {seed}: {} violations: {shown:#?}\nlog: {last:#?}", self.violations.len());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.iter().try_for_each(|(what, number)| writeln!(f, "{number:>8} {what}"))?;
        write!(f, "{:>8} violations", self.violations.len())
    }
}

/// The database's URL, by which its sessions can be distinguished from those of other tests.
pub(crate) fn named(t: &Database) -> String {
    match t.kind() {
        Kind::Postgres => format!("{}&application_name={}", t.url(), t.name()),
        Kind::Sqlite | Kind::Mariadb | Kind::Mysql => t.url().into(),
    }
}

/// How many transactions are open on such a server, as SQL.
pub(crate) fn open_transactions(t: &Database) -> String {
    match t.kind() {
        Kind::Postgres => {
            format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' AND state <> 'idle'", t.name())
        }
        Kind::Sqlite | Kind::Mariadb | Kind::Mysql => format!(
            "SELECT count(*) FROM information_schema.innodb_trx JOIN information_schema.processlist \
             ON id = trx_mysql_thread_id WHERE db = '{}'",
            t.name()
        ),
    }
}
