//! The dashboard in a real browser: what it executes, what it shows, and what can be done with a keyboard or from another site.
//!
//! Chromium is driven by the chromedriver that `JOBS_TEST_CHROMEDRIVER` names; without it, all cases are ignored.

#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

mod accessibility;
mod actions;
mod attacks;
mod first_load;
mod live;
mod narrow;
mod other_sites;
mod pages;
mod progress_page;
mod screenshots;
mod sign_in;
mod support;
mod times;

use std::process::ExitCode;

fn main() -> ExitCode {
    support::case::main(
        &[
            accessibility::cases(),
            actions::cases(),
            attacks::cases(),
            first_load::cases(),
            live::cases(),
            narrow::cases(),
            other_sites::cases(),
            pages::cases(),
            progress_page::cases(),
            screenshots::cases(),
            sign_in::cases(),
            times::cases(),
        ]
        .concat(),
    )
}
