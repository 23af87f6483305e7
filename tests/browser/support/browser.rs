//! Chromium without a window, as a user has it: pages, a mouse and a keyboard.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jobs_tests::PATIENCE;
use serde_json::{Value, json};

use super::driver::Driver;
use super::webdriver::{Answer, Session};
use super::witness;

/// How often what is waited for is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// As `WebDriver` names them.
pub(crate) const TAB: char = '\u{E004}';
pub(crate) const ENTER: char = '\u{E007}';

/// How `WebDriver` names the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser of our own, with a profile of its own.
#[derive(Clone)]
pub(crate) struct Browser {
    session: Session,
    _driver: Arc<Driver>,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let driver = Driver::start().await;
        let patience = u64::try_from(PATIENCE.as_millis()).expect("minutes");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ];
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "pageLoad": patience, "script": patience },
        });
        let session = Session::start(&driver.address, capabilities).await;
        let session = session.unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        let browser = Self { session, _driver: Arc::new(driver) };
        browser.run_in_every_document(witness::SCRIPT).await;
        browser
    }

    pub(crate) async fn close(self) {
        // The case has told more than this can.
        let _ = self.session.end().await;
    }

    /// Sends a command that must succeed.
    async fn command(&self, command: &str, body: Value) -> Value {
        let answer = self.session.post(command, body.clone()).await;
        answer.unwrap_or_else(|error| panic!("{command} with {}: {error}", shortened(&body.to_string())))
    }

    /// Sends a command of the developer tools' protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.command("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Runs this script in each document before its own.
    pub(crate) async fn run_in_every_document(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    pub(crate) async fn goto(&self, address: &str) {
        self.command("url", json!({ "url": address })).await;
    }

    /// The address that is shown.
    pub(crate) async fn address(&self) -> String {
        self.session.get("url").await.unwrap().as_str().unwrap().to_owned()
    }

    async fn try_to_execute(&self, script: &str, arguments: &[Value]) -> Answer {
        self.session.post("execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Runs a function body in the page, and returns what it returns.
    pub(crate) async fn execute(&self, script: &str, arguments: &[Value]) -> Value {
        self.try_to_execute(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs a function body that calls its last argument with its result.
    pub(crate) async fn execute_async(&self, script: &str) -> Value {
        self.command("execute/async", json!({ "script": script, "args": [] })).await
    }

    /// What has been logged since it was last asked.
    pub(crate) async fn log(&self, kind: &str) -> Vec<Value> {
        self.command("se/log", json!({ "type": kind })).await.as_array().expect("a log is an array").clone()
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Prefers a color scheme: `light` or `dark`.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Takes a picture of the whole page: a PNG.
    pub(crate) async fn take_picture(&self, file: &Path) {
        self.capture(json!({ "format": "png", "captureBeyondViewport": true }), file).await;
    }

    /// Takes a picture of what is in the window: a small `WebP`.
    pub(crate) async fn take_small_picture(&self, file: &Path) {
        self.capture(json!({ "format": "webp", "quality": 85 }), file).await;
    }

    async fn capture(&self, how: Value, file: &Path) {
        let picture = self.devtools("Page.captureScreenshot", how).await;
        std::fs::write(file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What is to be read on the page.
    pub(crate) async fn text(&self) -> String {
        self.read("document.body.innerText").await
    }

    /// The heading of the page.
    pub(crate) async fn heading(&self) -> String {
        self.read("document.querySelector('h1')?.innerText").await
    }

    /// The text of an expression; empty if it has none.
    pub(crate) async fn read(&self, expression: &str) -> String {
        let text = self.execute(&format!("return {expression}"), &[]).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until this expression is true in the page.
    pub(crate) async fn until(&self, condition: &str) {
        let script = format!("return document.readyState === 'complete' && Boolean({condition})");
        let met = async {
            // While one page follows another, there is none.
            while !self.try_to_execute(&script, &[]).await.is_ok_and(|met| met == true) {
                tokio::time::sleep(GLANCE).await;
            }
        };
        let is_met = tokio::time::timeout(PATIENCE, met).await.is_ok();
        assert!(is_met, "{condition} has not become true at {}: {}", self.address().await, self.text().await);
    }

    /// Waits until the page shows this text.
    pub(crate) async fn until_text(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", Value::from(text))).await;
    }

    /// Waits until the page has this heading.
    pub(crate) async fn until_heading(&self, text: &str) {
        self.until(&format!("document.querySelector('h1')?.innerText === {}", Value::from(text))).await;
    }

    /// Clicks the button or the link with this text.
    pub(crate) async fn click(&self, label: &str) {
        let path = format!("//*[self::button or self::a][normalize-space()='{label}']");
        let found = self.command("element", json!({ "using": "xpath", "value": path })).await;
        self.command(&format!("element/{}/click", found[ELEMENT].as_str().unwrap()), json!({})).await;
    }

    /// Presses the tabulator until the button or the link with this text has the focus. It must be seen there.
    pub(crate) async fn tab_to(&self, label: &str) {
        let mut passed = Vec::new();
        for _ in 0..200 {
            self.press(TAB).await;
            let focused = self.read("document.activeElement.innerText?.trim()").await;
            if focused == label {
                let outline = self.read("getComputedStyle(document.activeElement).outlineStyle").await;
                assert_ne!(outline, "none", "the focus on {label} is not seen");
                return;
            }
            passed.push(focused);
        }
        panic!("the tabulator does not lead to {label}, but to {passed:?}");
    }

    pub(crate) async fn press(&self, key: char) {
        let strokes = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.command("actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] })).await;
    }

    /// Looks into the first frame of the page: its address, and what it shows.
    pub(crate) async fn frame(&self) -> (String, String) {
        self.command("frame", json!({ "id": 0 })).await;
        let shown = (self.read("location.href").await, self.read("document.documentElement.textContent").await);
        self.command("frame/parent", json!({})).await;
        shown
    }

    /// The names of the cookies of the page that is shown.
    pub(crate) async fn cookies(&self) -> BTreeSet<String> {
        let cookies = self.session.get("cookie").await.unwrap();
        cookies.as_array().unwrap().iter().map(|cookie| cookie["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(1_000).collect()
}
