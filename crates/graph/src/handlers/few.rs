//! What a tenant has few of: holds, applications, roles and their assignments. They are read whole, and
//! [`crate::short_list`] does the rest.

use chaveiro_core::hold::MOST;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::role::ROLES;
use chaveiro_core::scope_tag::Visibility;

use super::admit::Asked;
use crate::entity_tag;
use crate::follow::{Members, Node};
use crate::query::Selection;
use crate::render::{self, Form};
use crate::resolve::Version;
use crate::short_list::Item;

/// All of them that may be read by that sight.
pub(super) fn nodes(
    view: &dyn View,
    asked: &Asked,
    sight: &Visibility,
    members: Members,
) -> Result<Vec<Node>, StoreError> {
    let tenant = asked.tenant();
    Ok(match members {
        // A hold says who asked for recoveries anywhere in the tenant.
        Members::Holds if *sight == Visibility::All => {
            // Whatever stands is among them, however many came since.
            let mut holds = view.holds(tenant, MOST)?;
            let standing = view.standing_holds(tenant)?.into_iter();
            let older: Vec<_> = standing.filter(|hold| holds.iter().all(|known| known.id != hold.id)).collect();
            holds.extend(older);
            holds.into_iter().map(|hold| Node::Hold(Box::new(hold))).collect()
        }
        Members::Applications => {
            view.applications(tenant)?.into_iter().map(|found| Node::Application(Box::new(found))).collect()
        }
        Members::RoleDefinitions => ROLES.iter().map(Node::RoleDefinition).collect(),
        Members::RoleAssignments(of) => {
            let assignments = view.role_assignments(tenant)?.into_iter();
            let assignments = assignments.filter(|one| of.is_none_or(|role| one.role == role));
            let seen = assignments.filter(|one| sight.covers(&one.scope));
            seen.map(|one| Node::RoleAssignment(Box::new(one))).collect()
        }
        Members::Holds
        | Members::Devices(_)
        | Members::Resources(_)
        | Members::AuditEvents
        | Members::RemoteActions
        | Members::Nothing => Vec::new(),
    })
}

/// One of them, everything of it rendered: holds the newest first, roles as in their table, the others the oldest first.
pub(super) fn item(node: &Node, version: Version) -> Option<Item> {
    let (all, form) = (Selection::All(Vec::new()), Form::Listed);
    let (place, object) = match node {
        Node::Hold(hold) => (-hold.placed.as_microsecond(), render::hold::hold(hold, version, &all, form)),
        Node::Application(found) => {
            (found.created.as_microsecond(), render::application::application(found, version, &all, form))
        }
        Node::RoleDefinition(role) => {
            let place = ROLES.iter().position(|one| one == *role)?;
            (i64::try_from(place).ok()?, render::role::definition(role, version, &all, form))
        }
        Node::RoleAssignment(found) => {
            (found.created.as_microsecond(), render::role::assignment(found, version, &all, form))
        }
        Node::Service
        | Node::DeviceManagement
        | Node::Device(_)
        | Node::AuditEvent(_)
        | Node::RemoteAction(_)
        | Node::Resource(_) => return None,
    };
    Some(Item { place, object: entity_tag::first(entity_tag::of(node), object) })
}

/// All of them, rendered.
pub(super) fn items(
    view: &dyn View,
    asked: &Asked,
    sight: &Visibility,
    members: Members,
) -> Result<Vec<Item>, StoreError> {
    let nodes = nodes(view, asked, sight, members)?;
    Ok(nodes.iter().filter_map(|node| item(node, asked.walk.version)).collect())
}
