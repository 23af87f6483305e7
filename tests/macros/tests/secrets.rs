//! Parameters with `#[param(secret)]`.

use std::collections::HashMap;

use jobs::JobParams;
use jobs::prelude::*;

/// A job with secrets under many names.
#[derive(Job, Clone)]
#[job_params]
#[serde(rename_all = "camelCase")]
struct LogIn {
    user: String,
    #[param(secret)]
    pass_word: String,
    #[param(secret, default = 1234)]
    #[serde(rename = "PIN", alias = "pin", alias = "number")]
    r#type: u32,
    #[serde(rename(deserialize = "key"))]
    #[param(secret)]
    secret_key: Option<String>,
    #[param(secret)]
    #[serde(skip)]
    session: Option<String>,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
}

impl Execute for LogIn {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

#[job_fn]
async fn sign(document: String, #[param(secret)] key: String, #[param(default, secret)] pin: Option<u16>) -> JobResult {
    let _ = (document, key, pin);
    Ok(())
}

#[job_fn]
async fn nothing_secret(document: String) -> JobResult {
    let _ = document;
    Ok(())
}

#[test]
fn secrets_are_known_by_every_name_that_serde_knows() {
    assert_eq!(LogIn::SECRETS, ["passWord", "PIN", "pin", "number", "secretKey", "key"]);
    assert_eq!(LogIn::PARAMETERS, ["user", "passWord", "PIN", "secretKey"]);
    assert_eq!(Sign::SECRETS, ["key", "pin"]);
    assert_eq!(NothingSecret::SECRETS, [""; 0]);
}

#[test]
fn debug_shows_everything_but_the_secrets() {
    let job = LogIn::new("ada", "hunter2", HashMap::new()).with_secret_key("hunter2");
    assert_eq!(
        (job.user(), job.pass_word(), job.r#type(), job.secret_key()),
        ("ada", "hunter2", 1234, Some("hunter2"))
    );
    assert_eq!(
        format!("{job:?}"),
        r#"LogIn { user: "ada", pass_word: "•••", type: "•••", secret_key: "•••", session: "•••", rest: {} }"#
    );
    let sign = Sign::new("a", "hunter2").with_pin(1234);
    assert_eq!(format!("{sign:?}"), r#"Sign { document: "a", key: "•••", pin: "•••" }"#);
}

#[test]
fn a_job_with_options_hides_them_too() {
    let job = Sign::new("a", "hunter2").with_options(JobOptions::new().user("ada"));
    assert!(!format!("{job:?}").contains("hunter2"), "{job:?}");
}
