//! Anywhere: below any prefix, with and without a slash at its end, and behind a proxy that strips it.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use axum::{Router, routing::RouterIntoService};
use jobs::__private::web::routes;
use jobs::web::{Access, service};
use jobs::{Principal, Role};
use jobs_tests::{Database, cases, soon};
use tower::ServiceExt as _;

use crate::support::browser::{Answer, request};

cases![
    every_link_leads_to_a_page_wherever_it_is_mounted,
    the_mount_leads_to_the_overview_with_a_slash_and_without,
    behind_a_proxy_that_strips_a_prefix_the_mount_leads_there_too,
    a_page_that_is_too_deep_still_has_its_style,
];

fn dashboard(t: &Database) -> RouterIntoService<Body> {
    service(t.db().clone(), Access::by(|_| Ok(Principal::new("ada", Role::Admin))))
}

/// A program that has it at these places.
fn program(t: &Database) -> Router {
    // A parameter of the program does not matter to the pages.
    Router::new().nest_service("/jobs", dashboard(t)).nest_service("/teams/{team}/jobs", dashboard(t))
}

async fn send(program: &Router, request: Request<Body>) -> Answer {
    Answer::of(soon(program.clone().oneshot(request)).await.unwrap()).await
}

async fn get(program: &Router, address: &str) -> Answer {
    send(program, request(Method::GET, address, &[]).body(Body::empty()).unwrap()).await
}

/// The address to which a relative link leads, as browsers compute it.
fn resolved(from: &str, link: &str) -> String {
    if link.starts_with('/') {
        return link.to_owned();
    }
    let (path, _) = from.split_once('?').unwrap_or((from, ""));
    let mut segments: Vec<_> = path.split('/').collect();
    segments.pop();
    let mut link = link;
    loop {
        if let Some(rest) = link.strip_prefix("./") {
            link = rest;
        } else if let Some(rest) = link.strip_prefix("../") {
            segments.pop();
            link = rest;
        } else {
            return format!("{}/{link}", segments.join("/"));
        }
    }
}

/// The links of a page.
fn links(page: &str) -> Vec<String> {
    let values = page.split(" href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    values
        .map(|(link, _)| link.replace("&amp;", "&").replace("&#38;", "&"))
        .filter(|link| !link.starts_with('#'))
        .collect()
}

async fn every_link_leads_to_a_page_wherever_it_is_mounted(t: Database) {
    let pages = crate::support::definitions::filled(&t).await;
    let program = program(&t);
    let mut forms = BTreeSet::new();
    for mount in ["/jobs", "/teams/red/jobs"] {
        for page in pages.iter().map(String::as_str).chain(["/pause-queue?queue=talks", "/nothing"]) {
            let from = format!("{mount}{page}");
            let body = get(&program, &from).await.body;
            for (form, _) in body.split(" action=\"").skip(1).filter_map(|rest| rest.split_once('"')) {
                let to = resolved(&from, form);
                let path = to.strip_prefix(mount).unwrap_or_else(|| panic!("{from} leads to {to}"));
                assert!(routes().iter().any(|route| route.path == path), "{from} leads to {to}");
                forms.insert(path.to_owned());
            }
            let links = links(&body);
            assert!(links.len() > 7, "{from}: {links:?}");
            for link in links {
                let to = resolved(&from, &link);
                assert!(to.starts_with(mount), "{from} leads to {to}");
                get(&program, &to).await.page();
            }
        }
    }
    // All that the state of what is there allows.
    let changes =
        ["/retry", "/delete", "/pause-schedule", "/run-schedule", "/remove-schedule", "/pause-queue", "/resume-queue"];
    let with_forms = ["/schedule-job", "/parameter", "/cancel-all", "/delete-all", "/jobs", "/audit"];
    for change in changes.into_iter().chain(with_forms) {
        assert!(forms.contains(change), "{change}: {forms:?}");
    }
}

async fn the_mount_leads_to_the_overview_with_a_slash_and_without(t: Database) {
    let program = program(&t);
    for mount in ["/jobs", "/jobs/", "/teams/red/jobs", "/teams/red/jobs/", "/teams/a:b/jobs"] {
        let to = resolved(mount, get(&program, mount).await.leads_to());
        assert_eq!(to, format!("{}/overview", mount.trim_end_matches('/')), "{mount}");
        get(&program, &to).await.page();
    }
}

async fn behind_a_proxy_that_strips_a_prefix_the_mount_leads_there_too(t: Database) {
    let (at_root, program) = (Router::new().fallback_service(dashboard(&t)), program(&t));
    let leads_to = async |program: &Router, address: &str, prefix: &str| {
        let request = request(Method::GET, address, &[("x-forwarded-prefix", prefix)]);
        send(program, request.body(Body::empty()).unwrap()).await.leads_to().to_owned()
    };
    // What the browser asks is `/admin` or `/admin/`: the program sees the same.
    assert_eq!(leads_to(&at_root, "/", "/admin").await, "/admin/overview");
    assert_eq!(leads_to(&at_root, "/", "/admin/").await, "/admin/overview");
    assert_eq!(leads_to(&program, "/jobs", "/admin").await, "/admin/jobs/overview");
    assert_eq!(get(&at_root, "/").await.leads_to(), "overview");
    // What leads to another host is not taken for a prefix.
    for prefix in ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a//b", "/a?b", "/%2f", ""] {
        assert_eq!(leads_to(&at_root, "/", prefix).await, "overview", "{prefix}");
    }
}

async fn a_page_that_is_too_deep_still_has_its_style(t: Database) {
    let program = program(&t);
    for address in ["/jobs/a", "/jobs/a/", "/jobs/a/b/c"] {
        let page = get(&program, address).await.body;
        let style = links(&page).into_iter().find(|link| link.contains("style.css")).unwrap();
        let to = resolved(address, &style);
        assert!(to.starts_with("/jobs/style.css?v="), "{address} {to}");
    }
}
