//! Where the dashboard is, as seen from an address. All links are relative: a program may mount it anywhere, and a proxy may strip a prefix.

use axum::extract::OriginalUri;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// What leads from this address to the pages, which are all one level below the mount.
pub(super) fn base(request: &Parts) -> String {
    let below = request.uri.path();
    match below.matches('/').count() {
        0 | 1 if below.len() <= 1 => from_mount(request),
        levels => "../".repeat(levels.saturating_sub(1)),
    }
}

/// At the mount itself, it depends on whether the address ends with `/`: `/jobs` or `/jobs/`.
fn from_mount(request: &Parts) -> String {
    let seen = request.extensions.get::<OriginalUri>().map_or("/", |uri| uri.0.path());
    if let Some(prefix) = stripped_prefix(&request.headers) {
        return format!("{prefix}{}/", seen.trim_end_matches('/'));
    }
    match seen.rsplit_once('/') {
        // With `./`, since a colon would end a scheme.
        Some((_, last)) if !last.is_empty() => format!("./{last}/"),
        _ => String::new(),
    }
}

/// What a proxy has stripped from the address, if it says so. Whoever sends it can only send themselves elsewhere on the same host.
fn stripped_prefix(headers: &HeaderMap) -> Option<&str> {
    let prefix = headers.get(PREFIX)?.to_str().ok()?.trim_end_matches('/');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let is_path = prefix.starts_with('/') && !prefix.contains("//") && prefix.bytes().all(is_plain);
    is_path.then_some(prefix)
}
