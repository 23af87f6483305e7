//! The macros and the library read cron expressions alike.

#[test]
fn what_compiles_is_what_is_understood_later() {
    let (compiled, understood) = (
        include_str!("../../../jobs-derive/src/parse/expression.rs"),
        include_str!("../../../jobs/src/cron/expression.rs"),
    );
    assert!(
        compiled == understood,
        "write the change into both: `cp jobs/src/cron/expression.rs jobs-derive/src/parse/`"
    );
}
