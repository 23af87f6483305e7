//! Schedules of definitions, from one release of a program to the next.

use chrono::Timelike as _;
use jobs::cron::{self, CronRecord, CronSource, Missed};
use jobs::prelude::*;
use jobs::testing::{advance, run_now};
use jobs::{Error, Job, JobDefaults};
use jobs_tests::{Database, Running, cases, soon};

use crate::cron_firing::{HOUR, all_jobs, history, hourly, idle, schedule};
use crate::support::definitions::{Encore, Play, Script, idle_worker};
use crate::support::rows::until;

cases![
    a_definition_s_schedule_is_written_and_fired_with_defaults,
    of_many_workers_that_start_at_once_one_writes_the_schedule,
    a_schedule_that_stays_the_same_keeps_what_was_missed,
    a_definition_with_another_expression_changes_its_schedule,
    a_definition_without_a_schedule_removes_the_one_it_had,
    a_definition_with_a_new_name_takes_its_schedule_along,
    a_schedule_of_a_definition_that_was_paused_stays_so,
    a_worker_does_not_start_where_a_schedule_has_the_name_of_a_definition_s,
    a_worker_does_not_start_with_a_schedule_that_can_t_be,
];

/// A job that some worker knows, and others do not.
macro_rules! release {
    ($job:ident, $defaults:expr) => {
        #[derive(Debug)]
        #[job_params]
        pub(crate) struct $job {
            #[param(default = 30)]
            days: u32,
        }

        impl Job for $job {
            const DEFAULTS: JobDefaults = $defaults;
        }

        impl Execute for $job {
            type Output = u32;

            async fn execute(&self, _job: &JobContext) -> JobResult<u32> {
                Ok(self.days())
            }
        }
    };
}

release!(Far, JobDefaults::new("Far").queue("far").max_attempts(7));

// The same definition, in one release after the other. In Tokyo clocks never change, so that a day that passes is a day.
const NIGHTLY: JobDefaults = JobDefaults::new("Nightly").queue("nights");
release!(AtThree, NIGHTLY.cron("0 3 * * *").timezone("Asia/Tokyo").missed(Missed::All(2)));
release!(AtFour, NIGHTLY.cron("0 4 * * *").timezone("Asia/Tokyo").missed(Missed::All(2)));
release!(Never, NIGHTLY);
release!(Renamed, JobDefaults::new("EveryNight").aliases(&["Nightly"]).cron("0 3 * * *"));
release!(WrongExpression, NIGHTLY.cron("0 0 30 2 *"));
release!(WrongZone, NIGHTLY.cron("0 3 * * *").timezone("Europe/Atlantis"));
release!(WrongLimit, NIGHTLY.cron("0 3 * * *").missed(Missed::All(0)));

/// A worker of a release that starts, does what is due, and ends.
async fn release<J: Job>(t: &Database) -> Result<(), Error> {
    soon(idle_worker(t).register::<J>().run_until_idle()).await
}

async fn a_definition_s_schedule_is_written_and_fired_with_defaults(t: Database) {
    release::<AtThree>(&t).await.unwrap();
    let nightly = schedule(&t, "Nightly").await;
    assert_eq!((nightly.job.as_str(), nightly.expression.as_str()), ("Nightly", "0 3 * * *"));
    assert_eq!((nightly.timezone.as_str(), nightly.missed), ("Asia/Tokyo", Missed::All(2)));
    assert_eq!(nightly.source, CronSource::Definition);
    assert_eq!(all_jobs(&t).await, [], "it is not due");
    advance(t.db(), 24 * HOUR).await.unwrap();
    release::<AtThree>(&t).await.unwrap();
    let [job] = &all_jobs(&t).await[..] else { panic!("one job") };
    assert_eq!((job.queue.as_str(), job.output::<u32>().unwrap()), ("nights", 30));
    assert_eq!(run_now(AtThree::new()).await.output().unwrap(), 30);
}

async fn of_many_workers_that_start_at_once_one_writes_the_schedule(t: Database) {
    let mut workers = Vec::new();
    for _ in 0..6 {
        let worker = Worker::new(t.connect().await).state(Script::new(|_| async { Ok(()) }));
        workers.push(soon(worker.register::<AtThree>().run_until_idle()));
    }
    let ended = futures_util::future::join_all(workers).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    assert_eq!(cron::list(t.db()).await.unwrap().len(), 1);
}

async fn a_schedule_that_stays_the_same_keeps_what_was_missed(t: Database) {
    release::<AtThree>(&t).await.unwrap();
    advance(t.db(), 3 * 24 * HOUR).await.unwrap();
    release::<AtThree>(&t).await.unwrap();
    assert_eq!(all_jobs(&t).await.len(), 2, "all up to two");
}

async fn a_definition_with_another_expression_changes_its_schedule(t: Database) {
    release::<AtThree>(&t).await.unwrap();
    let before = schedule(&t, "Nightly").await;
    release::<AtFour>(&t).await.unwrap();
    let after = schedule(&t, "Nightly").await;
    assert_eq!((after.expression.as_str(), after.created_at), ("0 4 * * *", before.created_at));
    let hour = |record: &CronRecord| record.next_at.unwrap().hour();
    assert_eq!(hour(&after), hour(&before) + 1);
    // One that keeps running does not change it back, and fires the schedule as it is.
    let old = Running::start(idle_worker(&t).register::<AtThree>());
    until(|| async { schedule(&t, "Nightly").await.expression == "0 3 * * *" }).await;
    release::<AtFour>(&t).await.unwrap();
    advance(t.db(), 24 * HOUR).await.unwrap();
    until(|| async { !history(&t, "Nightly").await.is_empty() }).await;
    old.stop().await;
    assert_eq!(schedule(&t, "Nightly").await.expression, "0 4 * * *");
}

async fn a_definition_without_a_schedule_removes_the_one_it_had(t: Database) {
    release::<AtThree>(&t).await.unwrap();
    cron::add(t.db(), "Encore", hourly(), Encore::new()).await.unwrap();
    // A program that does not have the definition at all knows nothing of its schedule.
    idle(&t).await;
    assert_eq!(cron::list(t.db()).await.unwrap().len(), 2);
    release::<Never>(&t).await.unwrap();
    let left: Vec<_> = cron::list(t.db()).await.unwrap().into_iter().map(|schedule| schedule.name).collect();
    assert_eq!(left, ["Encore"], "what was added at run time stays, whatever its name");
}

async fn a_definition_with_a_new_name_takes_its_schedule_along(t: Database) {
    release::<AtThree>(&t).await.unwrap();
    release::<Renamed>(&t).await.unwrap();
    let names: Vec<_> = cron::list(t.db()).await.unwrap().into_iter().map(|schedule| schedule.name).collect();
    assert_eq!(names, ["EveryNight"]);
}

async fn a_schedule_of_a_definition_that_was_paused_stays_so(t: Database) {
    release::<AtThree>(&t).await.unwrap();
    cron::pause(t.db(), "Nightly").await.unwrap();
    for _ in 0..2 {
        release::<AtThree>(&t).await.unwrap();
        release::<AtFour>(&t).await.unwrap();
        assert!(schedule(&t, "Nightly").await.paused_at.is_some());
    }
}

async fn a_worker_does_not_start_where_a_schedule_has_the_name_of_a_definition_s(t: Database) {
    cron::add(t.db(), "Nightly", hourly(), Play::new()).await.unwrap();
    let Err(Error::Setup(reason)) = release::<AtThree>(&t).await else { panic!("it starts") };
    assert!(reason.contains("another named `Nightly`") && reason.contains("cron remove"), "{reason}");
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
    assert_eq!(schedule(&t, "Nightly").await.source, CronSource::Runtime);
    release::<Never>(&t).await.unwrap();
}

async fn a_worker_does_not_start_with_a_schedule_that_can_t_be(t: Database) {
    let refused = |started| match started {
        Err(Error::Setup(reason)) => reason,
        other => panic!("it starts: {other:?}"),
    };
    assert!(refused(release::<WrongExpression>(&t).await).contains("never comes"));
    assert!(refused(release::<WrongZone>(&t).await).contains("`Europe/Atlantis` is not a time zone"));
    assert!(refused(release::<WrongLimit>(&t).await).contains("between 1 and 100"));
    assert_eq!(cron::list(t.db()).await.unwrap(), []);
}
