//! A token that its users share, in a file of which nobody else knows the content.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use axum::http::{HeaderMap, header};

use super::secret::SecretDigest;

/// Shorter ones could be guessed.
const MIN_CHARACTERS: usize = 32;

/// What is longer is no token, but a wrong file.
const MAX_CHARACTERS: usize = 4_000;

/// A shared token.
#[derive(Debug, Clone)]
pub struct Token(SecretDigest);

/// Why a file has no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It can't be read.
    #[error("it can't be read")]
    Unreadable(#[from] io::Error),
    /// Who can read it could sign in.
    #[error("other users can read it: take that away with `chmod 600`")]
    Shared,
    /// It could be guessed.
    #[error(
        "it has {0} characters, and a token has at least {MIN_CHARACTERS}: make one with `openssl rand -base64 33`, for example"
    )]
    Short(usize),
    /// It can't be sent in a header, or it is another file.
    #[error(
        "it is not a token: that is one word of 32 to 4,000 letters, digits and signs of ASCII, such as `openssl rand -base64 33` prints"
    )]
    NoToken,
}

impl Token {
    /// Reads the token in this file. White space around it does not count.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let file = File::open(path)?;
        check_rights(&file)?;
        let mut content = Vec::new();
        // With the end of the line.
        file.take(MAX_CHARACTERS as u64 + 2).read_to_end(&mut content)?;
        let content = content.trim_ascii();
        if content.len() > MAX_CHARACTERS || !content.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError::NoToken);
        }
        match content.len() {
            length if length < MIN_CHARACTERS => Err(TokenError::Short(length)),
            _ => Ok(Self(SecretDigest::of(&String::from_utf8_lossy(content)))),
        }
    }

    /// Whether this is it.
    pub(super) fn is(&self, given: &str) -> bool {
        SecretDigest::of(given) == self.0
    }

    /// Whether a request has it: `Authorization: Bearer …`.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = given.and_then(|value| value.split_once(' ')).unwrap_or_default();
        scheme.eq_ignore_ascii_case("bearer") && self.is(token.trim())
    }
}

/// Only the owner may read it; the group may, too, if it is the administrator's.
#[cfg(unix)]
fn check_rights(file: &File) -> Result<(), TokenError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    let of_others = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & of_others == 0 { Ok(()) } else { Err(TokenError::Shared) }
}

#[cfg(not(unix))]
fn check_rights(_: &File) -> Result<(), TokenError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_has_the_token() {
        let token = Token(SecretDigest::of("0123456789"));
        let sent = |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().expect("a value"))]);
        assert!(token.is_in(&sent("Bearer 0123456789")) && token.is_in(&sent("bearer 0123456789")));
        for wrong in ["Bearer 012345678", "Bearer 01234567890", "Bearer ", "Bearer", "0123456789", "Basic 0123456789"] {
            assert!(!token.is_in(&sent(wrong)), "{wrong}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }
}
