//! Reading filters, and what is said of those that can't be read.

use crate::client::filter::{JobFilter, ParseFilterError};
use crate::model::JobStatus;

fn read(text: &str) -> JobFilter {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(text: &str) -> ParseFilterError {
    text.parse::<JobFilter>().map_or_else(|error| error, |filter| panic!("{text:?} is read as {filter:?}"))
}

#[test]
fn each_word_is_the_condition_of_its_method() {
    let new = JobFilter::new;
    for (text, filter) in [
        ("", new()),
        (" \t\n", new()),
        ("42", new().id(42)),
        ("id:42 7", new().id(42).id(7)),
        ("status:failed", new().status(JobStatus::Failed)),
        ("status:FAILED,running", new().status(JobStatus::Failed).status(JobStatus::Running)),
        ("status:failed status:running", new().status(JobStatus::Failed).status(JobStatus::Running)),
        ("name:Resize", new().name("Resize")),
        ("queue:images", new().queue("images")),
        ("user:ada session:s event:e", new().user("ada").session("s").event("e")),
        ("user:\"ada l\"", new().user("ada l")),
        ("name:a key:acme", new().key("acme").name("a")),
        ("error:\"timed out\"", new().error("timed out")),
        ("error:a:b", new().error("a:b")),
        (r#"error:"""#, new().error("")),
        ("since:2h", new().created_within(std::time::Duration::from_hours(2))),
        ("is:due", new().due()),
        ("is:retrying", new().retrying()),
        ("is:LONG", new().long_running()),
        ("is:unserved", new().unserved()),
        ("  queue:a\u{a0}user:b ", new().user("b").queue("a")),
        ("queue:a queue:a", new().queue("a")),
    ] {
        assert_eq!(read(text), filter, "{text}");
    }
}

#[test]
fn what_is_read_is_written_so_that_it_reads_the_same() {
    for text in [
        "42",
        "-42",
        "status:failed status:running",
        "-status:terminated",
        "name:Resize -name:Mail queue:images user:ada",
        r#"user:"ada l""#,
        r#"user:"a\"b\\c""#,
        r"user:a\b",
        r#"error:"timed out""#,
        "-error:a:b",
        r#"error:"""#,
        "since:2h until:1h30m",
        "since:1d2h3m4s5ms",
        "since:2026-11-28T10:30:00.250Z since:2h",
        "is:due is:retrying -is:unserved",
        "width:64",
        "width:>64 width:<=100 height:<3 -width:>=70",
        r#"width:"64""#,
        r#"width:>"64""#,
        r#"title:"""#,
        r#"title:"a b""#,
        "title:>>",
        "title:>==",
        "title:-1",
        "paid:true",
        "user.name:ada",
        "param.user:ada",
        "param.staus:x",
        "param.param.x:1",
        r#""file name":x"#,
        r#""a:b":x"#,
        r#""-a":x"#,
        r#""param.param. x":1"#,
        "-ä.ö:ü",
    ] {
        assert_eq!(read(text).to_string(), text);
        assert_eq!(read(&read(text).to_string()), read(text));
    }
}

#[test]
fn the_order_of_fields_does_not_count() {
    assert_eq!(read("width:>64 is:due -name:Mail 7 name:Resize"), read("7 name:Resize -name:Mail is:due width:>64"));
    assert_eq!(read("since:2h since:2026-11-28"), read("since:2026-11-28 since:2h"));
}

#[test]
fn quoted_and_param_names_are_the_same_parameter() {
    assert_eq!(read("param.width:64"), read("width:64"));
    assert_eq!(read(r#""width":64"#), read("width:64"));
    assert_ne!(read(r#"width:"64""#), read("width:64"));
}

#[test]
fn a_mistake_is_pointed_at_and_says_what_to_write() {
    for (text, marked, reason, help) in [
        ("staus:failed", "staus", "`staus` is not a field", "did you mean `status`?"),
        ("queue:a -Name:b", "Name", "is not a field", "did you mean `name`?"),
        ("users:ada", "users", "is not a field", "`param.users:`"),
        ("before:2h", "before", "is not a field", "did you mean `until`?"),
        ("status:done", "done", "`done` is not a status", "`canceled`, `failed` or `terminated`"),
        ("status:failed,runing", "failed,runing", "`runing` is not a status", "did you mean `running`?"),
        ("status:failed,", "failed,", "`` is not a status", "write `scheduled`"),
        ("is:du", "du", "`du` is not a state", "`due`, `retrying`, `long` or `unserved`"),
        ("is:retryng", "retryng", "is not a state", "did you mean `retrying`?"),
        ("is:failed", "failed", "is not a state", "write `status:failed`"),
        ("failed", "failed", "`failed` has no field", "write `status:failed`"),
        ("-due", "due", "has no field", "write `is:due`"),
        ("queue:a Resize", "Resize", "has no field", "write `name:Resize`"),
        (r#""timed out""#, r#""timed out""#, "has no field", r#"`error:"timed out"`"#),
        (r#""42""#, r#""42""#, "has no field", "write `name:"),
        ("-", "-", "stands alone", "`-name:Mail`"),
        ("a:1 - name:b", "-", "stands alone", "`-name:Mail`"),
        ("--5", "-5", "has no field", "write"),
        ("0", "0", "is not the id of a job", "write a number"),
        ("99999999999999999999", "99999999999999999999", "is not the id of a job", "write a number"),
        ("id:seven", "seven", "is not the id of a job", "write a number"),
        ("name:", "name:", "`name:` has no value", "`name:Resize`"),
        ("name: Resize", "name:", "`name:` has no value", "`name:Resize`"),
        ("error:", "error:", "has no value", "`error:timeout`"),
        (r#"queue:"""#, r#"queue:"""#, "has no value", "`queue:images`"),
        (r#"queue:" a""#, r#"" a""#, "white space", "`queue:images`"),
        ("queue:a\u{7}", "a\u{7}", "control character", "`queue:images`"),
        (&format!("user:{}", "x".repeat(201)), &"x".repeat(201), "longer than 200", "`user:ada`"),
        (":5", ":", "name before the colon is missing", "`name:Resize`"),
        ("param.:5", "param.:", "name before the colon is missing", "`width:64`"),
        ("width:", "width:", "compared with nothing", "`width:64`"),
        ("width:>", "width:>", "compared with nothing", "`width:64`"),
        ("key:acme", "key:acme", "a key counts among", "`name:Resize`"),
        ("-name:a status:failed -key:acme", "-key:acme", "a key counts among", "`name:Resize`"),
        ("since:yesterday", "yesterday", "is not a time", "`2h`"),
        ("since:2", "2", "is not a time", "`2h`"),
        ("until:2026-13-01", "2026-13-01", "is not a time", "`2026-11-28`"),
        ("until:2026-11-28T10:00:00", "2026-11-28T10:00:00", "is not a time", "`Z` for UTC"),
        ("since:10000-01-01", "10000-01-01", "is not a time", "`2026-11-28`"),
        ("since:40000d", "40000d", "is not a time", "`2h`"),
        (r#"error:"timed out"#, r#""timed out"#, "the quote is not closed", "end it"),
        (r#"error:"timed\""#, r#""timed\""#, "the quote is not closed", "end it"),
        (r#"user:a"b"#, r#"""#, "a quote inside a word", r#"`\"`"#),
        (r#"user:"a"b c"#, "b", "follows a quote", "a space before it"),
    ] {
        let error = refused(text);
        assert_eq!(&text[error.span()], marked, "{error}");
        assert!(error.reason().contains(reason), "{error}");
        assert!(error.help().contains(help), "{error}");
        assert_eq!(error.text(), text);
    }
}

#[test]
fn too_many_words_are_refused() {
    let words = |count: u32| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(read(&words(100)).to_string(), words(100));
    assert_eq!(&words(102)[refused(&words(102)).span()], "101 102");
}

#[test]
fn carets_stand_below_the_mistake() {
    let error = refused("user:ä\tstaus:failed");
    let lines: Vec<_> = error.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines[1], "  user:ä staus:failed");
    assert_eq!(lines[2], "         ^^^^^");
    assert_eq!(lines.len(), 3);
    let error = crate::error::Error::from(error).to_string();
    assert!(error.starts_with("`filter` is invalid: `staus` is not a field"), "{error}");
}

#[test]
fn no_text_makes_the_parser_panic() {
    let pieces = ["\"", "\\", ":", "-", ">", "=", " ", "a", "ä", "name", "param.", "7", "since:", "2h", "\u{3000}"];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let text: String = (0..random.usize(..9)).map(|_| pieces[random.usize(..pieces.len())]).collect();
        match text.parse::<JobFilter>() {
            Ok(filter) => assert_eq!(filter.to_string().parse(), Ok(filter), "{text}"),
            Err(error) => assert!(text.get(error.span()).is_some_and(|word| !word.is_empty()), "{text}: {error:?}"),
        }
    }
}

#[test]
fn json_keeps_every_condition() {
    for text in [
        "status:failed name:a name:b -name:c queue:q since:2026-11-28T10:30:00Z since:2h until:1h is:unserved -is:unserved",
        "42 name:a key:k error:\"timed out\" width:>64 -param.user:\"64\"",
        "-status:failed is:due",
    ] {
        let filter = read(text).limit(7).after(3);
        let json = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<JobFilter>(&json).unwrap(), filter, "{json}");
    }
    let filter: JobFilter = serde_json::from_str(r#"{"name": "a", "filter": "key:k"}"#).unwrap();
    assert_eq!(filter, read("name:a key:k"));
    let json = serde_json::to_value(read("status:failed queue:images width:>64")).unwrap();
    assert_eq!(json, serde_json::json!({"status": "failed", "queue": "images", "filter": "width:>64"}));
    let error = serde_json::from_str::<JobFilter>(r#"{"filter": "staus:x"}"#).unwrap_err();
    assert!(error.to_string().contains("did you mean `status`?"), "{error}");
}
