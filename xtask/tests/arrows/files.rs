//! The arrows between the files of one crate, read from its source: imports and paths, re-exports followed to their origin.
//!
//! Code under `#[cfg(test)]` is left out. A re-export is a sign on a door and no arrow of its own: an arrow to the name it
//! offers leads to the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use crate::sources;

/// The name of a file inside of `src`, or a path of segments inside of a crate.
type Segments = Vec<String>;

/// A crate as files and the arrows between them.
pub(crate) struct Files {
    /// File inside of `src` -> the files whose names it uses.
    pub(crate) arrows: BTreeMap<String, BTreeSet<String>>,
}

/// A module: its file, and the names that it offers for others.
#[derive(Default)]
struct Module {
    file: String,
    renamed: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
}

#[derive(Default)]
struct Crate {
    texts: BTreeMap<PathBuf, String>,
    modules: BTreeMap<Segments, Module>,
    /// The module, the path that its code writes.
    paths: Vec<(Segments, Segments)>,
}

impl Files {
    /// The files of the crate whose sources are in that directory.
    pub(crate) fn of(src: &Path) -> Self {
        Self::read(texts(src))
    }

    /// The files of a crate of these texts, by their names inside of `src`.
    pub(crate) fn of_texts(texts: &[(&str, &str)]) -> Self {
        Self::read(texts.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect())
    }

    fn read(texts: BTreeMap<PathBuf, String>) -> Self {
        let root = ["lib.rs", "main.rs"].map(PathBuf::from).into_iter().find(|file| texts.contains_key(file));
        let mut parsed = Crate { texts, ..Crate::default() };
        parsed.read(&root.expect("a crate has a lib.rs or a main.rs"), Vec::new());
        let mut arrows: BTreeMap<String, BTreeSet<String>> =
            parsed.modules.values().map(|module| (module.file.clone(), BTreeSet::new())).collect();
        for (module, path) in &parsed.paths {
            let from = &parsed.modules[module].file;
            if let Some(to) = parsed.origin(module, path, 0).filter(|to| to != from) {
                arrows.entry(from.clone()).or_default().insert(to);
            }
        }
        Self { arrows }
    }

    /// The groups of files that use one another, however far around; each sorted (Tarjan's strongly connected components).
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let mut search = Search::of(&self.arrows);
        for file in self.arrows.keys() {
            if !search.index.contains_key(file.as_str()) {
                search.visit(file);
            }
        }
        search.circles.sort();
        search.circles
    }
}

impl Crate {
    /// Reads a file and the files of the modules that it declares.
    fn read(&mut self, file: &Path, module: Segments) {
        let text = self.texts.get(file).unwrap_or_else(|| panic!("there is no {}", file.display()));
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.take(&file.display().to_string(), &children_of(file), module, &parsed.items);
    }

    /// Takes the items of a module; `children` is the directory of the modules that it declares.
    fn take(&mut self, file: &str, children: &Path, module: Segments, items: &[Item]) {
        let known = self.modules.entry(module.clone()).or_default();
        known.file = file.to_owned();
        for item in items {
            match item {
                Item::Mod(declared) if !is_test(&declared.attrs) => {
                    let name = declared.ident.to_string();
                    let path = [module.clone(), vec![name.clone()]].concat();
                    match &declared.content {
                        Some((_, items)) => self.take(file, &children.join(&name), path, items),
                        None => {
                            let flat = children.join(format!("{name}.rs"));
                            let file =
                                if self.texts.contains_key(&flat) { flat } else { children.join(&name).join("mod.rs") };
                            self.read(&file, path);
                        }
                    }
                }
                Item::Mod(_) => {}
                Item::Use(import) if !is_test(&import.attrs) => self.take_import(&module, import),
                other => {
                    let mut found = Paths(Vec::new());
                    found.visit_item(other);
                    self.paths.extend(found.0.into_iter().map(|path| (module.clone(), path)));
                }
            }
        }
    }

    fn take_import(&mut self, module: &Segments, import: &ItemUse) {
        let offered = !matches!(import.vis, Visibility::Inherited);
        let mut names = Vec::new();
        flatten(&import.tree, Vec::new(), &mut names);
        let known = self.modules.entry(module.clone()).or_default();
        for (name, path) in names {
            if !offered {
                self.paths.push((module.clone(), path.clone()));
            }
            match name {
                Some(name) => drop(known.renamed.insert(name, path)),
                None => known.globs.push(path),
            }
        }
    }

    /// The file that defines what a path names; `None` for names of other crates.
    fn origin(&self, module: &Segments, path: &[String], depth: usize) -> Option<String> {
        let (at, rest) = self.walk(module, path, depth)?;
        let known = self.modules.get(&at)?;
        let Some((name, rest)) = rest.split_first() else { return Some(known.file.clone()) };
        let offered = known.renamed.get(name).map(|to| [to.clone(), rest.to_vec()].concat());
        if let Some(to) = offered {
            // A name of another crate that this module imports is its own as far as the files go.
            return self.origin(&at, &to, depth + 1).or(Some(known.file.clone()));
        }
        Some(known.file.clone())
    }

    /// The module in which a path ends, and what is left of the path: a name, or nothing.
    fn walk(&self, module: &Segments, path: &[String], depth: usize) -> Option<(Segments, Segments)> {
        if depth > 16 {
            return None;
        }
        let mut at = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (at, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|first| first == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            first if self.modules.contains_key(&[module.clone(), vec![first.to_owned()]].concat()) => {}
            _ => return None,
        }
        while let Some(first) = rest.first() {
            let child = [at.clone(), vec![first.clone()]].concat();
            if self.modules.contains_key(&child) {
                (at, rest) = (child, &rest[1..]);
                continue;
            }
            let through = self.modules[&at].globs.iter().filter_map(|glob| self.walk(&at, glob, depth + 1));
            let mut through = through.filter(|(into, left)| {
                left.is_empty() && self.modules.contains_key(&[into.clone(), vec![first.clone()]].concat())
            });
            match through.next() {
                Some((into, _)) => at = into,
                None => break,
            }
        }
        Some((at, rest.to_vec()))
    }
}

/// The source files below a directory, by their names inside of it.
pub(crate) fn texts(src: &Path) -> BTreeMap<PathBuf, String> {
    let read = |path: PathBuf| {
        let name = path.strip_prefix(src).expect("a file of the crate").to_owned();
        (name, fs::read_to_string(&path).expect("a source file is text"))
    };
    sources::below(src).into_iter().map(read).collect()
}

/// The directory of the modules that a file declares.
fn children_of(file: &Path) -> PathBuf {
    match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main" | "mod") | None => file.with_file_name(""),
        Some(_) => file.with_extension(""),
    }
}

/// Returns true if an item exists in tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().trim() == "test",
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::NameValue(_) => false,
    })
}

/// The names that an import brings, with their paths; no name for a glob.
fn flatten(tree: &UseTree, before: Segments, names: &mut Vec<(Option<String>, Segments)>) {
    let with = |ident: &syn::Ident| [before.clone(), vec![ident.to_string()]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, with(&path.ident), names),
        UseTree::Name(name) if name.ident == "self" => names.push((before.last().cloned(), before)),
        UseTree::Name(name) => names.push((Some(name.ident.to_string()), with(&name.ident))),
        UseTree::Rename(renamed) => names.push((Some(renamed.rename.to_string()), with(&renamed.ident))),
        UseTree::Glob(_) => names.push((None, before)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before.clone(), names)),
    }
}

/// The paths that an item writes, in its macros too.
struct Paths(Vec<Segments>);

impl<'a> Visit<'a> for Paths {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_expr_if(&mut self, branch: &'a syn::ExprIf) {
        if !is_test(&branch.attrs) {
            visit::visit_expr_if(self, branch);
        }
    }

    fn visit_item_use(&mut self, import: &'a ItemUse) {
        if is_test(&import.attrs) {
            return;
        }
        let mut names = Vec::new();
        flatten(&import.tree, Vec::new(), &mut names);
        self.0.extend(names.into_iter().map(|(_, path)| path));
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        // A single name is a local one, or it was imported.
        if path.segments.len() > 1 {
            self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, macro_: &'a syn::Macro) {
        let text: String = macro_.tokens.to_string().split_whitespace().collect();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for written in text.split(|c: char| !is_part(c)).filter(|written| written.contains("::")) {
            let segments = written.split("::").map(|segment| segment.trim_matches(':').to_owned());
            self.0.push(segments.filter(|segment| !segment.is_empty()).collect());
        }
        visit::visit_macro(self, macro_);
    }
}

/// Tarjan's search.
struct Search<'a> {
    arrows: &'a BTreeMap<String, BTreeSet<String>>,
    index: BTreeMap<&'a str, usize>,
    low: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    circles: Vec<Vec<&'a str>>,
}

impl<'a> Search<'a> {
    fn of(arrows: &'a BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { arrows, index: BTreeMap::new(), low: BTreeMap::new(), stack: Vec::new(), circles: Vec::new() }
    }

    fn visit(&mut self, file: &'a str) {
        let number = self.index.len();
        self.index.insert(file, number);
        self.low.insert(file, number);
        self.stack.push(file);
        for next in &self.arrows[file] {
            let next = next.as_str();
            let reached = match self.index.get(next) {
                None => {
                    self.visit(next);
                    self.low[next]
                }
                Some(number) if self.stack.contains(&next) => *number,
                Some(_) => continue,
            };
            let low = self.low[file].min(reached);
            self.low.insert(file, low);
        }
        if self.low[file] == number {
            let start = self.stack.iter().position(|on| *on == file).expect("a file is on the stack until it is done");
            let mut circle = self.stack.split_off(start);
            if circle.len() > 1 {
                circle.sort_unstable();
                self.circles.push(circle);
            }
        }
    }
}
