//! Durations as arguments, which the macros read too.

use jobs_tests::{Database, cases};

use crate::support::command::call;

#[path = "../../jobs-derive/src/parse/duration.rs"]
#[allow(unused_imports, reason = "its own tests are not run here")]
mod duration;

cases![durations_are_read_as_the_macros_read_them];

/// Except for zero, which is a valid delay but not a valid timeout.
async fn durations_are_read_as_the_macros_read_them(t: Database) {
    let durations = ["500ms", "10s", "5m", "1h30m", "2d", "1d2h3m4s5ms", "36500d"];
    let others = ["", " ", "5", "m", "5 m", "5m ", "1.5h", "5min", "30m1h", "1h1h", "5M", "٥m", "36500d1ms", "36501d"];
    for text in durations.iter().chain(&others) {
        let called = call(&t, &["schedule", "Add", "-p", "left=1", "--delay", text]).await;
        assert_eq!(called.code == 0, duration::parse(text).is_ok(), "{text:?}: {called:#?}");
    }
}
