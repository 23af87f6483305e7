//! Updates in all orders of writing, refusing and finishing.

use super::*;

#[test]
fn a_flood_of_messages_is_bounded_and_says_how_many_were_dropped() {
    let updates = Updates::default();
    for number in 0..MAX_MESSAGES + 7 {
        updates.log(Level::Info, number.to_string());
    }
    let rows = updates.begin_write().expect("there are messages").messages(1, 1, 1);
    assert_eq!(rows.len(), MAX_MESSAGES + 1);
    assert!(rows.last().expect("the last").text.starts_with("7 messages were dropped"));
}

#[test]
fn messages_that_were_not_written_stand_before_later_ones() {
    let updates = Updates::default();
    updates.log(Level::Info, "first".into());
    updates.set_progress(10);
    updates.begin_write().expect("something was logged");
    updates.log(Level::Info, "second".into());
    updates.set_progress(20);
    updates.end_write(false);
    let again = updates.begin_write().expect("both");
    assert_eq!(again.progress, Some(20));
    let texts: Vec<_> = again.messages(1, 1, 1).into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["first", "second"]);
}

#[test]
fn a_rolled_back_finish_in_leaves_everything_but_its_output_to_be_written() {
    let updates = Updates::default();
    updates.log(Level::Info, "first".into());
    updates.begin_write().expect("something was logged");
    updates.log(Level::Info, "second".into());
    updates.set_result(JobId(1), OUTPUT, Value::Null).expect("it fits");
    let texts = |pending: &PendingUpdates| -> Vec<_> {
        pending.messages(1, 1, 1).into_iter().map(|message| message.text).collect()
    };
    assert_eq!(texts(&updates.close()), ["first", "second"]);
    updates.reopen();
    updates.end_write(true);
    let again = updates.begin_write().expect("the second");
    assert_eq!(texts(&again), ["second"]);
    assert_eq!(again.results, None);
}

#[test]
fn messages_that_are_written_again_keep_their_numbers() {
    let updates = Updates::default();
    let numbers = |pending: PendingUpdates| -> Vec<_> {
        pending.messages(1, 1, 1).into_iter().map(|message| message.number).collect()
    };
    updates.log(Level::Info, "first".into());
    updates.log(Level::Info, "second".into());
    assert_eq!(updates.begin_write().map(numbers), Some(vec![1, 2]));
    updates.log(Level::Info, "third".into());
    updates.end_write(false);
    assert_eq!(numbers(updates.finish()), [1, 2, 3]);
}

#[test]
fn messages_of_a_refused_write_are_counted_and_its_results_left_to_the_end() {
    let updates = Updates::default();
    updates.set_progress(30);
    updates.log(Level::Info, "refused".into());
    updates.set_result(JobId(1), "a", Value::Bool(true)).expect("it fits");
    updates.begin_write().expect("there is something");
    updates.write_refused();
    let next = updates.begin_write().expect("that messages were dropped");
    assert_eq!((next.progress, &next.results), (Some(30), &None));
    assert!(next.messages[0].text.starts_with("1 messages were dropped"), "{}", next.messages[0].text);
    updates.end_write(true);
    let end = updates.finish();
    assert_eq!((end.results.as_deref(), end.messages.len()), (Some(r#"{"a":true}"#), 0));
}

#[test]
fn refused_results_wait_for_the_end_and_the_count_of_dropped_messages_is_kept() {
    let updates = Updates::default();
    updates.set_result(JobId(1), "a", Value::Bool(true)).expect("it fits");
    for text in ["one", "two"] {
        updates.log(Level::Info, text.into());
    }
    updates.begin_write().expect("there is something");
    updates.write_refused();
    updates.set_result(JobId(1), "b", Value::Null).expect("it fits");
    // The notice is refused, too.
    updates.begin_write().expect("that messages were dropped");
    updates.write_refused();
    let next = updates.begin_write().expect("that messages were dropped");
    assert_eq!(next.results, None);
    assert!(next.messages[0].text.starts_with("2 messages were dropped"), "{}", next.messages[0].text);
    updates.end_write(true);
    assert_eq!(updates.finish().results.as_deref(), Some(r#"{"a":true,"b":null}"#));
}

#[test]
fn results_over_the_limit_are_refused_and_replacing_one_frees_its_room() {
    let updates = Updates::default();
    let large = Value::String("x".repeat(MAX_JSON_BYTES * 2 / 3));
    updates.set_result(JobId(1), "a", large.clone()).expect("it fits");
    assert!(updates.set_result(JobId(1), "b", large.clone()).is_err());
    updates.set_result(JobId(1), "a", large).expect("it replaces the first");
}
