//! Limits of how many jobs run at once, case by case, on every database.
#![allow(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod changes;
mod keys;
mod room;
mod strict;
mod support;
mod turns;

fn main() {
    let cases = [strict::cases(), keys::cases(), room::cases(), turns::cases(), changes::cases()].concat();
    jobs_tests::main(&cases);
}
