//! `$expand`: the end of an edge, inside the entity that it starts from. A caller that expands an edge needs the rights to read
//! through it, and sees what it would see there. Devices are served as in lists, so nothing is disclosed.
//!
//! Each entity of a list asks for its own: what it expands is a page with an end and a cursor of its own. A page is at most
//! [`MAX_EXPANDED_PAGE`] long, and each question goes by an index.

use serde_json::{Map, Value};

use super::admit::Asked;
use super::answer::keyed;
use super::expansions::Expansions;
use super::oneself::of_caller;
use crate::entity::{Entity, Node, Reading};
use crate::error::GraphError;
use crate::query::{MAX_EXPANDED_PAGE, Query, QueryError};

/// The view that is read, for that request.
pub(crate) struct Expanding<'a> {
    pub(crate) from: Reading<'a>,
    pub(crate) base_url: &'a str,
    pub(crate) asked: &'a Asked,
}

impl Expansions {
    /// Puts them into the JSON of an entity, which stands at that path.
    pub(crate) fn put(
        &self,
        expanding: &Expanding<'_>,
        parent: &dyn Entity,
        path: &str,
        object: &mut Map<String, Value>,
    ) -> Result<(), GraphError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let control = expanding.asked.control(expanding.base_url);
        // As contexts write it; a path that was served can be read.
        let parent_path = expanding.asked.walk.model.parse(path).map(|walk| walk.parenthesised("")).unwrap_or_default();
        for (expand, selection, sight) in &self.0 {
            let from = Reading { sight, ..expanding.from };
            let (edge, name) = (expand.edge, expand.edge.name);
            let at = format!("{parent_path}/{name}");
            let Some(kind) = (expanding.asked.kinds)(edge.to) else { continue };
            if !edge.many {
                let found = (kind.single)(from.view, from.tenant, parent)?;
                let value = match found {
                    Some(found) if found.is_seen(from.view, sight)? => {
                        let item = found.item(&from, selection)?;
                        control.entity(edge.to, &at, edge.access.is_changed(), item).into()
                    }
                    Some(_) | None => Value::Null,
                };
                object.insert(name.to_owned(), value);
                continue;
            }
            let limit = expand.top.unwrap_or(MAX_EXPANDED_PAGE).min(MAX_EXPANDED_PAGE);
            let (items, next) = match (kind.members)(edge, parent) {
                None => (Vec::new(), None),
                Some(members) => {
                    let page = members.first(&from, limit, selection)?;
                    (page.items, page.next)
                }
            };
            let item = |(entity, item): (Node, Map<String, Value>)| {
                control.entity(edge.to, &keyed(&at, &entity.id()), edge.access.is_changed(), item).into()
            };
            object.insert(name.to_owned(), items.into_iter().map(item).collect::<Vec<Value>>().into());
            // With `$top` no next link is given.
            if let (Some(cursor), None) = (next, expand.top) {
                let path = format!("{path}/{name}");
                let asked = expanding.asked;
                let walk = asked.walk.model.parse(&path).map_err(|_| {
                    let expected = "used on a shorter path, or with $top inside: there is more than one page, and no path to the rest";
                    QueryError::value("$expand", name, expected)
                })?;
                let walk = of_caller(walk, &asked.caller)?;
                let format = asked.query.as_ref().ok().and_then(|query| query.format.clone());
                let query = Query { select: expand.select.clone(), format, ..Query::default() };
                let link = format!("{}{path}?{}", expanding.base_url, query.next(&cursor, &walk));
                object.insert(format!("{name}@odata.nextLink"), link.into());
            }
        }
        Ok(())
    }
}
