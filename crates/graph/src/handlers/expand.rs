//! `$expand`: what an edge leads to, inside the entity that it starts from. Whoever expands an edge needs what reading through it needs,
//! and sees what would be seen there; devices are served as in lists, so nothing is disclosed.

use chaveiro_core::ports::{View, Witness};
use chaveiro_core::query::{ActionField, AuditField, Cursor, DeviceField, Listing, ResourceField};
use chaveiro_core::refusal::ResourceRefusal;
use serde_json::{Map, Value};

use super::admit::Asked;
use super::expansions::Expansions;
use super::{few, list, of_caller};
use crate::error::GraphError;
use crate::follow::{self, Members, Node};
use crate::model::MODEL;
use crate::query::{MAX_EXPANDED_PAGE, Query, QueryError};
use crate::render::{self, Form};
use crate::resolve;
use crate::short_list;

/// What is read from, for whom.
pub(crate) struct Reading<'a> {
    pub(crate) view: &'a dyn View,
    pub(crate) base_url: &'a str,
    pub(crate) witness: &'a dyn Witness,
    pub(crate) asked: &'a Asked,
}

impl Expansions {
    /// Puts them into the JSON of an entity, which stands at that path.
    pub(crate) fn put(
        &self,
        reading: &Reading<'_>,
        parent: &Node,
        path: &str,
        object: &mut Map<String, Value>,
    ) -> Result<(), GraphError> {
        let Reading { view, base_url, asked, .. } = *reading;
        let (tenant, version) = (asked.tenant(), asked.walk.version);
        for (expand, selection, sight) in &self.0 {
            let name = expand.edge.name;
            if !expand.edge.many {
                let found = follow::single(view, tenant, parent, expand.edge.follow)?;
                let value = match found {
                    Some(Node::Device(device)) if sight.admits(&device.scope_tags) => {
                        let rendered = list::devices(view, &[*device], version, selection)?;
                        rendered.into_iter().next().map_or(Value::Null, Value::Object)
                    }
                    Some(Node::RoleDefinition(role)) => {
                        render::role::definition(role, version, selection, Form::Listed).into()
                    }
                    _ => Value::Null,
                };
                object.insert(name.to_owned(), value);
                continue;
            }
            let limit = expand.top.unwrap_or(MAX_EXPANDED_PAGE).min(MAX_EXPANDED_PAGE);
            let (items, next): (Vec<_>, Option<Cursor>) = match follow::members(expand.edge.follow, parent) {
                None | Some(Members::Nothing) => (Vec::new(), None),
                Some(Members::Devices(scope)) => {
                    let page = view.devices(tenant, scope, sight, &Listing::<DeviceField>::first(limit))?;
                    (list::devices(view, &page.items, version, selection)?, page.next)
                }
                Some(Members::Resources(scope)) => {
                    let page = view.resources(tenant, scope, sight, &Listing::<ResourceField>::first(limit))?;
                    (list::resources(view, sight, &page.items, version, selection)?, page.next)
                }
                Some(
                    members @ (Members::Holds
                    | Members::Applications
                    | Members::RoleDefinitions
                    | Members::RoleAssignments(_)),
                ) => {
                    let page = short_list::page(&Listing::first(limit), few::items(view, asked, sight, members)?);
                    let of = MODEL.entity_type(expand.edge.to).ok_or(ResourceRefusal::NotFound("collection"))?;
                    (page.items.into_iter().map(|item| selection.of_rendered(of, item)).collect(), page.next)
                }
                Some(Members::RemoteActions) => {
                    let page = view.remote_actions(tenant, sight, &Listing::<ActionField>::first(limit))?;
                    let render = |record| list::remote_action(view, record, version, selection, Form::Listed);
                    (page.items.iter().map(render).collect::<Result<_, _>>()?, page.next)
                }
                Some(Members::AuditEvents) => {
                    let page = view.audit_events(tenant, sight, &Listing::<AuditField>::first(limit))?;
                    (list::audit_events(reading, &page.items, selection)?, page.next)
                }
            };
            object.insert(name.to_owned(), items.into_iter().map(Value::Object).collect());
            // Whoever asks for so many wants no more; otherwise the rest is where the link leads.
            if let (Some(cursor), None) = (next, expand.top) {
                let path = format!("{path}/{name}");
                let walk = resolve::parse(&path).map_err(|_| QueryError::Value {
                    option: "$expand",
                    expected: "used on a shorter path, or with $top inside: there is more than one page, and no path to the rest",
                })?;
                let walk = of_caller(walk, &asked.caller)?;
                let query = Query { select: expand.select.clone(), ..Query::default() };
                let link = format!("{}{path}?{}", base_url, query.next(&cursor, &walk));
                object.insert(format!("{name}@odata.nextLink"), link.into());
            }
        }
        Ok(())
    }
}
