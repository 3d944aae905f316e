//! No circle of files: within a crate, files use each other in one direction. A file and those of its folder count as
//! one: `a/mod.rs` names `a/b.rs`, which may use what `a/mod.rs` contains.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// A module by its path from the root of the crate; the root is empty.
type Module = Vec<String>;

/// The paths that a file uses, from the root of the crate.
struct Uses {
    module: Module,
    found: Vec<Module>,
}

impl Uses {
    /// Records a path that begins with `crate`, `self` or `super`; `rest` may be the name of an item.
    fn note(&mut self, segments: &[String]) {
        let mut base = match segments.first().map(String::as_str) {
            Some("crate") => Module::new(),
            Some("self") => self.module.clone(),
            Some("super") => self.module[..self.module.len().saturating_sub(1)].to_vec(),
            _ => return,
        };
        for segment in &segments[1..] {
            if segment == "super" {
                base.pop();
            } else {
                base.push(segment.clone());
            }
        }
        self.found.push(base);
    }

    fn note_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.note_tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) if name.ident == "self" => self.note(before),
            UseTree::Name(name) => self.note(&with(&name.ident)),
            UseTree::Rename(rename) => self.note(&with(&rename.ident)),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(tree, before)),
        }
    }
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    };
    attributes.iter().any(is_test)
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) if is_of_tests(&module.attrs) => {}
            Item::Mod(module) if module.content.is_some() => {
                self.module.push(module.ident.to_string());
                visit::visit_item(self, item);
                self.module.pop();
            }
            Item::Use(used) if is_of_tests(&used.attrs) => {}
            Item::Use(used) => self.note_tree(&used.tree, &[]),
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&segments);
        visit::visit_path(self, path);
    }
}

/// The files of a crate by their modules: the root is `lib.rs`, `main.rs` or both. Test files are omitted.
fn files(folder: &Path, above: &Module, found: &mut BTreeMap<Module, Vec<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" || name.ends_with("_tests") {
            continue;
        }
        let module = match name.as_str() {
            "lib" | "main" | "mod" => above.clone(),
            _ => [above.clone(), vec![name]].concat(),
        };
        if path.is_dir() {
            files(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.entry(module).or_default().push(fs::read_to_string(path).unwrap());
        }
    }
}

/// Which module uses which, excluding its ancestors and descendants.
fn arrows(files: &BTreeMap<Module, Vec<String>>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let mut arrows = BTreeMap::<_, BTreeSet<_>>::new();
    for (module, sources) in files {
        let mut uses = Uses { module: module.clone(), found: Vec::new() };
        for source in sources {
            uses.visit_file(&syn::parse_file(source).unwrap());
        }
        for path in uses.found {
            let target = (0..=path.len()).rev().find_map(|end| files.get_key_value(&path[..end]));
            let Some((target, _)) = target else { continue };
            if !target.starts_with(module) && !module.starts_with(target) {
                arrows.entry(module).or_default().insert(target);
            }
        }
    }
    arrows
}

/// A circle that is reachable from `module`, if there is one.
fn circle<'a>(
    module: &'a Module,
    arrows: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
    path: &mut Vec<&'a Module>,
    without: &mut BTreeSet<&'a Module>,
) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|other| *other == module) {
        return Some(path[start..].iter().map(|module| module.join("::")).collect());
    }
    if without.contains(module) {
        return None;
    }
    path.push(module);
    let found = arrows.get(module).into_iter().flatten().find_map(|used| circle(used, arrows, path, without));
    path.pop();
    without.insert(module);
    found
}

fn circle_of(files: &BTreeMap<Module, Vec<String>>) -> Option<Vec<String>> {
    let arrows = arrows(files);
    let mut without = BTreeSet::new();
    arrows.keys().find_map(|module| circle(module, &arrows, &mut Vec::new(), &mut without))
}

#[test]
fn no_files_of_a_crate_use_each_other_in_a_circle() {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services");
    let mut crates = 0;
    for folder in fs::read_dir(services).unwrap().map(|entry| entry.unwrap().path()) {
        let source = folder.join("src");
        if !source.is_dir() {
            continue;
        }
        let mut found = BTreeMap::new();
        files(&source, &Module::new(), &mut found);
        let circle = circle_of(&found);
        assert_eq!(circle, None, "{}", folder.display());
        crates += 1;
    }
    assert!(crates > 15, "{crates} crates");
}

#[test]
fn a_circle_is_found_however_its_files_name_each_other() {
    let found = |sources: &[(&str, &str)]| {
        let files = sources.iter().map(|(module, source)| {
            let module = module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            (module, vec![(*source).to_owned()])
        });
        circle_of(&files.collect())
    };
    let both = Some(vec!["a".to_owned(), "b".to_owned()]);
    for (a, b) in [
        ("use crate::b::B;", "use super::a::A;"),
        ("use crate::{b::{self, B}};", "fn f() -> super::a::A { todo!() }"),
        ("use super::b as other;", "use crate::a::*;"),
    ] {
        assert_eq!(found(&[("", "mod a; mod b;"), ("a", a), ("b", b)]), both, "{a} {b}");
    }
    let of_tests = "#[cfg(test)] mod tests { use crate::a::A; }";
    assert_eq!(found(&[("a", "use crate::b::B;"), ("b", of_tests)]), None);
    assert_eq!(found(&[("a", "mod c; use c::C;"), ("a::c", "use super::A;")]), None);
}
