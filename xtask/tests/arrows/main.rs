//! The arrows of the architecture: which of our crates may use which, and which libraries the inner
//! crates must never see. The table is the rule; `cargo metadata` is the fact. Inside of a crate the files are the fact.

mod files;
#[path = "../sources/mod.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use files::Files;

/// Our crate -> those of ours that it may use outside its tests.
const MAY_USE: &[(&str, &[&str])] = &[
    ("chaveiro-core", &[]),
    ("omadm", &[]),
    ("chaveiro-csp", &["chaveiro-core"]),
    ("chaveiro-keyfile", &[]),
    ("chaveiro-lang", &[]),
    ("chaveiro-escrow", &["chaveiro-core", "chaveiro-keyfile"]),
    ("chaveiro-audit", &["chaveiro-core", "chaveiro-keyfile"]),
    ("chaveiro-auth", &["chaveiro-core", "chaveiro-keyfile", "chaveiro-lang"]),
    ("chaveiro-store-rows", &["chaveiro-core", "chaveiro-keyfile"]),
    ("chaveiro-store-sqlite", &["chaveiro-core", "chaveiro-keyfile", "chaveiro-store-rows"]),
    ("chaveiro-store-postgres", &["chaveiro-core", "chaveiro-keyfile", "chaveiro-store-rows"]),
    ("chaveiro-store-conformance", &["chaveiro-core"]),
    ("chaveiro-graph", &["chaveiro-core", "chaveiro-auth"]),
    ("chaveiro-mdm", &["chaveiro-core", "chaveiro-csp", "chaveiro-keyfile", "omadm"]),
    ("chaveiro-device", &["omadm"]),
    // A simulated Linux device seals as the agent does.
    ("chaveiro-fleet", &["chaveiro-core", "chaveiro-csp", "chaveiro-device", "chaveiro-escrow", "omadm"]),
    (
        "chaveiro-server",
        &[
            "chaveiro-core",
            "chaveiro-keyfile",
            "chaveiro-escrow",
            "chaveiro-audit",
            "chaveiro-auth",
            "chaveiro-graph",
            "chaveiro-lang",
            "chaveiro-mdm",
            "chaveiro-store-sqlite",
        ],
    ),
    (
        "chaveiro",
        &[
            "chaveiro-core",
            "chaveiro-keyfile",
            "chaveiro-lang",
            "chaveiro-escrow",
            "chaveiro-audit",
            "chaveiro-auth",
            "chaveiro-graph",
            "chaveiro-mdm",
            "chaveiro-csp",
            "chaveiro-agent",
            "chaveiro-fleet",
            "chaveiro-server",
            "chaveiro-store-sqlite",
        ],
    ),
    (
        "chaveiro-agent",
        // What a sealed passcode is bound to, and how it is sealed, are shared with the server on purpose.
        &[
            "chaveiro-core",
            "chaveiro-csp",
            "chaveiro-escrow",
            "chaveiro-device",
            "chaveiro-keyfile",
            "chaveiro-lang",
            "omadm",
        ],
    ),
    ("chaveiro-test-actions", &[]),
    (
        "chaveiro-testing",
        // Its worlds are servers.
        &[
            "chaveiro-core",
            "chaveiro-auth",
            "chaveiro-escrow",
            "chaveiro-fleet",
            "chaveiro-graph",
            "chaveiro-mdm",
            "chaveiro-store-sqlite",
        ],
    ),
    (
        "chaveiro-fuzz",
        // Every crate with a parser of bytes from outside.
        &[
            "chaveiro-core",
            "chaveiro-csp",
            "chaveiro-escrow",
            "chaveiro-audit",
            "chaveiro-auth",
            "chaveiro-graph",
            "chaveiro-mdm",
            "chaveiro-store-sqlite",
            "omadm",
        ],
    ),
    ("xtask", &[]),
];

/// Libraries that decide nothing for the domain and the codec: they stay outside.
const INNER_NEVER_SEES: &[&str] =
    &["tokio", "axum", "hyper", "reqwest", "rusqlite", "tokio-postgres", "rustls", "tower", "tracing"];

fn workspace() -> BTreeMap<String, Package> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    metadata.packages.into_iter().map(|package| (package.name.to_string(), package)).collect()
}

fn uses(package: &Package) -> BTreeSet<&str> {
    let outside_tests = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    outside_tests.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn every_crate_uses_only_what_the_architecture_allows() {
    let packages = workspace();
    let ours: BTreeSet<&str> = packages.keys().map(String::as_str).collect();
    for (name, package) in &packages {
        let allowed = MAY_USE.iter().find(|(of, _)| of == name).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{name} has no row in MAY_USE"));
        for used in uses(package).intersection(&ours) {
            assert!(allowed.contains(used), "{name} must not use {used}");
        }
    }
}

#[test]
fn the_table_names_no_crate_that_is_gone() {
    let packages = workspace();
    for (name, allowed) in MAY_USE {
        for name in std::iter::once(name).chain(*allowed) {
            assert!(packages.contains_key(*name), "{name} is in the table but not in the workspace");
        }
    }
}

#[test]
fn the_domain_and_the_codec_know_no_sockets_no_sql_and_no_runtime() {
    let packages = workspace();
    for inner in ["chaveiro-core", "chaveiro-csp", "omadm"] {
        for used in uses(&packages[inner]) {
            assert!(!INNER_NEVER_SEES.contains(&used), "{inner} must not use {used}");
        }
    }
}

#[test]
fn only_the_backends_of_the_store_know_sql() {
    for (name, package) in &workspace() {
        for (library, backend) in [("rusqlite", "chaveiro-store-sqlite"), ("tokio-postgres", "chaveiro-store-postgres")]
        {
            assert!(!uses(package).contains(library) || name == backend, "{name} must not use {library}");
        }
    }
}

/// The floors of `core`, lowest first. A file uses its own floor and lower ones.
const FLOORS: [&str; 5] = ["words", "ports", "actions", "engine", "decisions"];

/// Arrows between floors of `core` that run up, each with its reason.
const RUNS_UP: &[(&str, &str, &str)] = &[];

/// Groups of files that use one another, as beginnings of their paths, each with its reason. `core`, `agent` and `escrow`
/// have none; what is not named here must be free of circles.
const CIRCLES: &[(&str, &[&str], &str)] = &[
    ("chaveiro-auth", &["local/"], "the endpoints are methods of one type, which sends each request to one of them"),
    ("chaveiro-graph", &["handlers/batch.rs", "handlers/mod.rs"], "the requests of a batch are answered as any other"),
    ("chaveiro-graph", &["kinds/"], "kinds of one shape, and kinds whose edges lead to one another"),
    ("chaveiro-graph", &["model/"], "the types of the model name one another"),
];

/// Files of one circle, the first of which must not use the second: they used each other once.
const ONE_WAY: &[(&str, &str, &str)] = &[
    ("chaveiro-graph", "handlers/admit.rs", "handlers/expand.rs"),
    ("chaveiro-auth", "claims.rs", "local/token.rs"),
    ("chaveiro-auth", "local/error.rs", "local/limits.rs"),
];

/// Words of the edges that the domain does not know: those of the device channel, of HTTP and of the command line.
const WORDS_OF_EDGES: &[&str] = &[
    "OMA",
    "oma_",
    "SyncML",
    "SOAP",
    "CSP",
    "MS-MDE2",
    "MS-MDM",
    "MsgID",
    "CmdID",
    "EntDMID",
    "DevInfo",
    "DevDetail",
    "context item",
    "./Vendor",
    "./Device",
    "NewPINValue",
    "LockAndRecoverPIN",
    "HTTP",
    "http:",
    "GET ",
    "POST ",
    "PATCH ",
    "PUT ",
    "DELETE ",
    "/v1.0",
    "/beta",
    "/deviceManagement",
    "request-id",
    "Retry-A",
    "header",
    "query string",
    "chaveiro app",
    "chaveiro audit",
    "chaveiro device",
    "chaveiro hold",
    "chaveiro keys",
    "chaveiro role",
    "chaveiro sign-in",
    "chaveiro tenant",
    "chaveiro token",
    " --",
    "command line",
    " CLI",
];

/// Words of the edges that stay in the domain: where, which, and why.
const KEPT_WORDS: &[(&str, &str, &str)] = &[
    ("actions/", "CSP", "a policy cites the page that defines the codes it judges"),
    ("actions/recover_passcode/", "LockAndRecoverPIN", "a policy names the nodes whose codes it judges"),
    ("actions/recover_passcode/", "NewPINValue", "a policy names the nodes whose codes it judges"),
    ("decisions/ask.rs", "request-id", "stored events have the word"),
    ("decisions/ask.rs", "Retry-A", "stored events have the word"),
    ("words/application.rs", " CLI", "the name of an application, as it is served"),
    ("words/sign_in.rs", " --", "a drawing"),
];

fn files(package: &Package) -> Files {
    Files::of(package.manifest_path.with_file_name("src").as_std_path())
}

fn floor(file: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| file.strip_prefix(floor).is_some_and(|rest| rest.starts_with('/')))
}

#[test]
fn arrows_between_the_floors_of_the_domain_run_down() {
    let core = files(&workspace()["chaveiro-core"]);
    let mut up = BTreeSet::new();
    for (from, used) in &core.arrows {
        // The root declares the floors and uses none.
        let Some(of) = floor(from) else {
            assert!(from == "lib.rs" && used.is_empty(), "{from} is on no floor");
            continue;
        };
        up.extend(used.iter().filter(|to| floor(to).is_none_or(|to| to > of)).map(|to| (from.as_str(), to.as_str())));
    }
    let named: BTreeSet<_> = RUNS_UP.iter().map(|(from, to, _)| (*from, *to)).collect();
    assert_eq!(up, named, "each arrow that runs up is named with its reason, and no other is");
}

#[test]
fn the_files_of_a_crate_run_in_no_circle_that_has_no_reason() {
    let packages = workspace();
    for name in ["chaveiro-core", "chaveiro-agent", "chaveiro-auth", "chaveiro-escrow", "chaveiro-graph"] {
        let files = files(&packages[name]);
        let circles = files.circles();
        let named: Vec<_> = CIRCLES.iter().filter(|(of, ..)| *of == name).map(|(_, files, _)| *files).collect();
        let is_in = |file: &str, group: &[&str]| group.iter().any(|start| file.starts_with(start));
        for circle in &circles {
            let known = named.iter().any(|group| circle.iter().all(|file| is_in(file, group)));
            assert!(known, "{name}: these files use one another; turn one arrow around: {circle:#?}");
        }
        for group in named {
            let stands = circles.iter().any(|circle| circle.iter().all(|file| is_in(file, group)));
            assert!(stands, "{name}: the circle of {group:?} is gone; take it out of the table");
        }
    }
}

#[test]
fn circles_that_were_opened_inside_of_others_stay_open() {
    let packages = workspace();
    for (name, from, to) in ONE_WAY {
        let files = files(&packages[*name]);
        let used = files.arrows.get(*from).unwrap_or_else(|| panic!("{name} has no {from}"));
        assert!(files.arrows.contains_key(*to), "{name} has no {to}");
        assert!(!used.contains(*to), "{name}: {from} must not use {to}");
    }
}

#[test]
fn arrows_are_read_from_imports_paths_macros_and_through_re_exports() {
    let files = Files::of_texts(&[
        ("lib.rs", "mod low; pub mod high; mod top; pub use low::*;"),
        ("low/mod.rs", "pub mod word; #[cfg(test)] mod tests { use crate::high::Machine; }"),
        ("low/word.rs", "pub struct Word;"),
        ("high/mod.rs", "mod part; pub use part::Machine; pub struct Own;"),
        ("high/part.rs", "use super::Own; pub struct Machine(pub crate::word::Word, pub Own);"),
        ("top.rs", "use crate::high::{self, Machine}; fn f() { drop(vec![crate::word::Word]); } fn g(_: high::Own) {}"),
    ]);
    let arrows = |file: &str| files.arrows[file].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(arrows("low/mod.rs"), [""; 0]);
    assert_eq!(arrows("high/part.rs"), ["high/mod.rs", "low/word.rs"]);
    assert_eq!(arrows("top.rs"), ["high/mod.rs", "high/part.rs", "low/word.rs"]);
    assert!(files.circles().is_empty(), "a re-export is no arrow");
    let circle = Files::of_texts(&[
        ("lib.rs", "mod one; mod two; mod three;"),
        ("one.rs", "use crate::two::Two; pub struct One(Two);"),
        ("two.rs", "pub struct Two(Box<super::three::Three>);"),
        ("three.rs", "pub fn f() { crate::one::g() } pub struct Three;"),
    ]);
    assert_eq!(circle.circles(), [["one.rs", "three.rs", "two.rs"]]);
}

#[test]
fn the_domain_has_no_word_of_its_edges() {
    let packages = workspace();
    let texts = files::texts(packages["chaveiro-core"].manifest_path.with_file_name("src").as_std_path());
    let mut found = BTreeSet::new();
    for (file, text) in &texts {
        let file = file.display().to_string();
        // The model checker walks devices as they are; it is part of the tests alone.
        if file.starts_with("model/") {
            continue;
        }
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with("//! |--")) {
            for word in WORDS_OF_EDGES.iter().filter(|word| line.contains(**word)) {
                match KEPT_WORDS.iter().position(|(of, kept, _)| file.starts_with(of) && kept == word) {
                    Some(kept) => drop(found.insert(kept)),
                    None => panic!("{file}:{}: {word:?} belongs to an edge: {line}", number + 1),
                }
            }
        }
    }
    assert_eq!(found, (0..KEPT_WORDS.len()).collect(), "take words that are gone out of the table");
}
