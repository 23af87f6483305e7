//! What a page does that is not to be seen: a script in each document, and the browser's logs, tell it.

use serde_json::{Value, json};

use super::browser::Browser;

/// Runs in each document before anything else.
pub(crate) const SCRIPT: &str = include_str!("witness.js");

/// A request that the browser has sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) address: String,
    /// What has arrived, with its headers.
    pub(crate) bytes: u64,
}

/// What a page has done besides showing texts.
#[derive(Debug)]
pub(crate) struct Deeds {
    /// Scripts that have run.
    pub(crate) executed: Vec<String>,
    /// What the policy of the page has refused.
    pub(crate) refused: Vec<String>,
    /// What stored texts have made besides texts, and what leads elsewhere.
    pub(crate) made: Vec<String>,
}

impl Browser {
    pub(crate) async fn deeds(&self) -> Deeds {
        let deeds = "return [jobsWitness.executed, jobsWitness.refused, jobsWitness.made()]";
        let deeds = self.execute(deeds, &[]).await;
        Deeds { executed: texts(&deeds[0]), refused: texts(&deeds[1]), made: texts(&deeds[2]) }
    }

    /// Which of these texts are not to be read on the page.
    pub(crate) async fn missing(&self, wanted: &[String]) -> Vec<String> {
        texts(&self.execute("return jobsWitness.missing(arguments[0])", &[json!(wanted)]).await)
    }

    /// What can't be seen whole.
    pub(crate) async fn cut_off(&self) -> Vec<String> {
        texts(&self.execute("return jobsWitness.cutOff()", &[]).await)
    }

    /// The requests since this was last asked.
    pub(crate) async fn sent(&self) -> Vec<Sent> {
        let (mut sent, mut ids) = (Vec::<Sent>::new(), Vec::new());
        for entry in self.log("performance").await {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (method, parameters) = (&message["message"]["method"], &message["message"]["params"]);
            let of = |ids: &[Value]| ids.iter().position(|id| *id == parameters["requestId"]);
            match method.as_str().unwrap() {
                "Network.requestWillBeSent" => {
                    let address = parameters["request"]["url"].as_str().unwrap().to_owned();
                    sent.push(Sent { address, bytes: 0 });
                    ids.push(parameters["requestId"].clone());
                }
                "Network.loadingFinished" => {
                    if let Some(index) = of(&ids) {
                        // A number of the protocol, which may be written as 1e3.
                        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
                        let bytes = parameters["encodedDataLength"].as_f64().unwrap() as u64;
                        sent[index].bytes += bytes;
                    }
                }
                _ => {}
            }
        }
        // The browser draws its own fields with pictures of its own.
        sent.retain(|sent| !sent.address.starts_with("data:"));
        sent
    }

    /// What the browser has complained about, apart from answers that are no success.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.log("browser").await;
        let complaints = log.iter().filter(|entry| entry["source"] != "network");
        complaints.map(|entry| entry["message"].to_string()).collect()
    }
}

fn texts(values: &Value) -> Vec<String> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}
