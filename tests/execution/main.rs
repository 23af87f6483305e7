//! How workers execute, finish, lose and rescue jobs, case by case, on every database.

mod definitions;
mod outcomes;

fn main() {
    let cases = [outcomes::cases()].concat();
    jobs_tests::main(&cases);
}
