//! Whole workers, in processes of their own, on every database.

fn main() {
    jobs_tests::main(&[]);
}
