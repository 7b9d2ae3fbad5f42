//! `$expand`: the end of an edge, inside the entity that it starts from. A caller that expands an edge needs the rights to read
//! through it, and sees what it would see there; devices are served as in lists, so nothing is disclosed.
//!
//! Each entity of a list asks for its own: what it expands is a page with an end and a cursor of its own. A page is at most
//! [`MAX_EXPANDED_PAGE`] long, and each question goes by an index.

use serde_json::{Map, Value};

use super::admit::Asked;
use super::expansions::Expansions;
use super::oneself::of_caller;
use crate::entity::{Entity, Reading};
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
        for (expand, selection, sight) in &self.0 {
            let from = Reading { sight, ..expanding.from };
            let (edge, name) = (expand.edge, expand.edge.name);
            let Some(kind) = (expanding.asked.kinds)(edge.to) else { continue };
            if !edge.many {
                let found = (kind.single)(from.view, from.tenant, parent)?;
                let value = match found {
                    Some(found) if found.is_seen(from.view, sight)? => found.item(&from, selection)?.into(),
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
            object.insert(name.to_owned(), items.into_iter().map(|(_, item)| Value::Object(item)).collect());
            // With `$top` no next link is given.
            if let (Some(cursor), None) = (next, expand.top) {
                let path = format!("{path}/{name}");
                let asked = expanding.asked;
                let walk = asked.walk.model.parse(&path).map_err(|_| QueryError::Value {
                    option: "$expand",
                    expected: "used on a shorter path, or with $top inside: there is more than one page, and no path to the rest",
                })?;
                let walk = of_caller(walk, &asked.caller)?;
                let query = Query { select: expand.select.clone(), ..Query::default() };
                let link = format!("{}{path}?{}", expanding.base_url, query.next(&cursor, &walk));
                object.insert(format!("{name}@odata.nextLink"), link.into());
            }
        }
        Ok(())
    }
}
