//! Whole workers, in processes of their own, on every database.

mod crashes;
mod linking;
mod migrating;
mod process;
mod setup;
mod sharing;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod stalls;
mod tables;
mod waking;

fn main() {
    let mut cases =
        [crashes::cases(), linking::cases(), migrating::cases(), sharing::cases(), waking::cases()].concat();
    #[cfg(unix)]
    cases.extend([signals::cases(), stalls::cases()].concat());
    jobs_tests::main(&cases);
}
