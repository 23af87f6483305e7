//! The definitions that are linked into this program.

use askama::Template;
use axum::response::Response;

use crate::default_queue;
use crate::job::registry::{Definition, Registry};
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format;
use crate::web::layout::{Layout, Page, html};

/// The longest beginning of a documentation comment in the list.
const LONGEST_DOCS: usize = 200;

#[derive(Template)]
#[template(path = "definitions.html")]
struct DefinitionsPage {
    layout: Layout,
    definitions: Vec<DefinitionRow>,
}

struct DefinitionRow {
    name: &'static str,
    about: String,
    queue: String,
    parameters: String,
    cron: &'static str,
}

pub(in crate::web) async fn show(view: Authorized<View>, (): ()) -> Result<Response, Failure> {
    let registry = Registry::new(&[])?;
    html(&DefinitionsPage {
        layout: view.layout(Page::Definitions, "Definitions"),
        definitions: registry.definitions().iter().map(DefinitionRow::of).collect(),
    })
}

impl DefinitionRow {
    fn of(definition: &Definition) -> Self {
        let paragraphs = format::paragraphs(definition.description.docs);
        let about = paragraphs.first().map(|first| first.replace('\n', " ")).unwrap_or_default();
        let names = definition.description.parameters.iter().filter_map(|parameter| parameter.names.first().copied());
        Self {
            name: definition.defaults.name,
            about: format::first_line(&about, LONGEST_DOCS),
            queue: queue(definition),
            parameters: names.collect::<Vec<_>>().join(", "),
            cron: definition.defaults.cron.unwrap_or_default(),
        }
    }
}

/// The queue of its jobs, unless they have another.
pub(super) fn queue(definition: &Definition) -> String {
    definition.defaults.queue.map_or_else(default_queue, str::to_owned)
}
