//! Every section of `docs/graph-facts.md` that a source cites is there, and each is cited.

mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The sections that a text cites, behind the name of the document.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split("docs/graph-facts.md").skip(1).flat_map(|rest| rest.lines().take(2));
    let words = behind.flat_map(|line| line.split('#').skip(1));
    words
        .map(|word| word.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-').next().unwrap_or_default())
}

#[test]
fn every_section_of_the_facts_is_cited_and_every_cited_one_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let document = fs::read_to_string(root.join("docs/graph-facts.md")).expect("the facts");
    let headings = document.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: BTreeSet<_> = headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect();
    let mut found = BTreeSet::new();
    for path in sources::below(&root.join("crates")) {
        let text = fs::read_to_string(&path).expect("a source");
        found.extend(cited(&text).filter(|section| !section.is_empty()).map(str::to_owned));
    }
    assert_eq!(found, sections);
}

#[test]
fn sections_are_read_from_comments() {
    let text = "//! One (docs/graph-facts.md#errors).\n//! Two (docs/graph-facts.md,\n//! #login-headers and #grants).\n#[derive(A)]\n";
    assert_eq!(cited(text).collect::<Vec<_>>(), ["errors", "login-headers", "grants"]);
}
