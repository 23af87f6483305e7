//! The dashboard that is served alone: links that let somebody in, once, and the session that follows.

use axum::http::{Method, StatusCode};
use jobs::AuditFilter;
use jobs_tests::{Database, cases};

use crate::support::browser::Browser;
use crate::support::definitions::later;
use crate::support::server::{Server, TOKEN, cookie};

cases![
    whoever_is_not_known_is_told_how_to_come_in_and_nothing_else,
    a_link_lets_in_once_and_looking_at_it_does_not_use_it_up,
    the_cookie_of_another_server_lets_nobody_in_and_no_script_reads_this_one,
    a_session_is_fresh_at_every_login,
    signing_out_ends_this_session_and_no_other,
    whoever_has_no_session_is_offered_no_sign_out,
    what_is_done_is_done_by_whom_the_link_was_for,
    a_new_link_is_shown_on_demand_but_not_at_once,
    another_site_can_neither_sign_in_nor_have_links_shown,
];

#[track_caller]
fn is_asked_to_sign_in(answer: &crate::support::browser::Answer, about: &str) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{about}: {}", answer.body);
    assert!(answer.body.contains("<h1>Sign in</h1>"), "{about}: {}", answer.body);
}

async fn whoever_is_not_known_is_told_how_to_come_in_and_nothing_else(t: Database) {
    let server = Server::by_link(&t);
    for path in ["/", "/overview", "/jobs", "/job?id=1", "/nothing", "/a/b", "/login/x"] {
        for headers in
            [&[][..], &[("cookie", "jobs_7433=x")], &[("authorization", "Bearer x")], &[("x-forwarded-user", "x")]]
        {
            let answer = server.get(path, headers).await;
            is_asked_to_sign_in(&answer, path);
            assert!(answer.body.contains("prints a link"), "{}", answer.body);
            assert!(answer.header("content-security-policy").contains("default-src 'none'"));
            is_asked_to_sign_in(&server.post(path, "queue=x&id=1", headers).await, path);
        }
    }
    // Its form and style are found from any address.
    let deep = server.get("/a/b/c", &[]).await.body;
    assert!(deep.contains("action=\"../../link\"") && deep.contains("href=\"../../style.css"), "{deep}");
    server.get("/style.css", &[]).await.page();
    server.get("/icon.svg", &[]).await.page();
}

async fn a_link_lets_in_once_and_looking_at_it_does_not_use_it_up(t: Database) {
    let server = Server::by_link(&t);
    let token = server.token();
    assert!(token.len() >= 22, "at least 128 bits, as Base64");
    for _ in 0..3 {
        let shown = server.get(&format!("/login?token={token}"), &[]).await;
        assert_eq!(shown.header("set-cookie"), "");
        let page = shown.page();
        assert!(page.contains(&format!("value=\"{token}\"")) && page.contains("Open the dashboard"), "{page}");
    }
    for wrong in ["", "x", &token[1..], &format!("{token}x")] {
        let refused = server.post("/login", &format!("token={wrong}"), &[]).await;
        assert_eq!((refused.status, refused.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{wrong}");
        assert!(refused.body.contains("This link was used already"), "{}", refused.body);
    }
    let cookie = server.sign_in(&token).await;
    let page = server.get("/overview", &[("cookie", &cookie)]).await.page();
    assert!(page.contains(">ada@here</span>"), "{page}");
    let again = server.post("/login", &format!("token={token}"), &[]).await;
    assert_eq!((again.status, again.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
}

async fn the_cookie_of_another_server_lets_nobody_in_and_no_script_reads_this_one(t: Database) {
    for (origin, secure) in [("http://127.0.0.1:7433", ""), ("https://jobs.example.com", "; Secure")] {
        let server = Server::by_link(&t);
        let answer = server.post("/login", &format!("token={}", server.token()), &[("origin", origin)]).await;
        let (pair, attributes) = answer.header("set-cookie").split_once("; ").unwrap();
        assert_eq!(attributes, format!("Path=/; Max-Age=43200; HttpOnly; SameSite=Strict{secure}"));
        let (name, value) = pair.split_once('=').unwrap();
        assert_eq!(name, "jobs_7433");
        // Another server's cookie of the same browser, and the session of another process.
        for unknown in [format!("jobs_7434={value}"), format!("jobs={value}")] {
            is_asked_to_sign_in(&server.get("/overview", &[("cookie", &unknown)]).await, &unknown);
        }
        is_asked_to_sign_in(&Server::by_link(&t).get("/overview", &[("cookie", pair)]).await, "another process");
    }
}

async fn a_session_is_fresh_at_every_login(t: Database) {
    let server = Server::by_link(&t);
    let chosen = "jobs_7433=chosen-by-somebody-else";
    let answer = server.post("/login", &format!("token={}", server.token()), &[("cookie", chosen)]).await;
    let first = cookie(&answer);
    is_asked_to_sign_in(&server.get("/overview", &[("cookie", chosen)]).await, chosen);
    server.get("/overview", &[("cookie", &first)]).await.page();

    server.post("/link", "", &[]).await.page();
    let answer = server.post("/login", &format!("token={}", server.token()), &[("cookie", &first)]).await;
    let second = cookie(&answer);
    is_asked_to_sign_in(&server.get("/overview", &[("cookie", &first)]).await, "the session before");
    server.get("/overview", &[("cookie", &second)]).await.page();
}

async fn signing_out_ends_this_session_and_no_other(t: Database) {
    let server = Server::by_link(&t);
    let first = server.sign_in(&server.token()).await;
    server.post("/link", "", &[]).await.page();
    let second = server.sign_in(&server.token()).await;
    let page = server.get("/overview", &[("cookie", &first)]).await.page();
    assert!(page.contains("action=\"logout\""), "{page}");

    // Another site can't do it, and neither can a link.
    let from_elsewhere = [("cookie", first.as_str()), ("sec-fetch-site", "cross-site")];
    let refused = server.send("127.0.0.1", Method::POST, "/logout", "", &from_elsewhere).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    assert_eq!(server.get("/logout", &[("cookie", &first)]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    server.get("/overview", &[("cookie", &first)]).await.page();

    let answer = server.post("/logout", "", &[("cookie", &first)]).await;
    assert_eq!(answer.leads_to(), "login");
    assert_eq!(answer.header("set-cookie"), "jobs_7433=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    is_asked_to_sign_in(&server.get("/overview", &[("cookie", &first)]).await, "signed out");
    server.get("/overview", &[("cookie", &second)]).await.page();
    // It is no mistake to do it twice.
    assert_eq!(server.post("/logout", "", &[("cookie", &first)]).await.leads_to(), "login");
}

async fn whoever_has_no_session_is_offered_no_sign_out(t: Database) {
    let bearer = format!("Bearer {TOKEN}");
    let page = Server::by_token(&t).get("/overview", &[("authorization", &bearer)]).await.page();
    assert!(!page.contains("Sign out"), "{page}");
    let page = Browser::of(&t, jobs::Role::Admin).get("/overview").await.page();
    assert!(!page.contains("Sign out"), "{page}");
}

async fn what_is_done_is_done_by_whom_the_link_was_for(t: Database) {
    let (server, job) = (Server::by_link(&t), later(&t).await);
    let cookie = server.sign_in(&server.token()).await;
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let answer = server.send("::ffff:127.0.0.1", Method::POST, "/cancel", &format!("id={job}"), &headers).await;
    assert!(answer.leads_to().starts_with("job?"), "{answer:?}");
    let admin = jobs::acting_as(t.db(), jobs::Principal::new("test", jobs::Role::Admin));
    let audit = admin.audit(AuditFilter::new()).await.unwrap().records;
    assert_eq!((audit[0].principal.as_str(), audit[0].origin.as_deref()), ("ada@here", Some("127.0.0.1")));

    let from_elsewhere = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    let refused = server.send("127.0.0.1", Method::POST, "/delete", &format!("id={job}"), &from_elsewhere).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
}

async fn a_new_link_is_shown_on_demand_but_not_at_once(t: Database) {
    let server = Server::by_link(&t);
    let first = server.links();
    assert_eq!(first.len(), 1);
    // Whoever asks again and again does not fill the log.
    for _ in 0..3 {
        let page = server.post("/link", "", &[]).await.page();
        assert!(page.contains("The newest link in the terminal is valid."), "{page}");
    }
    assert_eq!(server.links(), first);
    server.sign_in(&server.token()).await;
    server.post("/link", "", &[]).await.page();
    assert_eq!(server.links().len(), 2);
    server.sign_in(&server.token()).await;
    assert_eq!(server.get("/link", &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.links().len(), 2);
}

async fn another_site_can_neither_sign_in_nor_have_links_shown(t: Database) {
    let server = Server::by_link(&t);
    let token = server.token();
    let elsewhere: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://evil.example")],
        &[("origin", "null"), ("cookie", "a=b")],
    ];
    for headers in elsewhere {
        let form = format!("token={token}");
        let refused = server.send("127.0.0.1", Method::POST, "/login", &form, headers).await;
        assert_eq!((refused.status, refused.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{headers:?}");
    }
    server.sign_in(&token).await;
    for headers in elsewhere {
        let refused = server.send("127.0.0.1", Method::POST, "/link", "", headers).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(server.links().len(), 1);
}
