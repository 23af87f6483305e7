//! The dashboard, on every database: who may see and do what, what pages say, and what they must not let through.

#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

mod access;
mod actions;
mod add_schedule;
mod api_events;
mod api_jobs;
mod api_requests;
mod api_routes;
mod bulk;
mod bulk_runs;
mod changes;
mod definitions;
mod escaping;
mod failed;
mod faults;
mod findings;
mod headers;
mod job_events;
mod jobs_page;
mod live;
mod login;
mod mounts;
mod overview;
mod pages;
mod parameter;
mod requests;
mod routes;
mod schedule_job;
mod schedule_mistakes;
mod support;
mod ways_in;
mod workers;

fn main() {
    jobs_tests::main(
        &[
            access::cases(),
            actions::cases(),
            add_schedule::cases(),
            api_events::cases(),
            api_jobs::cases(),
            api_requests::cases(),
            api_routes::cases(),
            bulk::cases(),
            bulk_runs::cases(),
            changes::cases(),
            definitions::cases(),
            escaping::cases(),
            failed::cases(),
            faults::cases(),
            findings::cases(),
            headers::cases(),
            job_events::cases(),
            jobs_page::cases(),
            live::cases(),
            login::cases(),
            mounts::cases(),
            overview::cases(),
            pages::cases(),
            parameter::cases(),
            requests::cases(),
            routes::cases(),
            schedule_job::cases(),
            schedule_mistakes::cases(),
            ways_in::cases(),
            workers::cases(),
        ]
        .concat(),
    );
}
