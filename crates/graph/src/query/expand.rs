//! `$expand`: edges of the model, one level, each with `$select` and `$top` at most.

use super::detail::{Awaited, detail};
use super::error::QueryError;
use super::page::MAX_PAGE;
use super::scan::Scan;
use crate::model::{Edge, EntityType, Model};

/// One expanded edge.
#[derive(Clone, Debug)]
pub struct Expand {
    /// The edge.
    pub edge: &'static Edge,
    /// Properties of its entities, named as the caller names them.
    pub select: Option<Vec<String>>,
    /// The most entities that the caller wants.
    pub top: Option<usize>,
}

/// Reads `users($select=id,displayName;$top=5),detectedApps` for entities of that type.
pub(super) fn parse(text: &str, model: &'static Model, from: &'static EntityType) -> Result<Vec<Expand>, QueryError> {
    let mut scan = Scan::new("$expand", text);
    let mut expands: Vec<Expand> = Vec::new();
    loop {
        let at = scan.at();
        let name = scan.name();
        let edge = model.edge(from, name).ok_or_else(|| {
            let edges: Vec<_> = model.edges_from(from).map(|edge| edge.name).collect();
            match edges.is_empty() {
                true => scan.problem(at, detail!("nothingToExpand", "there is nothing to expand here")),
                false => {
                    let edges = edges.join(", ");
                    scan.problem(at, detail!("edgeExpected", "expected one of {expected}", expected = edges))
                }
            }
        })?;
        if expands.iter().any(|other| other.edge.name == edge.name) {
            return Err(scan.problem(at, detail!("expandedTwice", "'{name}' is expanded twice", name = edge.name)));
        }
        let mut expand = Expand { edge, select: None, top: None };
        if scan.sign('(') {
            loop {
                let at = scan.at();
                let option = scan.name().to_ascii_lowercase();
                scan.need('=', Awaited("selectOrTop", "$select= or $top="))?;
                match option.trim_start_matches('$') {
                    "select" if expand.select.is_none() => {
                        let mut names = vec![selected(&mut scan)];
                        while scan.sign(',') {
                            names.push(selected(&mut scan));
                        }
                        expand.select = Some(names);
                    }
                    "top" if expand.top.is_none() && edge.many => {
                        let top = scan.name().parse().ok().filter(|top| *top <= MAX_PAGE);
                        let problem = || detail!("topRange", "$top is a number from 0 to {most}", most = MAX_PAGE);
                        expand.top = Some(top.ok_or_else(|| scan.problem(at, problem()))?);
                    }
                    _ => {
                        let problem = detail!(
                            "expandOption",
                            "'{name}' is not supported here; inside $expand there are only $select and $top, each once, and $top for collections",
                            name = option,
                        );
                        return Err(scan.problem(at, problem));
                    }
                }
                if scan.sign(')') {
                    break;
                }
                scan.need(';', Awaited("semicolonOrEnd", "; or )"))?;
            }
        }
        expands.push(expand);
        if scan.is_at_end() {
            return Ok(expands);
        }
        scan.need(',', Awaited("commaOrEnd", "(, a comma or the end"))?;
    }
}

/// A name of a `$select`, perhaps with a member behind a slash.
fn selected(scan: &mut Scan<'_>) -> String {
    let name = scan.name().to_owned();
    match scan.sign('/') {
        true => format!("{name}/{}", scan.name()),
        false => name,
    }
}
