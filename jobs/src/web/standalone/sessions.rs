//! Who has signed in: a cookie in the browser, and its digest here, in memory. The end of the process signs everybody out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};

use super::secret::{self, SecretDigest};
use crate::Principal;

/// How long somebody stays signed in: a working day.
const SESSION_VALID: Duration = Duration::from_hours(12);

/// How many of them a request may name: each costs a digest.
const MOST_GIVEN: usize = 8;

#[derive(Debug)]
pub(super) struct Sessions {
    /// Of the cookie.
    name: String,
    open: Mutex<HashMap<SecretDigest, OpenSession>>,
}

#[derive(Debug)]
struct OpenSession {
    principal: Principal,
    ends_at: Instant,
}

impl Sessions {
    /// Browsers send cookies to all ports of a host. The name has the port, so that the cookies of several servers stand side by side.
    pub(super) fn new(port: u16) -> Self {
        Self { name: format!("jobs_{port}"), open: Mutex::default() }
    }

    /// Signs in: returns what the browser is told to keep. With `secure`, it sends it only over HTTPS.
    pub(super) fn open(&self, principal: Principal, secure: bool, now: Instant) -> String {
        let value = secret::random();
        let session = OpenSession { principal, ends_at: now + SESSION_VALID };
        let mut open = self.lock();
        open.retain(|_, session| session.ends_at > now);
        open.insert(SecretDigest::of(&value), session);
        self.cookie(&value, SESSION_VALID, secure)
    }

    /// Ends the sessions of the sender of a request: returns what makes the browser forget them.
    pub(super) fn close(&self, headers: &HeaderMap, secure: bool) -> String {
        let mut open = self.lock();
        for session in self.given(headers) {
            open.remove(&session);
        }
        self.cookie("", Duration::ZERO, secure)
    }

    fn cookie(&self, value: &str, kept: Duration, secure: bool) -> String {
        let (name, seconds, secure) = (&self.name, kept.as_secs(), if secure { "; Secure" } else { "" });
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }

    /// Who has signed in with the browser that sends these headers.
    pub(super) fn principal(&self, headers: &HeaderMap, now: Instant) -> Option<Principal> {
        let open = self.lock();
        let mut sessions = self.given(headers).filter_map(|session| open.get(&session));
        sessions.find(|session| session.ends_at > now).map(|session| session.principal.clone())
    }

    /// What the cookies of this name stand for: a browser sends several if their paths differ.
    fn given<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = SecretDigest> + 'h {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        let given = cookies.filter(|(name, _)| *name == self.name).take(MOST_GIVEN);
        given.map(|(_, value)| SecretDigest::of(value))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SecretDigest, OpenSession>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn sent(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookies.parse().expect("a value"))])
    }

    #[test]
    fn a_session_is_known_by_its_cookie_until_it_ends() {
        let (sessions, start) = (Sessions::new(7433), Instant::now());
        let cookie = sessions.open(Principal::new("ada", Role::Admin), false, start);
        let (pair, attributes) = cookie.split_once("; ").expect("attributes");
        assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
        let value = pair.strip_prefix("jobs_7433=").expect("the name with the port");

        let last = start + Duration::from_secs(43_199);
        for known in [pair.to_owned(), format!("a=b; {pair};c=d"), format!("jobs_7433=old; {pair}")] {
            assert_eq!(sessions.principal(&sent(&known), last).expect("known").name(), "ada", "{known}");
        }
        for unknown in [format!("jobs_7434={value}"), format!("x{pair}"), format!("{pair}x"), "jobs_7433=".to_owned()] {
            assert_eq!(sessions.principal(&sent(&unknown), start), None, "{unknown}");
        }
        assert_eq!(sessions.principal(&sent(pair), start + SESSION_VALID), None);
    }

    #[test]
    fn sessions_are_separate_and_those_that_have_ended_are_forgotten() {
        let (sessions, start) = (Sessions::new(7433), Instant::now());
        let open = |name: &str, now| {
            let cookie = sessions.open(Principal::new(name, Role::Viewer), true, now);
            assert!(cookie.ends_with("; Secure"), "{cookie}");
            sent(cookie.split(';').next().expect("a pair"))
        };
        let (ada, grace) = (open("ada", start), open("grace", start));
        let forgotten = sessions.close(&ada, true);
        assert_eq!(forgotten, "jobs_7433=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(sessions.principal(&ada, start), None);
        assert!(sessions.principal(&grace, start).is_some_and(|principal| principal.name() == "grace"));
        open("margaret", start + SESSION_VALID);
        assert_eq!(sessions.lock().len(), 1);
    }
}
