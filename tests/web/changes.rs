//! What another site can make a browser send, and what it can't.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use jobs::web::Access;
use jobs::{Principal, Role};
use jobs_tests::{Database, cases};

use crate::support::browser::{Browser, request};

cases![
    only_pages_of_this_site_and_programs_may_change_something,
    with_a_public_origin_only_its_pages_may_change_something,
    with_a_public_origin_the_name_of_another_site_is_refused,
    the_authority_of_the_address_stands_for_a_host,
    reading_is_not_restricted,
];

const HERE: (&str, &str) = ("host", "jobs.example.com");
const PUBLIC: (&str, &str) = ("host", "public.example.com");
const COOKIE: (&str, &str) = ("cookie", "session=1");

type Headers<'h> = &'h [(&'h str, &'h str)];

fn site(value: &str) -> (&str, &str) {
    ("sec-fetch-site", value)
}

fn origin(value: &str) -> (&str, &str) {
    ("origin", value)
}

fn everyone() -> Access {
    Access::by(|_| Ok(Principal::new("ada", Role::Admin)))
}

fn behind_a_proxy(t: &Database) -> Browser {
    Browser::with(t.db().clone(), everyone().public_origin("https://public.example.com").unwrap())
}

async fn assert_allowed(t: &Database, browser: &Browser, all: &[Headers<'_>]) {
    for headers in all {
        let answer = browser.post_with("/pause-queue", "queue=talks", headers).await;
        assert_eq!(answer.leads_to(), "queues?done=paused&queue=talks", "{headers:?}");
        jobs::resume(t.db(), "talks").await.unwrap();
    }
}

async fn assert_refused(t: &Database, browser: &Browser, all: &[Headers<'_>]) {
    for headers in all {
        let answer = browser.post_with("/pause-queue", "queue=talks", headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answer.body.contains("<h1>Not from here</h1>"), "{headers:?}: {}", answer.body);
        assert_eq!(jobs::queues(t.db()).await.unwrap(), [], "{headers:?}");
    }
}

async fn only_pages_of_this_site_and_programs_may_change_something(t: Database) {
    let browser = Browser::with(t.db().clone(), everyone());
    let allowed: &[Headers<'_>] = &[
        &[HERE, COOKIE, site("same-origin")],
        &[HERE, COOKIE, site("same-origin"), origin("https://jobs.example.com")],
        // Behind a proxy that changes `Host`.
        &[("host", "10.0.0.7:3000"), COOKIE, site("same-origin"), origin("https://jobs.example.com")],
        // Plain HTTP.
        &[HERE, COOKIE, origin("http://jobs.example.com")],
        &[HERE, COOKIE, origin("https://jobs.example.com")],
        &[HERE, ("authorization", "Basic YTpi"), origin("https://jobs.example.com")],
        &[("host", "jobs.example.com:443"), COOKIE, origin("https://jobs.example.com")],
        &[("host", "localhost:3000"), COOKIE, origin("http://localhost:3000")],
        // A program with a token.
        &[HERE],
        &[HERE, ("authorization", "Bearer x")],
    ];
    let refused: &[Headers<'_>] = &[
        &[HERE, COOKIE, site("cross-site")],
        &[HERE, COOKIE, site("same-site")],
        &[HERE, COOKIE, site("none")],
        &[HERE, COOKIE, site("")],
        &[HERE, site("cross-site")],
        // The newer header decides.
        &[HERE, COOKIE, site("cross-site"), origin("https://jobs.example.com")],
        &[HERE, COOKIE, site("same-origin"), site("cross-site")],
        &[HERE, COOKIE, origin("https://evil.example.com")],
        &[HERE, origin("https://evil.example.com")],
        &[HERE, COOKIE, origin("https://jobs.example.com:8443")],
        &[HERE, COOKIE, origin("https://jobs.example.com:99999")],
        &[HERE, COOKIE, origin("https://jobs.example.com.evil.example")],
        &[HERE, COOKIE, origin("null")],
        &[HERE, COOKIE, origin("")],
        &[HERE, COOKIE, origin("https://jobs.example.com"), origin("https://evil.example.com")],
        &[COOKIE, origin("https://jobs.example.com")],
        // A browser that is too old to say it: it sends cookies and passwords by itself.
        &[HERE, COOKIE],
        &[HERE, ("authorization", "Basic YTpi")],
        &[HERE, ("authorization", "basic YTpi")],
        &[HERE, ("authorization", "Digest username=a")],
        &[HERE, ("authorization", "Negotiate YTpi")],
        &[HERE, ("authorization", "NTLM YTpi")],
    ];
    assert_allowed(&t, &browser, allowed).await;
    assert_refused(&t, &browser, refused).await;
}

async fn with_a_public_origin_only_its_pages_may_change_something(t: Database) {
    let browser = behind_a_proxy(&t);
    let allowed: &[Headers<'_>] = &[
        &[PUBLIC, COOKIE, origin("https://public.example.com")],
        &[PUBLIC, COOKIE, site("same-origin"), origin("https://public.example.com")],
        // A proxy has changed `Host`.
        &[("host", "10.0.0.7:3000"), COOKIE, origin("https://public.example.com")],
        &[("host", "backend"), COOKIE, origin("https://public.example.com:443")],
        &[PUBLIC, ("authorization", "Bearer x")],
    ];
    let refused: &[Headers<'_>] = &[
        &[PUBLIC, COOKIE, origin("http://public.example.com")],
        &[PUBLIC, COOKIE, origin("https://public.example.com:1")],
        &[PUBLIC, COOKIE, site("same-site"), origin("https://public.example.com")],
        &[("host", "10.0.0.7:3000"), COOKIE, origin("http://10.0.0.7:3000")],
        &[("host", "localhost"), COOKIE, site("same-origin"), origin("http://localhost")],
        // The name of another site leads here: to the browser, it is the same site.
        &[("host", "backend"), site("same-origin"), origin("http://evil.example.com")],
    ];
    assert_allowed(&t, &browser, allowed).await;
    assert_refused(&t, &browser, refused).await;
}

async fn with_a_public_origin_the_name_of_another_site_is_refused(t: Database) {
    let browser = behind_a_proxy(&t);
    for host in ["evil.example.com", "public.example.com:8080", "public.example.com.evil.example", "localhost."] {
        for method in [Method::GET, Method::POST] {
            let request = request(method, "/queues", &[("host", host), site("same-origin")]);
            let answer = browser.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
            assert!(answer.body.contains("<h1>Not at this address</h1>"), "{host}: {}", answer.body);
        }
    }
    for host in ["public.example.com", "PUBLIC.example.com:443", "10.0.0.7:3000", "[::1]:3000", "backend:3000"] {
        let request = request(Method::GET, "/queues", &[("host", host)]);
        browser.send(request.body(Body::empty()).unwrap()).await.page();
    }
}

/// As in HTTP/2, which has no `Host`.
async fn the_authority_of_the_address_stands_for_a_host(t: Database) {
    let browser = Browser::with(t.db().clone(), everyone());
    for (from, status) in
        [("https://jobs.example.com", StatusCode::SEE_OTHER), ("https://evil.example.com", StatusCode::FORBIDDEN)]
    {
        let address = "https://jobs.example.com/pause-queue";
        let answer = browser.post_with(address, "queue=talks", &[COOKIE, origin(from)]).await;
        assert_eq!(answer.status, status, "{from}: {}", answer.body);
    }
}

async fn reading_is_not_restricted(t: Database) {
    let browser = Browser::of(&t, Role::Viewer);
    let request = request(Method::GET, "/overview", &[HERE, COOKIE, site("cross-site")]);
    browser.send(request.body(Body::empty()).unwrap()).await.page();
}
