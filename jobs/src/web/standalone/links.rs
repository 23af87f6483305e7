//! Links that let somebody in, once: the token in the address is exchanged for a session.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::secret::{self, SecretDigest};

/// How long a link is valid.
pub const LINK_VALID: Duration = Duration::from_mins(10);

/// Whoever reaches the server can ask for a link. So often, it is printed.
const MADE_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// The links that are valid, oldest first: how often one is made bounds their number. A new one replaces none, or strangers could make
/// links invalid by asking for others.
#[derive(Debug, Default)]
pub(super) struct Links {
    valid: Mutex<Vec<Link>>,
}

#[derive(Debug)]
struct Link {
    token: SecretDigest,
    made_at: Instant,
}

impl Links {
    /// Makes a token. Returns `None` if one has just been made, and not been used.
    pub(super) fn make(&self, now: Instant) -> Option<String> {
        let mut valid = self.valid.lock().unwrap_or_else(PoisonError::into_inner);
        valid.retain(|link| link.age(now) < LINK_VALID);
        if valid.last().is_some_and(|link| link.age(now) < MADE_AT_MOST_EVERY) {
            return None;
        }
        let token = secret::random();
        valid.push(Link { token: SecretDigest::of(&token), made_at: now });
        Some(token)
    }

    /// Whether this token lets somebody in. It does so once.
    pub(super) fn redeem(&self, token: &str, now: Instant) -> bool {
        let token = SecretDigest::of(token);
        let mut valid = self.valid.lock().unwrap_or_else(PoisonError::into_inner);
        valid.extract_if(.., |link| link.token == token).any(|link| link.age(now) < LINK_VALID)
    }
}

impl Link {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.made_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_once_and_for_ten_minutes() {
        let (links, start) = (Links::default(), Instant::now());
        let token = links.make(start).expect("the first");
        assert!(!links.redeem("another", start) && !links.redeem("", start));
        assert!(links.redeem(&token, start + Duration::from_secs(599)));
        assert!(!links.redeem(&token, start + Duration::from_secs(599)));

        let late = links.make(start).expect("the one before is used");
        assert!(!links.redeem(&late, start + LINK_VALID));
    }

    #[test]
    fn a_new_link_leaves_the_one_before_valid_and_is_made_only_now_and_then() {
        let (links, start) = (Links::default(), Instant::now());
        let first = links.make(start).expect("the first");
        assert_eq!(links.make(start + Duration::from_secs(9)), None);
        let second = links.make(start + MADE_AT_MOST_EVERY).expect("the first is old");
        assert!(links.redeem(&second, start + MADE_AT_MOST_EVERY));
        assert!(links.redeem(&first, start + MADE_AT_MOST_EVERY));
        assert!(links.make(start + MADE_AT_MOST_EVERY).is_some(), "they are used");
    }

    #[test]
    fn links_that_are_too_old_are_forgotten() {
        let (links, start) = (Links::default(), Instant::now());
        for number in 0..100 {
            assert!(links.make(start + MADE_AT_MOST_EVERY * number).is_some());
        }
        assert_eq!(links.valid.into_inner().expect("nobody has panicked").len(), 60);
    }
}
