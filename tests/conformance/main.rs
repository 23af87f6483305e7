//! What jobs promises, case by case, on every database.

mod definitions;
mod scheduling;

fn main() {
    let cases = [scheduling::cases()].concat();
    jobs_tests::main(&cases);
}
