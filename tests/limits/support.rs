//! The jobs that the cases schedule, and what they count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, Gate, Running, soon};

/// What the jobs of a case do, and what it has seen of them.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Seen>);

#[derive(Default)]
struct Seen {
    /// In the order in which they started.
    started: Mutex<Vec<JobId>>,
    running: Mutex<Counts>,
    gate: Mutex<Option<Gate>>,
}

/// How many run now, and how many did at most, by what is limited.
#[derive(Default)]
struct Counts {
    now: HashMap<String, usize>,
    most: HashMap<String, usize>,
}

impl Stage {
    /// A stage on which every job waits at the gate.
    pub(crate) fn with_gate() -> (Self, Gate) {
        let (stage, gate) = (Self::default(), Gate::default());
        *stage.0.gate.lock().unwrap() = Some(gate.clone());
        (stage, gate)
    }

    pub(crate) fn started(&self) -> Vec<JobId> {
        self.0.started.lock().unwrap().clone()
    }

    /// How many jobs that count for this ran at once, at most.
    pub(crate) fn most(&self, counted: &str) -> usize {
        self.0.running.lock().unwrap().most.get(counted).copied().unwrap_or(0)
    }

    async fn play(&self, id: JobId, counted: &[&str], time: Duration) {
        self.0.started.lock().unwrap().push(id);
        for what in counted {
            let mut running = self.0.running.lock().unwrap();
            let now = running.now.entry((*what).to_owned()).or_default();
            *now += 1;
            let now = *now;
            let most = running.most.entry((*what).to_owned()).or_default();
            *most = now.max(*most);
        }
        let gate = self.0.gate.lock().unwrap().clone();
        match gate {
            Some(gate) => gate.pass().await,
            None => tokio::time::sleep(time).await,
        }
        for what in counted {
            let mut running = self.0.running.lock().unwrap();
            running.now.entry((*what).to_owned()).and_modify(|now| *now -= 1);
        }
    }
}

/// No more than three at once.
#[derive(Job, Debug)]
#[job(queue = "stage", state = Stage, retry = fixed("1h"), limit(running = 3))]
#[job_params]
pub(crate) struct Three {
    #[param(default)]
    pub(crate) ms: u64,
}

impl Execute for Three {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        job.state::<Stage>().play(job.id(), &["Three"], Duration::from_millis(self.ms())).await;
        Ok(())
    }
}

/// No more than two of each account.
#[derive(Job, Debug)]
#[job(queue = "stage", state = Stage, retry = fixed("1h"), limit(by(account), running = 2))]
#[job_params]
pub(crate) struct Call {
    pub(crate) account: String,
    #[param(default)]
    pub(crate) ms: u64,
}

impl Execute for Call {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        job.state::<Stage>().play(job.id(), &[self.account()], Duration::from_millis(self.ms())).await;
        Ok(())
    }
}

/// No more than five, and no more than two of each account and region.
#[derive(Job, Debug)]
#[job(queue = "stage", state = Stage, alias = "OldMail", retry = fixed("1h"))]
#[job(limit(running = 5), limit(by(account, region), running = 2))]
#[job_params]
pub(crate) struct Mail {
    pub(crate) account: String,
    pub(crate) region: u32,
    #[param(default)]
    pub(crate) ms: u64,
}

impl Execute for Mail {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let key = format!("{}/{}", self.account(), self.region());
        job.state::<Stage>().play(job.id(), &["Mail", &key], Duration::from_millis(self.ms())).await;
        Ok(())
    }
}

/// Any number.
#[derive(Job, Debug)]
#[job(queue = "stage", state = Stage, retry = fixed("1h"))]
#[job_params]
pub(crate) struct Free {
    #[param(default)]
    pub(crate) ms: u64,
}

impl Execute for Free {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        job.state::<Stage>().play(job.id(), &["Free"], Duration::from_millis(self.ms())).await;
        Ok(())
    }
}

pub(crate) fn call(account: &str) -> Call {
    Call { account: account.to_owned(), ms: 0 }
}

/// A worker with this many slots on the stage.
pub(crate) fn worker(t: &Database, stage: &Stage, slots: usize) -> Worker {
    Worker::new(t.db().clone()).state(stage.clone()).queue("stage", slots)
}

/// Executes what may run.
pub(crate) async fn work(t: &Database, stage: &Stage, slots: usize) {
    soon(worker(t, stage, slots).run_until_idle()).await.unwrap();
}

/// Starts several workers with this many slots each.
pub(crate) fn start(t: &Database, stage: &Stage, workers: usize, slots: usize) -> Vec<Running> {
    (0..workers).map(|_| Running::start(worker(t, stage, slots))).collect()
}

pub(crate) async fn stop(workers: Vec<Running>) {
    for worker in workers {
        worker.stop().await;
    }
}

pub(crate) async fn until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    soon(async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Waits until this many jobs have succeeded. Returns the most rows that were seen running meanwhile, by name and key.
pub(crate) async fn watch_until_terminated(t: &Database, jobs: i64) -> HashMap<(String, String), i64> {
    let most = Mutex::new(HashMap::new());
    until(|| async {
        for (name, key, running) in running_rows(t).await {
            let mut most = most.lock().unwrap();
            let seen = most.entry((name, key)).or_insert(0);
            *seen = running.max(*seen);
        }
        t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await == jobs
    })
    .await;
    most.into_inner().unwrap()
}

async fn running_rows(t: &Database) -> Vec<(String, String, i64)> {
    use sea_orm::{ConnectionTrait as _, Statement};
    let sql = "SELECT name, limit_key, COUNT(*) FROM jobs_job WHERE status = 1 GROUP BY name, limit_key";
    let rows = t.db().query_all_raw(Statement::from_string(t.db().get_database_backend(), sql)).await.unwrap();
    let value = |row: &sea_orm::QueryResult| {
        (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap())
    };
    rows.iter().map(value).collect()
}

/// Inserts a worker elsewhere that is alive, knows `Call`, and has joined last: what it has declared is in force.
pub(crate) async fn insert_worker(t: &Database) {
    let (now, end) = (t.seconds_from_now(0), t.seconds_from_now(10_000));
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ('elsewhere', 'elsewhere', 1, {now}, {now}, {end}, '{{\"queues\": [], \"names\": [\"Call\", \"Free\"]}}')"
    ))
    .await;
}
