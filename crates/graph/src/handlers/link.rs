//! `$ref`: links between devices and their users and apps, from either end.
//!
//! An entity that a body names can then be read through the device. So the caller must be allowed to read it where it is.
//!
//! Reference: docs/graph-facts.md#primary-user.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use chaveiro_core::decisions::link;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::refusal::RightsRefusal;
use chaveiro_core::resource::{Resource, ResourceKind};
use http::HeaderMap;

use super::admit::Asked;
use super::store::read_store;
use super::{given, response};
use crate::GraphState;
use crate::body::{self, BodyError};
use crate::entity::Node;
use crate::error::GraphError;
use crate::resolve::{End, Walk};
use crate::verb::{self, Verb};

const ID: &str = "@odata.id";

/// Adds the link that the body names; one that is there already is fine.
pub(super) async fn link(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let admission = Arc::clone(&asked);
    read_store(state, move |view| admission.admit(view).map(drop)).await?;
    let object = body::json_object(headers, body).await?;
    let example = format!("{}/{}/{}('{{id}}')", state.base_url, asked.walk.version.segment(), of_type(&asked.walk));
    let url = object.get(ID).and_then(|url| url.as_str()).ok_or_else(|| {
        let expected = format!("the URL of the entity to link, such as {example}");
        BodyError::Bind { name: ID.to_owned(), expected }
    })?;
    let wrong = || BodyError::bind(ID, url, &format!("the URL of an entity of this service, such as {example}"));
    let reference = given::reference(state, &asked, url, wrong)?;
    if reference.target() != asked.walk.target() {
        let expected = format!("the URL of an entity of the type that this collection holds, such as {example}");
        return Err(BodyError::bind(ID, url, &expected).into());
    }
    let (_, reads) = verb::of(&reference, "GET").ok_or_else(|| reference.target().missing())?;
    if !asked.caller.permissions.contains_any(reads) {
        return Err(RightsRefusal::MissingPermission(reads).into());
    }
    let written = state.store.write_in(asked.scope_of_link(Some(&reference)), move |unit| {
        let rights = asked.rights(unit)?;
        rights.require(verb::role_action(&reference, Verb::Read))?;
        let from = asked.follow_by(unit, &rights)?.node;
        let to = asked.follow_to(unit, &rights, &reference)?.node;
        let (device, resource) = ends(&from, &to).ok_or_else(|| asked.walk.target().missing())?;
        rights.require_on(asked.role_action, &device.scope_tags)?;
        Ok(link::link(unit, &asked.origin(), device, resource)?)
    });
    written.await?;
    Ok(response::no_content())
}

/// The path of the collection that has every entity of the type at the end of a walk.
fn of_type(walk: &Walk) -> &'static str {
    if walk.target().name == "user" { "users" } else { "deviceManagement/detectedApps" }
}

/// Removes the link that the path names; at a collection, every link.
pub(super) async fn unlink(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    let admission = Arc::clone(&asked);
    read_store(state, move |view| admission.admit(view).map(drop)).await?;
    let written = state.store.write_in(asked.scope_of_link(None), move |unit| {
        let rights = asked.rights(unit)?;
        let to = asked.follow_by(unit, &rights)?.node;
        if let (End::SetRef, Some(device)) = (&asked.walk.end, to.row::<ManagedDevice>()) {
            rights.require_on(asked.role_action, &device.scope_tags)?;
            return Ok(link::unlink_users(unit, &asked.origin(), device)?);
        }
        // The walk went through the device, and kept its end alone.
        let from = asked.follow_to(unit, &rights, &parent(&asked.walk))?.node;
        let (device, resource) = ends(&from, &to).ok_or_else(|| asked.walk.target().missing())?;
        rights.require_on(asked.role_action, &device.scope_tags)?;
        Ok(link::unlink(unit, &asked.origin(), device, resource)?)
    });
    written.await?;
    Ok(response::no_content())
}

/// The walk to the entity that has the collection.
fn parent(walk: &Walk) -> Walk {
    let mut parent = walk.clone();
    parent.hops.pop();
    parent.end = End::Entity;
    parent
}

/// A link has a device at one end, and one of its users or apps at the other.
fn ends<'a>(from: &'a Node, to: &'a Node) -> Option<(&'a ManagedDevice, &'a Resource)> {
    let device = from.row().or_else(|| to.row())?;
    let resource: &Resource = from.row().or_else(|| to.row())?;
    matches!(resource.kind, ResourceKind::User | ResourceKind::DetectedApp).then_some((device, resource))
}
