//! The crate `jobs` under another name. Cargo allows no second name in one package, so it is given here; the golden expansion
//! `sum_up` shows that nothing else is named.

extern crate jobs as background;

use background::prelude::*;

#[derive(Job)]
#[job(crate = background)]
#[job_params]
struct ByPath {
    name: String,
}

impl Execute for ByPath {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

#[job_params]
#[derive(Job)]
#[job(crate = "::background")]
struct ByText {
    #[param(default = 1)]
    count: u8,
}

impl Execute for ByText {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

#[job_fn(crate = background, name = "by-function")]
async fn by_function(name: String) -> JobResult<String> {
    Ok(name)
}

#[test]
fn the_crate_may_have_another_name() {
    assert_eq!(ByPath::new("a").name(), "a");
    assert_eq!(ByText::new().count(), 1);
    assert_eq!(ByFunction::new("a").name(), "a");
}
