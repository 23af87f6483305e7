//! The layers of the library, by its paths that begin with `crate` or `super`: each imports only those before it, and no files import each
//! other in a circle, except a module and its own parts. Not detected: what is reached through the name of an imported module, and what
//! the type of a method brings along. Links in the documentation are not imports.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};

/// Later layers may import earlier ones, but the last ones are side by side. Only they may use what `lib.rs` re-exports.
const LAYERS: &[&str] =
    &["model", "error", "store", "job", "client", "cron", "worker", "cli", "web", "testing", "guide"];
const ON_TOP: &[&str] = &["cli", "web", "testing", "guide"];

/// The command `web` serves the dashboard: what there is to it but arguments belongs to the dashboard.
const BESIDE: (&str, &str) = ("cli::web", "web");

type Module = Vec<String>;

#[derive(Default)]
struct Sources {
    /// The imports of each module, as they are written.
    imports: BTreeMap<Module, BTreeSet<Module>>,
    /// Names that a module takes over from its children, and where they are.
    taken_over: BTreeMap<Module, Module>,
}

#[test]
fn no_layer_imports_a_later_one() {
    let sources = Sources::read();
    let layer = |module: &Module| LAYERS.iter().position(|layer| module.first().is_some_and(|first| first == layer));
    let mut upwards = sources
        .edges()
        .into_iter()
        .filter(|(from, _)| !from.is_empty())
        .filter(|(from, to)| match layer(to) {
            Some(to) if ON_TOP.contains(&LAYERS[to]) => {
                from[0] != LAYERS[to] && (from.join("::").as_str(), LAYERS[to]) != BESIDE
            }
            Some(to) => layer(from) < Some(to),
            // The root has all of the public API.
            None => !ON_TOP.contains(&from[0].as_str()),
        })
        .peekable();
    assert!(upwards.peek().is_none(), "{}", listed(upwards));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut edges = Sources::read().edges();
    edges.retain(|(from, to)| !from.starts_with(to));
    // What imports nothing that is left, or is imported by nothing that is left, is not in a circle.
    loop {
        let importing: BTreeSet<_> = edges.iter().map(|(from, _)| from.clone()).collect();
        let imported: BTreeSet<_> = edges.iter().map(|(_, to)| to.clone()).collect();
        let before = edges.len();
        edges.retain(|(from, to)| importing.contains(to) && imported.contains(from));
        if edges.len() == before {
            break;
        }
    }
    assert!(edges.is_empty(), "{}", listed(edges));
}

fn listed(edges: impl IntoIterator<Item = (Module, Module)>) -> String {
    let lines = edges.into_iter().map(|(from, to)| format!("{} imports {}", from.join("::"), to.join("::")));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_folder_is_a_layer() {
    let folders: BTreeSet<_> =
        Sources::read().imports.into_keys().filter_map(|module| module.into_iter().next()).collect();
    let layers = LAYERS.iter().map(|layer| (*layer).to_owned()).collect();
    assert_eq!(folders, layers, "`jobs/src` has what is no layer, or lacks one");
}

#[test]
fn imports_are_seen_wherever_they_are_written() {
    let mut sources = Sources::default();
    let module = vec!["store".to_owned(), "claim".to_owned()];
    let source = "use crate::{job::{self as other}, worker}; use super::super::cron as c;
                  #[error(\"{0}\", crate::error::chain(.0))] struct E;
                  fn f() { debug!(\"{}\", crate::client::x()); super::finish::y() }
                  #[cfg(test)] mod tests { use crate::cli; }";
    Reader { module: module.clone(), sources: &mut sources }.visit_file(&syn::parse_str(source).unwrap());
    let seen: Vec<_> = sources.imports[&module].iter().map(|path| path.join("::")).collect();
    assert_eq!(seen, ["client::x", "cron", "error::chain", "job", "store::finish::y", "worker"]);
}

impl Sources {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs/src");
        let mut sources = Self::default();
        for file in files(&root) {
            let module = module_of(file.strip_prefix(&root).unwrap());
            let mut reader = Reader { module: module.clone(), sources: &mut sources };
            reader.sources.imports.entry(module).or_default();
            reader.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        }
        sources.imports.retain(|module, _| module.first().is_none_or(|first| first != "lib"));
        sources
    }

    /// Which file imports which.
    fn edges(&self) -> BTreeSet<(Module, Module)> {
        let of_module = |(from, imported): (&Module, &BTreeSet<Module>)| {
            let edges = imported.iter().map(|path| (from.clone(), self.file_of(path)));
            edges.filter(|(from, to)| from != to).collect::<Vec<_>>()
        };
        self.imports.iter().flat_map(of_module).collect()
    }

    /// The file that contains what is imported.
    fn file_of(&self, path: &Module) -> Module {
        if let Some(home) = self.taken_over.get(path) {
            return self.file_of(home);
        }
        let longest = (0..=path.len()).rev().map(|length| path[..length].to_vec());
        longest.into_iter().find(|module| self.imports.contains_key(module)).unwrap_or_default()
    }
}

struct Reader<'l> {
    module: Module,
    sources: &'l mut Sources,
}

impl Reader<'_> {
    /// The path from the root, if it is one of ours.
    fn resolve(&self, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module[..], rest].concat()),
            "super" => {
                let more = rest.iter().take_while(|segment| *segment == "super").count();
                let parent = self.module.len().checked_sub(1 + more)?;
                Some([&self.module[..parent], &rest[more..]].concat())
            }
            // A child, or a crate: which of the two is known when all files are read.
            _ => Some([&self.module[..], path].concat()).filter(|_| !self.module.is_empty()),
        }
    }

    fn import(&mut self, path: &[String]) {
        if let Some(path) = self.resolve(path) {
            self.sources.imports.entry(self.module.clone()).or_default().insert(path);
        }
    }
}

impl Reader<'_> {
    /// The arguments of a macro or an attribute are not syntax yet: their paths are read from their tokens.
    fn import_from(&mut self, tokens: &impl ToString) {
        let text = tokens.to_string().replace(" ::", "::").replace(":: ", "::");
        for path in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let segments: Vec<_> = path.split("::").map(str::to_owned).collect();
            if segments.len() > 1 && (segments[0] == "crate" || segments[0] == "super") {
                self.import(&segments);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.import_from(&item.tokens);
        visit::visit_macro(self, item);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.import_from(&list.tokens);
        visit::visit_meta_list(self, list);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let taken_over = !matches!(item.vis, Visibility::Inherited);
        for path in leaves(&item.tree) {
            let Some(home) = self.resolve(&path) else { continue };
            let name = [&self.module[..], &path[path.len().saturating_sub(1)..]].concat();
            if taken_over && home != name && home.starts_with(&self.module) {
                self.sources.taken_over.insert(name, home);
            } else {
                self.import(&path);
            }
        }
    }

    /// `pub(crate)` is not an import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.first().is_some_and(|first| first == "crate" || first == "super") {
            self.import(&segments);
        }
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

/// The paths of a `use`, without its renames.
fn leaves(tree: &UseTree) -> Vec<Vec<String>> {
    match tree {
        UseTree::Path(path) => {
            let below = leaves(&path.tree).into_iter();
            below.map(|leaf| [vec![path.ident.to_string()], leaf].concat()).collect()
        }
        UseTree::Name(name) if name.ident == "self" => vec![Vec::new()],
        UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        UseTree::Rename(rename) if rename.ident == "self" => vec![Vec::new()],
        UseTree::Rename(rename) => vec![vec![rename.ident.to_string()]],
        UseTree::Glob(_) => vec![Vec::new()],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of_entry = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(of_entry).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// `store/mod.rs` is `store`, and `store/claim.rs` is `store::claim`.
fn module_of(file: &Path) -> Module {
    let parts = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect::<Vec<_>>();
    parts.strip_suffix(&["mod".to_owned()]).map_or(parts.clone(), <[String]>::to_vec)
}
