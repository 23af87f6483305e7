//! The command line, on every database: what its commands do, print and return.

#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

mod audit;
mod cron;
mod doctor;
mod durations;
mod operate;
mod schedule;
mod show;
mod support;
mod usage;
#[cfg(unix)]
mod web;
mod why;

fn main() {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there are no more"))]
    let mut cases = [
        audit::cases(),
        cron::cases(),
        doctor::cases(),
        durations::cases(),
        show::cases(),
        operate::cases(),
        schedule::cases(),
        usage::cases(),
        why::cases(),
    ]
    .concat();
    #[cfg(unix)]
    cases.extend(web::cases());
    jobs_tests::main(&cases);
}
