//! The layers: dependencies point one way, the two services do not know each other, and the domain does no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::harness::{Ended, files_below};

/// Each crate, and the workspace crates that it may depend on, without `cra-`.
const LAYERS: [(&str, &str); 21] = [
    ("contracts", ""),
    ("private", ""),
    ("domain", "contracts"),
    ("analytics", "contracts domain"),
    ("exports", "contracts domain analytics"),
    ("eventlog", "private"),
    ("backup", "private eventlog"),
    ("forgetting", "contracts domain private eventlog backup analytics"),
    ("client", "contracts private"),
    ("sample", "contracts domain"),
    ("runtime", "contracts domain private"),
    ("sheets", "contracts domain"),
    ("ingestion", "contracts domain private eventlog runtime"),
    ("projection", "contracts domain private eventlog runtime analytics exports"),
    ("web", "contracts domain private runtime client sheets"),
    (
        "cli",
        "contracts domain private eventlog backup forgetting runtime \
         ingestion projection client sheets sample web",
    ),
    (
        "bench",
        "contracts domain private eventlog backup forgetting \
         runtime ingestion projection client sample",
    ),
    ("fixtures", "contracts"),
    ("oracle", "contracts domain"),
    ("openapi", "contracts domain private analytics exports eventlog backup runtime ingestion projection"),
    ("tests", ""),
];

/// Crates that do no input or output.
const PURE: [&str; 2] = ["cra-domain", "cra-analytics"];
/// Crates that those must not reach, at any depth: runtimes, transports, stores.
const NO_IO: [&str; 9] =
    ["async-nats", "cra-eventlog", "cra-runtime", "hyper", "mio", "reqwest", "sled", "tokio", "tonic"];
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Per workspace crate, its declared dependencies on workspace crates, with the kind.
fn declared() -> BTreeMap<String, Vec<(String, DependencyKind)>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap();
    let ours: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let declared = metadata.packages.iter().map(|package| {
        let dependencies = package.dependencies.iter();
        let dependencies = dependencies
            .filter(|dependency| ours.contains(&dependency.name))
            .map(|dependency| (dependency.name.clone(), dependency.kind));
        (package.name.to_string(), dependencies.collect())
    });
    declared.collect()
}

#[test]
fn every_crate_is_built_only_on_the_layers_below_it() {
    let layers = BTreeMap::from(LAYERS);
    let declared = declared();
    let names: Vec<_> = declared.keys().map(String::as_str).collect();
    let known: Vec<_> = layers.keys().map(|name| format!("cra-{name}")).collect();
    assert_eq!(names, known, "a crate without a place among the layers");
    for (name, dependencies) in &declared {
        for (dependency, kind) in dependencies {
            if *kind == DependencyKind::Development {
                continue;
            }
            let [name, dependency] = [name, dependency].map(|name| name.strip_prefix("cra-").unwrap());
            let is_allowed = layers[name].split(' ').any(|allowed| allowed == dependency);
            assert!(is_allowed, "{name} is built on {dependency}");
        }
    }
}

#[test]
fn the_two_services_do_not_know_each_other_not_even_in_their_tests() {
    let declared = declared();
    for (service, other) in [("cra-ingestion", "cra-projection"), ("cra-projection", "cra-ingestion")] {
        let dependencies = &declared[service];
        assert!(!dependencies.is_empty());
        assert!(dependencies.iter().all(|(name, _)| name != other), "{service} knows {other}");
    }
}

#[test]
fn pure_crates_do_no_io() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for package in PURE {
        let mut tree = Command::new(&cargo);
        tree.current_dir(root())
            .args(["tree", "--offline", "--package", package, "--edges", "normal,build"])
            .args(["--prefix", "none", "--format", "{p}"]);
        let tree = Ended::of(&mut tree).succeeded().stdout;
        let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(names.contains("cra-contracts"), "{names:?}");
        let found: Vec<_> = NO_IO.iter().filter(|name| names.contains(**name)).collect();
        assert!(found.is_empty(), "{package} reaches {found:?}");
    }
}

/// A body that does not forward the end of its wrapped body loses refusals. `runtime/src/bodies.rs` forwards it for all
/// bodies, and its tests cover each.
#[test]
fn only_one_type_wraps_the_bodies_of_calls() {
    let mut all = files_below(&root().join("services"));
    all.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let is_body = |path: &PathBuf| {
        let source = fs::read_to_string(path).unwrap();
        source.lines().any(|line| line.trim_start().starts_with("impl") && line.contains("Body for "))
    };
    let found: Vec<_> = all.iter().filter(|path| is_body(path)).collect();
    assert!(matches!(&found[..], [one] if one.ends_with("services/runtime/src/bodies.rs")), "{found:?}");
    let layers =
        all.iter().map(|path| fs::read_to_string(path).unwrap().matches("impl BodyLayer for ").count());
    assert_eq!(layers.sum::<usize>(), 12, "name the new one in the tests of `bodies.rs`, then count it here");
}
