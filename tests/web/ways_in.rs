//! The dashboard that is served alone: shared tokens, proxies that sign people in, and the names of the server.

use axum::http::{Method, StatusCode};
use jobs::__private::web::{Token, TokenError};
use jobs_tests::{Database, cases};

use crate::support::server::{Server, TOKEN, private_file};

cases![
    a_shared_token_lets_in_by_a_form_and_as_a_bearer,
    a_token_file_must_be_hard_to_guess,
    a_token_file_that_others_can_read_is_refused,
    a_proxy_names_people_and_nobody_else_does,
    a_name_that_is_not_the_servers_gets_no_answer,
];

async fn a_shared_token_lets_in_by_a_form_and_as_a_bearer(t: Database) {
    let server = Server::by_token(&t);
    let page = server.get("/overview", &[]).await.body;
    assert!(page.contains("type=\"password\"") && !page.contains("Print a new link"), "{page}");
    for wrong in ["", "x", &TOKEN[1..], &format!("{TOKEN}0")] {
        let refused = server.post("/login", &format!("token={wrong}"), &[]).await;
        assert_eq!((refused.status, refused.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{wrong}");
        assert!(refused.body.contains("This is not the token."), "{}", refused.body);
        let refused = server.get("/overview", &[("authorization", &format!("Bearer {wrong}"))]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    // As often as it is needed.
    for _ in 0..2 {
        let cookie = server.sign_in(TOKEN).await;
        let page = server.get("/overview", &[("cookie", &cookie)]).await.page();
        assert!(page.contains(">token</span>"), "{page}");
    }
    let bearer = format!("Bearer {TOKEN}");
    let program = [("authorization", bearer.as_str())];
    server.get("/jobs", &program).await.page();
    // Its role holds.
    let refused = server.send("127.0.0.1", Method::POST, "/pause-queue", "queue=talks", &program).await;
    assert!(refused.body.contains("<h1>Not allowed</h1>"), "{refused:?}");
    // It is not the token of a link, and does not sign in elsewhere.
    assert_eq!(Server::by_link(&t).get("/jobs", &program).await.status, StatusCode::UNAUTHORIZED);
}

async fn a_token_file_must_be_hard_to_guess(_: Database) {
    let read = |content: &str| Token::read(private_file(content).path());
    assert!(read(TOKEN).is_ok() && read(&format!("\n  {TOKEN}\r\n")).is_ok() && read(&"x".repeat(4_000)).is_ok());
    for content in ["", "\n", &TOKEN[1..], &format!("{}{}", " ".repeat(40), &TOKEN[1..])] {
        let refused = read(content).unwrap_err();
        assert!(matches!(refused, TokenError::Short(_)), "{content:?}: {refused}");
        assert!(refused.to_string().contains("openssl rand"), "{refused}");
    }
    for content in [&format!("{TOKEN} {TOKEN}"), &format!("{TOKEN}ä"), &"x".repeat(4_001)] {
        let refused = read(content).unwrap_err();
        assert!(matches!(refused, TokenError::NoToken), "{refused}");
    }
    let missing = Token::read("/no/such/file".as_ref()).unwrap_err();
    assert!(matches!(missing, TokenError::Unreadable(_)), "{missing}");
}

#[cfg(unix)]
async fn a_token_file_that_others_can_read_is_refused(_: Database) {
    use std::os::unix::fs::MetadataExt as _;
    let file = private_file(TOKEN);
    let of_root = file.as_file().metadata().unwrap().uid() == 0;
    for (mode, is_private) in
        [(0o600, true), (0o400, true), (0o640, of_root), (0o604, false), (0o660, false), (0o644, false)]
    {
        crate::support::server::share(file.path(), mode);
        match Token::read(file.path()) {
            Ok(_) => assert!(is_private, "{mode:o}"),
            Err(refused) => assert!(!is_private && refused.to_string().contains("chmod 600"), "{mode:o}: {refused}"),
        }
    }
}

#[cfg(not(unix))]
async fn a_token_file_that_others_can_read_is_refused(_: Database) {}

async fn a_proxy_names_people_and_nobody_else_does(t: Database) {
    let server = Server::by_proxy(&t, "192.0.2.7");
    let named = ("x-forwarded-user", "grace");
    for proxy in ["192.0.2.7", "::ffff:192.0.2.7"] {
        let page = server.send(proxy, Method::GET, "/queues", "", &[named]).await.page();
        assert!(page.contains(">grace</span>"), "{page}");
    }
    for from in ["192.0.2.8", "127.0.0.1", "::1"] {
        let refused = server.send(from, Method::GET, "/queues", "", &[named, ("x-forwarded-for", "192.0.2.7")]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{from}");
        assert!(refused.body.contains("Come through the proxy"), "{}", refused.body);
    }
    let named_in_utf_8 = server.send("192.0.2.7", Method::GET, "/queues", "", &[("x-forwarded-user", "jürgen")]).await;
    assert!(named_in_utf_8.page().contains(">jürgen</span>"));
    // A client has added one, the proxy does not know who it is, or the audit could not have the name.
    let long = "x".repeat(201);
    for names in [
        &[][..],
        &[named, named],
        &[named, ("x-forwarded-user", "root")],
        &[("x-forwarded-user", " ")],
        &[("x-forwarded-user", "a\tb")],
        &[("x-forwarded-user", &long)],
    ] {
        let refused = server.send("192.0.2.7", Method::GET, "/queues", "", names).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{names:?}");
    }
    // There is no token that could be right: nothing offers to try one.
    let page = server.get("/login?token=x", &[]).await.page();
    assert!(!page.contains("Open the dashboard"), "{page}");
    let refused = server.post("/login", "token=", &[]).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
}

async fn a_name_that_is_not_the_servers_gets_no_answer(t: Database) {
    let server = Server::by_token(&t);
    let bearer = format!("Bearer {TOKEN}");
    let known =
        ["localhost", "localhost:7433", "127.0.0.1:7433", "[::1]:7433", "jobs.example.com", "JOBS.example.com:443"];
    for host in known {
        server.get("/overview", &[("host", host), ("authorization", &bearer)]).await.page();
    }
    let paths = ["/", "/overview", "/login", "/link", "/style.css", "/nothing"];
    for host in ["evil.example", "evil.example:7433", "localhost.evil.example", "x.jobs.example.com", "192.0.2.7", ""] {
        for path in paths {
            for method in [Method::GET, Method::POST] {
                let headers = [("host", host), ("authorization", &bearer), ("sec-fetch-site", "same-origin")];
                let refused = server.send("127.0.0.1", method, path, &format!("token={TOKEN}"), &headers).await;
                assert_eq!(refused.status, StatusCode::MISDIRECTED_REQUEST, "{host} {path}");
                assert!(refused.body.contains("--host") && refused.header("set-cookie").is_empty(), "{refused:?}");
            }
        }
    }
    let two = [("host", "localhost"), ("host", "evil.example"), ("authorization", &bearer)];
    assert_eq!(server.get("/overview", &two).await.status, StatusCode::MISDIRECTED_REQUEST);
}
