//! What went wrong, as a page: the status, and what to do.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::error::chain;
use crate::error::fault::{self, Fault};
use crate::{Error, ParseFilterError};

/// What whoever has sent a change is told if it is not known whether it was made.
pub(super) const LOOK: &str = " The change may have been made: check before you repeat it.";

/// Why a request is not answered with what it asks for.
#[derive(Debug)]
pub enum Failure {
    /// The program's layers name no principal.
    Nobody,
    /// A program has not sent the token that lets programs in.
    NoToken,
    /// There is no route with this path.
    NoSuchPage,
    /// The page exists, but this is not how it is asked for.
    NoSuchMethod,
    /// The request was sent to another name: how that is known.
    WrongHost(&'static str),
    /// Another site may have sent the change: why that is assumed.
    FromElsewhere(&'static str),
    /// The server does not go by the name that the request asks for.
    UnknownHost(String),
    /// The query or the form can't be read.
    Invalid(StatusCode, String),
    /// The text of a filter can't be read.
    Filter(Box<ParseFilterError>),
    /// No action on many jobs is remembered by this identifier.
    NoSuchOperation,
    /// As many actions on many jobs run as may.
    TooManyOperations,
    /// The database has not answered in time.
    Slow,
    /// A call of the session has failed.
    Jobs(Error),
    /// What all viewers are shown can't be read: another one has been told so already.
    Shared(Box<Told>),
    /// The page can't be written.
    Template(askama::Error),
}

/// A failure as its page tells it. It travels with the response until the page is drawn.
#[derive(Debug, Clone)]
pub struct Told {
    pub(super) status: StatusCode,
    /// What programs go by.
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) text: String,
    /// Whether a change may have been made although the answer is a failure.
    pub(super) is_uncertain: bool,
    /// The filter that can't be read.
    pub(super) filter: Option<ParseFilterError>,
}

impl Told {
    fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        Self { status, code: code_of(status), title, text: text.into(), is_uncertain: false, filter: None }
    }

    fn with_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    fn uncertain(self) -> Self {
        Self { is_uncertain: true, ..self }
    }
}

/// The code of a failure if no other says more.
fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "invalid",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        StatusCode::MISDIRECTED_REQUEST => "misdirected",
        StatusCode::UNPROCESSABLE_ENTITY => "unprocessable",
        StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "internal",
    }
}

impl Failure {
    /// Whether an answer is a failure, of which a page is to be drawn.
    pub(super) fn is_told(answer: &Response) -> bool {
        answer.extensions().get::<Told>().is_some()
    }

    /// What is told of it.
    pub(super) fn told(self) -> Told {
        match self {
            Self::Nobody => {
                tracing::warn!("the dashboard: no layer has put a `jobs::Principal` into the extensions of a request");
                let text = "The program does not say who you are: sign in there.";
                Told::new(StatusCode::UNAUTHORIZED, "Not signed in", text)
            }
            Self::NoToken => {
                let text = "Send the token of the server's `--token-file` as `Authorization: Bearer TOKEN`.";
                Told::new(StatusCode::UNAUTHORIZED, "Not signed in", text)
            }
            Self::NoSuchPage => Told::new(StatusCode::NOT_FOUND, "No such page", "There is nothing at this address."),
            Self::NoSuchMethod => Told::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "Not like this",
                "This address answers another method, which `Allow` names: pages are read with GET, and changes are sent with POST.",
            ),
            Self::WrongHost(reason) => Told::new(
                StatusCode::MISDIRECTED_REQUEST,
                "Not at this address",
                format!("The request was refused, because {reason}. Open the address that `public_origin` names."),
            ),
            Self::FromElsewhere(reason) => Told::new(
                StatusCode::FORBIDDEN,
                "Not from here",
                format!("The change was refused, because {reason}. Open the page here, and use its button."),
            )
            .with_code("cross_site"),
            Self::UnknownHost(name) => Told::new(
                StatusCode::MISDIRECTED_REQUEST,
                "Not under this name",
                format!(
                    "The request asks for `{name}`, and this server does not go by that name. If it is right, start it with `--host` and \
                     that name."
                ),
            ),
            Self::Invalid(status, text) => Told::new(status, "Not understood", text),
            Self::Filter(error) => Told {
                code: "invalid_filter",
                filter: Some((*error).clone()),
                ..Told::new(StatusCode::BAD_REQUEST, "Not understood", format!("{}: {}", error.reason(), error.help()))
            },
            Self::NoSuchOperation => Told::new(
                StatusCode::NOT_FOUND,
                "Not remembered",
                "Actions on many jobs, and the counts before them, are remembered until the program ends, and only the latest. Count the jobs \
                 again, and look in the audit for what was done.",
            ),
            Self::TooManyOperations => Told::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many at once",
                "As many actions on many jobs run as may at the same time: wait until one has ended, or stop one. Nothing was changed.",
            ),
            Self::Slow => Told::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The database does not answer",
                "It has not answered within 5 seconds, or the form took as long to arrive.",
            )
            .uncertain(),
            Self::Jobs(error) => of_error(&error),
            Self::Shared(told) => *told,
            Self::Template(error) => {
                tracing::error!("a page of the dashboard can't be written: {error}");
                let text = "The program's log says why.";
                Told::new(StatusCode::INTERNAL_SERVER_ERROR, "The page can't be written", text)
            }
        }
    }
}

/// Sources of errors may quote what jobs are given, so only the log has them.
fn of_error(error: &Error) -> Told {
    let (status, title) = match error {
        Error::Forbidden { .. } => (StatusCode::FORBIDDEN, "Not allowed"),
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "No such job"),
        Error::NoSchedule { .. } => (StatusCode::NOT_FOUND, "No such schedule"),
        Error::UnknownJob { .. } => (StatusCode::NOT_FOUND, "No such definition"),
        Error::Closed { .. } | Error::NotClosed { .. } | Error::NotScheduled { .. } | Error::Duplicate { .. } => {
            (StatusCode::CONFLICT, "Not in this state")
        }
        Error::ScheduleExists { .. } => (StatusCode::CONFLICT, "There is one already"),
        Error::InvalidValue { .. } => (StatusCode::BAD_REQUEST, "Not understood"),
        Error::Database(database) => return of_database(error, database),
        Error::Encode { .. } | Error::Decode { .. } => {
            tracing::warn!("the dashboard: {}", chain(error));
            (StatusCode::UNPROCESSABLE_ENTITY, "A value does not fit")
        }
        _ => {
            tracing::error!("the dashboard: {}", chain(error));
            (StatusCode::INTERNAL_SERVER_ERROR, "It did not work")
        }
    };
    let told = Told::new(status, title, sentence(&error.to_string()));
    match error {
        Error::Closed { .. } => told.with_code("closed"),
        Error::NotClosed { .. } => told.with_code("not_closed"),
        Error::NotScheduled { .. } => told.with_code("not_scheduled"),
        Error::Duplicate { .. } => told.with_code("duplicate"),
        Error::ScheduleExists { .. } => told.with_code("schedule_exists"),
        _ => told,
    }
}

/// The text of the error may name hosts and users, so only the log has it.
fn of_database(error: &Error, database: &sea_orm::DbErr) -> Told {
    tracing::error!("the dashboard: {}", chain(error));
    match fault::of(database) {
        _ if fault::lacks_tables(database) => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The tables are missing",
            "This database does not have the tables of jobs, or those of another release: call `jobs::migrate`, or run the command `migrate`.",
        ),
        Fault::Connection => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The database can't be reached",
            "The program's log has the error.",
        )
        .uncertain(),
        Fault::Contention => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The database is busy",
            "Nothing was changed: try again in a moment.",
        ),
        Fault::Data | Fault::Other => Told::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The database reports an error",
            "The program's log has it; `doctor` on the command line checks the usual causes.",
        ),
    }
}

/// Messages begin in lower case and have no stop.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if message.ends_with(['.', '?', ')']) { "" } else { "." };
    format!("{first}{}{stop}", characters.as_str())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Jobs(error)
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::Template(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let told = self.told();
        let mut response = (told.status, format!("{}. {}\n", told.title, told.text)).into_response();
        response.extensions_mut().insert(told);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_does_not_decode_is_not_quoted() {
        let source = serde_json::from_str::<u8>("\"open sesame\"").expect_err("a text is no number");
        let told = Failure::from(Error::Decode { name: "width".to_owned(), source }).told();
        assert_eq!((told.status, &*told.text), (StatusCode::UNPROCESSABLE_ENTITY, "`width` does not decode."));
    }

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("there is no job 7"), "There is no job 7.");
        assert_eq!(sentence("is it linked? (`use x`)"), "Is it linked? (`use x`)");
        assert_eq!(sentence(""), ".");
    }
}
