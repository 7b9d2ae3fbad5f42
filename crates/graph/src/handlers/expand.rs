//! `$expand`: the end of an edge, inside the entity that it starts from. A caller that expands an edge needs the rights to read
//! through it, and sees what it would see there. Devices are served as in lists, so nothing is disclosed.
//!
//! Each entity of a list asks for its own: what it expands is a page with an end and a cursor of its own. A page is at most
//! [`MAX_EXPANDED_PAGE`] long, and each question goes by an index. The reading finds the entities, and the answer is written
//! outside of it.

use chaveiro_core::query::Cursor;
use serde_json::Map;

use super::admit::Asked;
use super::answer::keyed;
use super::expansions::Expansions;
use super::oneself::of_caller;
use crate::entity::{Entity, Reading, Served, Told};
use crate::error::GraphError;
use crate::query::{Expand, MAX_EXPANDED_PAGE, Query, QueryError, detail};
use crate::render::Form;
use crate::render::control::{Control, Placed};
use crate::render::outline::{Object, Outline};

/// The entities that one entity expands, in the order of the expansions; `None` for an edge that leads nowhere.
pub(crate) struct Expanded(Vec<Option<Found>>);

enum Found {
    /// The end of an edge to one entity.
    One(Option<Told>),
    /// The first entities of a collection, and the place behind them if more follow.
    Many(Vec<Told>, Option<Cursor>),
}

impl Expansions {
    /// Reads them for an entity.
    pub(super) fn read(&self, from: &Reading<'_>, asked: &Asked, parent: &dyn Entity) -> Result<Expanded, GraphError> {
        let found = self.0.iter().map(|(expand, selection, sight)| {
            let (edge, from) = (expand.edge, Reading { sight, ..*from });
            let Some(kind) = (asked.kinds)(edge.to) else { return Ok(None) };
            if !edge.many {
                let node = (kind.single)(from.view, from.tenant, parent)?;
                let node = node.map(|node| Ok::<_, GraphError>(node.is_seen(from.view, sight)?.then_some(node)));
                let node = node.transpose()?.flatten();
                let told = node.map(|node| node.served(&from, selection, Form::Listed)).transpose()?;
                return Ok(Some(Found::One(told)));
            }
            let limit = expand.top.unwrap_or(MAX_EXPANDED_PAGE).min(MAX_EXPANDED_PAGE);
            let page =
                (kind.members)(edge, parent).map(|members| members.first(&from, limit, selection)).transpose()?;
            Ok(Some(page.map_or(Found::Many(Vec::new(), None), |page| Found::Many(page.items, page.next))))
        });
        Ok(Expanded(found.collect::<Result<_, GraphError>>()?))
    }

    /// The outlines of the entities that they lead to.
    pub(super) fn outlines(&self, asked: &Asked) -> Vec<Outline<'_>> {
        let of = self.0.iter();
        of.map(|(expand, selection, _)| Outline::new(expand.edge.to, asked.walk.version, selection, Form::Listed))
            .collect()
    }
}

/// Writes what entities expand.
pub(super) struct Expanding<'a> {
    pub(super) asked: &'a Asked,
    pub(super) control: Control<'a>,
    pub(super) expansions: &'a Expansions,
    pub(super) outlines: Vec<Outline<'a>>,
}

impl Expanding<'_> {
    /// Writes it as members of the JSON of an entity, which stands at that path.
    pub(super) fn write(
        &self,
        expanded: Expanded,
        path: &dyn Fn() -> String,
        object: &mut Object<'_>,
    ) -> Result<(), GraphError> {
        if expanded.0.is_empty() {
            return Ok(());
        }
        let path = &path();
        // As contexts write it; a path that was served can be read.
        let parent = self.asked.walk.model.parse(path).map(|walk| walk.parenthesised("")).unwrap_or_default();
        let all = self.expansions.0.iter().zip(&self.outlines).zip(expanded.0);
        for (((expand, _, _), outline), found) in all {
            let name = expand.edge.name;
            let at = format!("{parent}/{name}");
            match found {
                None => {}
                Some(Found::One(None)) => object.member(name, &()),
                Some(Found::One(Some(told))) => {
                    self.entity(outline, expand, told.as_ref(), &|| at.clone(), object.name(&[name]));
                }
                Some(Found::Many(items, next)) => {
                    let out = object.name(&[name]);
                    out.push(b'[');
                    for (index, told) in items.iter().enumerate() {
                        if index > 0 {
                            out.push(b',');
                        }
                        self.entity(outline, expand, told.as_ref(), &|| keyed(&at, &told.entity().id()), out);
                    }
                    out.push(b']');
                    // With `$top` no next link is given.
                    if let (Some(cursor), None) = (next, expand.top) {
                        object.annotation(name, "@odata.nextLink", &self.link(expand, &cursor, path)?);
                    }
                }
            }
        }
        Ok(())
    }

    fn entity(
        &self,
        outline: &Outline<'_>,
        expand: &Expand,
        told: &dyn Served,
        path: &dyn Fn() -> String,
        out: &mut Vec<u8>,
    ) {
        let tag = outline.shows_tag().then(|| told.entity().tag()).flatten();
        let changes = expand.edge.access.is_changed();
        let mut object = Object::begin(out, Map::new());
        self.control.entity(&mut object, &Placed { outline, values: told, tag: tag.as_deref(), path, changes });
        object.end();
    }

    /// The address of the rest of a collection.
    fn link(&self, expand: &Expand, cursor: &Cursor, path: &str) -> Result<String, GraphError> {
        let (asked, name) = (self.asked, expand.edge.name);
        let path = format!("{path}/{name}");
        let walk = asked.walk.model.parse(&path).map_err(|_| {
            let expected = detail!(
                "shorterPath",
                "used on a shorter path, or with $top inside: there is more than one page, and no path to the rest"
            );
            QueryError::value("$expand", name, expected)
        })?;
        let walk = of_caller(walk, &asked.caller)?;
        let format = asked.query.as_ref().ok().and_then(|query| query.format.clone());
        let query = Query { select: expand.select.clone(), format, ..Query::default() };
        Ok(format!("{}{path}?{}", self.control.base_url, query.next(cursor, &walk)))
    }
}
