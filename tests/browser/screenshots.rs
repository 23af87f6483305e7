//! Pictures of all pages, in `target/screenshots`: for whoever changes what they look like, and for the README.

use std::path::{Path, PathBuf};

use crate::pages::{PAGES, Page, SIGN_IN_PAGES, Subjects};
use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![
    each_page_has_its_pictures,
    each_empty_page_has_its_pictures,
    signing_in_has_its_pictures,
    the_pictures_of_the_readme_are_small
];

/// The folder of the build that this program is of.
fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).expect("it is in target/debug/deps");
    target.join("screenshots")
}

async fn take_pictures(browser: &Browser, site: &Site, pages: &[Page], subjects: &Subjects, prefix: &str) {
    let folder = folder();
    std::fs::create_dir_all(&folder).unwrap();
    for page in pages {
        let Some(address) = page.address(subjects) else { continue };
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await;
            for (width, called) in [(1_280, "wide"), (360, "narrow")] {
                browser.resize(width, 800).await;
                browser.goto(&site.at(&address)).await;
                let file = folder.join(format!("{prefix}{}-{scheme}-{called}.png", page.name));
                browser.take_picture(&file).await;
                assert!(is_a_picture(&file), "{}", file.display());
            }
        }
    }
}

fn is_a_picture(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.len() > 1_000)
}

async fn each_page_has_its_pictures(browser: Browser) {
    let (t, mut subjects) = shop::open().await;
    let (site, links) = Site::alone(t.db().clone()).await;
    links.follow(&browser).await;
    shop::cancel_many(&browser, &site, &mut subjects).await;
    take_pictures(&browser, &site, PAGES, &subjects, "").await;
}

async fn each_empty_page_has_its_pictures(browser: Browser) {
    let (t, subjects) = shop::empty().await;
    take_pictures(&browser, &Site::of_ada(t.db().clone()).await, PAGES, &subjects, "empty-").await;
}

async fn signing_in_has_its_pictures(browser: Browser) {
    let (t, subjects) = shop::empty().await;
    let (site, _links) = Site::alone(t.db().clone()).await;
    take_pictures(&browser, &site, SIGN_IN_PAGES, &subjects, "").await;
}

async fn the_pictures_of_the_readme_are_small(browser: Browser) {
    let (t, subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    std::fs::create_dir_all(folder()).unwrap();
    for (name, scheme, height) in [("overview", "light", 860), ("job-running", "dark", 720)] {
        browser.resize(1_100, height).await;
        let page = PAGES.iter().find(|page| page.name == name).unwrap();
        browser.prefer(scheme).await;
        browser.goto(&site.at(&page.address(&subjects).unwrap())).await;
        let file = folder().join(format!("readme-{name}.webp"));
        browser.take_small_picture(&file).await;
        assert!(is_a_picture(&file) && std::fs::metadata(&file).unwrap().len() <= 60_000, "{}", file.display());
    }
}
