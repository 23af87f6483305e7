//! Who it is: asked before anything else.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::Redirect;
use jobs::web::Access;
use jobs::{Error, Principal, Role};
use jobs_tests::{Database, cases};

use crate::support::browser::{Browser, request};

cases![
    without_a_principal_nothing_is_answered_but_what_the_program_says,
    the_program_s_own_answers_stay_as_they_are,
    a_layer_of_the_program_hands_over_the_principal,
    what_may_not_be_done_is_not_shown,
    an_origin_that_is_none_is_refused,
];

async fn without_a_principal_nothing_is_answered_but_what_the_program_says(t: Database) {
    let access = Access::by(|_| Err(Redirect::to("/login").into()));
    let browser = Browser::with(t.db().clone(), access);
    for path in ["/", "/jobs", "/job?id=1", "/style.css", "/nothing", "/a/b/c"] {
        assert_eq!(browser.get(path).await.leads_to(), "/login", "{path}");
        assert_eq!(browser.post(path, "").await.leads_to(), "/login", "{path}");
    }
}

async fn the_program_s_own_answers_stay_as_they_are(t: Database) {
    let login = "<script src=login.js></script>";
    let access =
        Access::by(move |_| Err((StatusCode::UNAUTHORIZED, [("x-frame-options", "SAMEORIGIN")], login).into()));
    let answer = Browser::with(t.db().clone(), access).get("/overview").await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::UNAUTHORIZED, login));
    // The policy of the pages would not let it load its script.
    for name in ["content-security-policy", "cache-control", "cross-origin-opener-policy"] {
        assert!(!answer.headers.contains_key(name), "{name}: {answer:?}");
    }
    assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
}

async fn a_layer_of_the_program_hands_over_the_principal(t: Database) {
    let browser = Browser::with(t.db().clone(), Access::from_extensions());
    for path in ["/overview", "/nothing"] {
        let refused = browser.get(path).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(refused.body.contains("<h1>Not signed in</h1>"), "{}", refused.body);
        // Neither files that would be refused, nor advice for the program's authors.
        assert!(!refused.body.contains("style.css") && !refused.body.contains("Principal"), "{}", refused.body);
    }
    let request = request(Method::GET, "/overview", &[]).extension(Principal::new("grace", Role::Viewer));
    let page = browser.send(request.body(Body::empty()).unwrap()).await.page();
    assert!(page.contains(">grace</span>"), "{page}");
}

async fn what_may_not_be_done_is_not_shown(t: Database) {
    let id = crate::support::definitions::later(&t).await;
    jobs::pause(t.db(), "talks").await.unwrap();
    for (role, links) in [
        (Role::Viewer, [false, false, false]),
        (Role::Operator, [true, true, false]),
        (Role::Admin, [true, true, true]),
    ] {
        let browser = Browser::of(&t, role);
        let job = browser.get(&format!("/job?id={id}")).await.page();
        let queues = browser.get("/queues").await.page();
        let shown = [
            job.contains("action=\"cancel\""),
            queues.contains("action=\"resume-queue\""),
            job.contains("href=\"audit\""),
        ];
        assert_eq!(shown, links, "{role}");
    }
}

async fn an_origin_that_is_none_is_refused(_: Database) {
    for origin in ["admin.example.com", "https://admin.example.com/jobs", "", "ftp://x", "https://a:99999"] {
        let refused = Access::from_extensions().public_origin(origin).unwrap_err();
        assert!(matches!(&refused, Error::InvalidValue { name, .. } if name == "public_origin"), "{refused}");
    }
}
