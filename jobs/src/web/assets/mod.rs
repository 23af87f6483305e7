//! Files that pages load. Each is asked for by its hash, so browsers may keep it forever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// A file, and the hash of its content.
pub(super) struct Asset {
    content: &'static str,
    media_type: &'static str,
    pub(super) hash: String,
}

pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(include_str!("style.css"), "text/css; charset=utf-8"));

pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| Asset::new(include_str!("icon.svg"), "image/svg+xml"));

/// One file, so that pages load one.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(concat!(include_str!("times.js"), include_str!("live.js")), "text/javascript; charset=utf-8")
});

impl Asset {
    fn new(content: &'static str, media_type: &'static str) -> Self {
        let hash = Sha256::digest(content).iter().take(8).fold(String::new(), |mut hash, byte| {
            // Writing to a String can't fail.
            let _ = write!(hash, "{byte:02x}");
            hash
        });
        Self { content, media_type, hash }
    }

    /// Another version is not kept: during a rollout, the page may be of another release.
    pub(super) fn answer(&self, version: &str) -> Response {
        let is_this = version == self.hash;
        let kept = if is_this { "private, max-age=31536000, immutable" } else { "no-cache" };
        ([(header::CONTENT_TYPE, self.media_type), (header::CACHE_CONTROL, kept)], self.content).into_response()
    }
}
