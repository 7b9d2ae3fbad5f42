//! The kinds of entities as a table of a document.

use std::fmt::Write;

use chaveiro_core::actions::ACTIONS;

use crate::model::{Access, Edge, EntityType, Model, SERVICE};

/// The table.
pub fn kinds_md(model: &Model) -> String {
    let mut text = String::from(
        "# Kinds of entities\n\n\
        Each row is printed from the file of its kind; `routes.txt` has the paths with their permissions.\n\
        Every path stands under /beta and /v1.0; the third column says which `$metadata` declares the type.\n\n\
        | type | | declared in | found at | callers |\n|---|---|---|---|---|\n",
    );
    for entity in model.types {
        let edges: Vec<_> = model.edges().filter(|edge| edge.to == *entity).collect();
        let found: Vec<_> = edges.iter().map(|edge| format!("`{}`", place(edge))).collect();
        let (name, about, declared) = (entity.name, entity.about, declared(entity));
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "| `{name}` | {about} | {declared} | {} | {} |",
            found.join(", "),
            verbs(entity, &edges).join(", ")
        );
    }
    text
}

/// The end of a path that goes through an edge.
fn place(edge: &Edge) -> String {
    let from = if edge.from == &SERVICE { "" } else { edge.from.name };
    format!("{from}/{}", edge.name)
}

fn declared(entity: &EntityType) -> &'static str {
    match (entity.is_extension(), entity.beta_only) {
        (true, _) => "–",
        (false, true) => "beta",
        (false, false) => "beta, v1.0",
    }
}

/// The verbs of requests that callers may send.
fn verbs(entity: &EntityType, edges: &[&Edge]) -> Vec<String> {
    let of = |access: &[Access], verbs: &[&str]| -> Vec<String> {
        let is_so = edges.iter().any(|edge| access.contains(&edge.access));
        verbs.iter().filter(|_| is_so).map(|verb| (*verb).to_owned()).collect()
    };
    let actions = ACTIONS.iter().filter(|_| entity.acts).map(|action| action.name);
    let operations = entity.operations.iter().map(|operation| operation.name);
    [
        vec!["read".to_owned()],
        of(&[Access::Owned], &["create", "change", "delete"]),
        of(&[Access::Device], &["change", "retire"]),
        of(&[Access::Linked, Access::Sole], &["link"]),
        actions.chain(operations).map(|name| format!("`{name}`")).collect(),
    ]
    .concat()
}
