//! Lists: which items, in which order, and how many.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::response::Response;
use chaveiro_core::action::ActionRecord;
use chaveiro_core::actions::ACTIONS;
use chaveiro_core::audit::Activity;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::ResourceId;
use chaveiro_core::ports::{NamedEvent, StoreError, View, Witness};
use chaveiro_core::query::{ActionField, AuditField, DeviceField, Paged, ResourceField};
use chaveiro_core::refusal::ResourceRefusal;
use chaveiro_core::resource::Resource;
use chaveiro_core::scope_tag::Visibility;
use http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::admit::{Admitted, Asked};
use super::expand::Reading;
use super::read::user_of;
use super::sight::{self, in_sight};
use super::{context, few, read_store, response};
use crate::GraphState;
use crate::entity_tag;
use crate::error::GraphError;
use crate::follow::{Members, Node};
use crate::model::MODEL;
use crate::query::Selection;
use crate::render::{self, Form};
use crate::resolve::{End, Function, Version};
use crate::short_list;

/// The items of one page as JSON, and the number of all that match when it was asked for.
struct Answer {
    page: Paged<Map<String, Value>>,
    total: Option<u64>,
}

/// One page of a collection.
pub(super) async fn list(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    if let End::Function(function) = &asked.walk.end {
        return names(state, &asked, function).await;
    }
    let reading = Arc::clone(&asked);
    let (base_url, witness) = (state.base_url.clone(), Arc::clone(&state.witness));
    let found = read_store(state, move |view| {
        let admitted = reading.admit(view)?;
        let from = Reading { view, base_url: &base_url, witness: witness.as_ref(), asked: &reading };
        let answer = answer(&from, &admitted)?;
        Ok((answer, admitted.query, admitted.selection))
    });
    let (answer, query, selection) = found.await?;

    let mut body = Map::new();
    let context = context(state, asked.walk.version, &asked.walk.parenthesised(""), &selection, false);
    body.insert("@odata.context".to_owned(), context.into());
    // As in production, the number on this page; `$count=true` asks for the number of all.
    let count = answer.total.unwrap_or(answer.page.items.len() as u64);
    body.insert("@odata.count".to_owned(), count.into());
    if let Some(cursor) = &answer.page.next {
        let link = format!("{}{}?{}", state.base_url, asked.path, query.next(cursor, &asked.walk));
        body.insert("@odata.nextLink".to_owned(), link.into());
    }
    body.insert("value".to_owned(), answer.page.items.into_iter().map(Value::Object).collect());
    Ok(response::json(StatusCode::OK, &Value::Object(body)))
}

/// What a function of a collection answers: names, of which there is one table.
async fn names(state: &Arc<GraphState>, asked: &Arc<Asked>, function: &Function) -> Result<Response, GraphError> {
    let admission = Arc::clone(asked);
    read_store(state, move |view| Ok(admission.admit(view)?.query.only(&[])?)).await?;
    let described =
        ACTIONS.iter().flat_map(|action| Activity::ALL.iter().map(|activity| activity.described(&action.audit)));
    let names: BTreeSet<_> = match function {
        Function::Categories => described.map(|described| described.category).collect(),
        Function::ActivityTypes(category) => described
            .filter(|described| described.category.eq_ignore_ascii_case(category))
            .map(|described| described.activity_type)
            .collect(),
    };
    let context = format!("{}/{}/$metadata#Collection(Edm.String)", state.base_url, asked.walk.version.segment());
    Ok(response::json(StatusCode::OK, &json!({"@odata.context": context, "value": names})))
}

/// How many a collection has, as text.
pub(super) async fn count(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    let counted = read_store(state, move |view| {
        let admitted = asked.admit(view)?;
        let (tenant, version, sight) = (asked.tenant(), asked.walk.version, &admitted.sight);
        let entity = MODEL.entity_type(asked.walk.target()).ok_or(ResourceRefusal::NotFound("collection"))?;
        Ok(match admitted.binding.members {
            None | Some(Members::Nothing) => 0,
            Some(Members::Devices(scope)) => {
                view.count_devices(tenant, scope, sight, &admitted.query.filter(entity, version)?)?
            }
            Some(Members::AuditEvents) => {
                view.count_audit_events(tenant, sight, &admitted.query.filter(entity, version)?)?
            }
            Some(Members::RemoteActions) => {
                view.count_remote_actions(tenant, sight, &admitted.query.filter(entity, version)?)?
            }
            Some(
                members @ (Members::Holds
                | Members::Applications
                | Members::RoleDefinitions
                | Members::RoleAssignments(_)),
            ) => {
                let filter = admitted.query.filter(entity, version)?;
                short_list::count(&filter, &few::items(view, &asked, sight, members)?)
            }
            Some(Members::Resources(scope)) => {
                let filter = admitted.query.filter(entity, version)?;
                sight::check(sight, &filter, &[])?;
                view.count_resources(tenant, scope, sight, &filter)?
            }
        })
    });
    Ok(response::text(StatusCode::OK, counted.await?.to_string()))
}

fn answer(from: &Reading<'_>, admitted: &Admitted) -> Result<Answer, GraphError> {
    let Reading { view, asked, .. } = *from;
    let (tenant, walk, query, selection) = (asked.tenant(), &asked.walk, &admitted.query, &admitted.selection);
    let sight = &admitted.sight;
    let entity = MODEL.entity_type(walk.target()).ok_or(ResourceRefusal::NotFound("collection"))?;
    let wants_total = query.count == Some(true);
    let expand = |objects: &mut Vec<Map<String, Value>>, parents: Vec<(Uuid, Node)>| {
        objects.iter_mut().zip(parents).try_for_each(|(object, (id, parent))| {
            let path = format!("{}/{id}", asked.path.trim_end_matches('/'));
            admitted.expansions.put(from, &parent, &path, object)
        })
    };
    match admitted.binding.members {
        None | Some(Members::Nothing) => Ok(Answer { page: Paged { items: Vec::new(), next: None }, total: Some(0) }),
        Some(
            members @ (Members::Holds | Members::Applications | Members::RoleDefinitions | Members::RoleAssignments(_)),
        ) => {
            let listing = query.listing(entity, walk)?;
            let found = few::nodes(view, asked, sight, members)?.into_iter();
            let found = found.filter_map(|node| few::item(&node, walk.version).map(|item| (node, item)));
            let (nodes, items): (Vec<_>, Vec<_>) = found.unzip();
            let total = wants_total.then(|| short_list::count(&listing.filter, &items));
            let ids: Vec<_> = items.iter().map(|item| item.object.get("id").cloned()).collect();
            let page = short_list::page(&listing, items);
            let parents = if admitted.expansions.is_empty() { Vec::new() } else { parents(&page.items, &ids, &nodes) };
            let mut items = page.items.into_iter().map(|item| selection.of_rendered(entity, item)).collect();
            expand(&mut items, parents)?;
            Ok(Answer { page: Paged { items, next: page.next }, total })
        }
        Some(Members::RemoteActions) => {
            let listing = query.listing::<ActionField>(entity, walk)?;
            let total = wants_total.then(|| view.count_remote_actions(tenant, &admitted.sight, &listing.filter));
            let page = view.remote_actions(tenant, &admitted.sight, &listing)?;
            let item = |record| remote_action(view, record, walk.version, selection, Form::Listed);
            let items = page.items.iter().map(item).collect::<Result<Vec<_>, StoreError>>()?;
            Ok(Answer { page: Paged { items, next: page.next }, total: total.transpose()? })
        }
        Some(Members::AuditEvents) => {
            let listing = query.listing::<AuditField>(entity, walk)?;
            let total = wants_total.then(|| view.count_audit_events(tenant, &admitted.sight, &listing.filter));
            let page = view.audit_events(tenant, &admitted.sight, &listing)?;
            let items = audit_events(from, &page.items, selection)?;
            Ok(Answer { page: Paged { items, next: page.next }, total: total.transpose()? })
        }
        Some(Members::Devices(scope)) => {
            let listing = query.listing::<DeviceField>(entity, walk)?;
            let total = wants_total.then(|| view.count_devices(tenant, scope, sight, &listing.filter));
            let page = view.devices(tenant, scope, sight, &listing)?;
            let mut items = devices(view, &page.items, walk.version, selection)?;
            if !admitted.expansions.is_empty() {
                let parents = page.items.into_iter().map(|device| (device.id.0, Node::Device(Box::new(device))));
                expand(&mut items, parents.collect())?;
            }
            Ok(Answer { page: Paged { items, next: page.next }, total: total.transpose()? })
        }
        Some(Members::Resources(scope)) => {
            let listing = query.listing::<ResourceField>(entity, walk)?;
            sight::check(sight, &listing.filter, &listing.order)?;
            let total = wants_total.then(|| view.count_resources(tenant, scope, sight, &listing.filter));
            let page = view.resources(tenant, scope, sight, &listing)?;
            let mut items = resources(view, sight, &page.items, walk.version, selection)?;
            if !admitted.expansions.is_empty() {
                let seen = page.items.into_iter().map(|item| in_sight(view, sight, item, Form::Listed));
                let seen = seen.collect::<Result<Vec<_>, _>>()?.into_iter();
                let parents = seen.map(|item| (item.id.0, Node::Resource(Box::new(item))));
                expand(&mut items, parents.collect())?;
            }
            Ok(Answer { page: Paged { items, next: page.next }, total: total.transpose()? })
        }
    }
}

/// The entities of a page, found again by their ids, which stand as the entities do.
fn parents(page: &[Map<String, Value>], ids: &[Option<Value>], nodes: &[Node]) -> Vec<(Uuid, Node)> {
    let parent = |shown: &Map<String, Value>| {
        let id = shown.get("id")?;
        let at = ids.iter().position(|one| one.as_ref() == Some(id))?;
        Some((Uuid::try_parse(id.as_str()?).ok()?, nodes.get(at)?.clone()))
    };
    page.iter().filter_map(parent).collect()
}

/// Audit events as items of a list, if all of them are what was recorded.
pub(super) fn audit_events(
    from: &Reading<'_>,
    events: &[NamedEvent],
    selection: &Selection,
) -> Result<Vec<Map<String, Value>>, GraphError> {
    require_sound(from.witness, from.view, events)?;
    let render = |event| render::audit::event(event, from.asked.walk.version, selection, Form::Listed);
    Ok(events.iter().map(render).collect::<Result<_, _>>()?)
}

/// Refuses to serve events of which one is not what was recorded.
pub(super) fn require_sound(witness: &dyn Witness, view: &dyn View, events: &[NamedEvent]) -> Result<(), GraphError> {
    let events: Vec<_> = events.iter().map(|named| &named.event).collect();
    match witness.vouches_for(view, &events)? {
        true => Ok(()),
        false => Err(GraphError::Internal("events of the audit record do not verify".to_owned())),
    }
}

/// A remote action, with its device and the user of that.
pub(super) fn remote_action(
    view: &dyn View,
    record: &ActionRecord,
    version: Version,
    selection: &Selection,
    form: Form,
) -> Result<Map<String, Value>, StoreError> {
    let device = view.device(record.tenant, record.device)?;
    let owner = device.as_ref().map_or(Ok(None), |device| user_of(view, device))?;
    Ok(render::remote_action::action(record, device.as_ref(), owner.as_ref(), version, selection, form))
}

/// Devices as items of a list.
pub(super) fn devices(
    view: &dyn View,
    devices: &[ManagedDevice],
    version: Version,
    selection: &Selection,
) -> Result<Vec<Map<String, Value>>, StoreError> {
    let users = users_of(view, devices)?;
    let render = |device: &ManagedDevice| {
        let user = device.user.and_then(|id| users.get(&id));
        let object = render::device::device(device, user, version, selection, Form::Listed);
        let tag = selection.shows_tag().then(|| entity_tag::of_device(device));
        entity_tag::first(tag, object)
    };
    Ok(devices.iter().map(render).collect())
}

/// Resources as items of a list, as far as that sight shows them. Their tags are of what they are, whoever looks.
pub(super) fn resources(
    view: &dyn View,
    sight: &Visibility,
    resources: &[Resource],
    version: Version,
    selection: &Selection,
) -> Result<Vec<Map<String, Value>>, StoreError> {
    let render = |resource: &Resource| {
        let seen = in_sight(view, sight, resource.clone(), Form::Listed)?;
        let object = render::resource::resource(&seen, version, selection, Form::Listed);
        let tag = selection.shows_tag().then(|| entity_tag::of_resource(resource));
        Ok(entity_tag::first(tag, object))
    };
    resources.iter().map(render).collect()
}

/// The primary users of a page, each read once.
fn users_of(view: &dyn View, devices: &[ManagedDevice]) -> Result<HashMap<ResourceId, Resource>, StoreError> {
    let mut users = HashMap::new();
    for device in devices {
        if let Some(id) = device.user
            && !users.contains_key(&id)
            && let Some(user) = user_of(view, device)?
        {
            users.insert(id, user);
        }
    }
    Ok(users)
}
