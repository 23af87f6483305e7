//! Tokens: whoever has one may follow one job, for a while. Nobody can make one without the key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jobs::{BoxError, JobId};
use sha2::Sha256;

/// What the signatures are for: those of other tokens with the same key are not valid here.
const PURPOSE: &str = "follow an import: ";

/// Signs tokens, and checks them.
#[derive(Clone)]
pub(crate) struct Signer(Hmac<Sha256>);

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) job: JobId,
    pub(crate) valid_for: Duration,
}

/// Why a token allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Forged,
    Expired,
}

impl Signer {
    /// Makes a key that ends with the process. If there are several processes, or tokens should outlive one, read the key from where the
    /// program has its other secrets.
    pub(crate) fn random() -> Result<Self, BoxError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(Hmac::new_from_slice(&key)?))
    }

    /// Makes a token: the job, the second until which it is valid, and the signature of both.
    pub(crate) fn sign(&self, job: JobId, valid: Duration) -> String {
        let claim = format!("{job}.{}", (since_epoch() + valid).as_secs());
        let signature = self.of(&claim).finalize().into_bytes();
        format!("{claim}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Reads a token. Nothing in it is believed before its signature is checked, which takes as long for a wrong one as for a right one.
    pub(crate) fn check(&self, token: &str) -> Result<Pass, Refused> {
        let (claim, signature) = token.rsplit_once('.').ok_or(Refused::Forged)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refused::Forged)?;
        self.of(claim).verify_slice(&signature).map_err(|_| Refused::Forged)?;
        let (job, end) = claim.split_once('.').ok_or(Refused::Forged)?;
        let (job, end) = (job.parse().map_err(|_| Refused::Forged)?, end.parse().map_err(|_| Refused::Forged)?);
        let valid_for = Duration::from_secs(end).checked_sub(since_epoch()).ok_or(Refused::Expired)?;
        Ok(Pass { job, valid_for })
    }

    fn of(&self, claim: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(PURPOSE).chain_update(claim)
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::FORBIDDEN, Html(include_str!("refused.html"))).into_response()
    }
}
