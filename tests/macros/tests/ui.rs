//! One mistake gives one error, at the right place, which says what to write. `TRYBUILD=overwrite` keeps new messages.

#[test]
fn each_mistake_is_one_error() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
