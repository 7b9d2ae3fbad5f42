//! Following a walk through the store, each hop inside the tenant, from the parent just resolved, and to what the caller
//! sees.
//!
//! A hop that is absent, foreign, out of sight or not linked to its parent ends in the same refusal. So a caller cannot
//! tell what another tenant has, or another path reaches, from what does not exist.

use std::borrow::Cow;

use chaveiro_core::Fault;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::rights::Rights;

use crate::entity::{Entity, Members, Node, Root};
use crate::model::{Edge, EntityType};
use crate::query::{Query, QueryError};
use crate::resolve::{End, Walk};

/// The code by which entities of one type are found.
pub(crate) struct Finding {
    /// The members of a collection of that type, at the end of an edge that starts at that entity.
    pub(crate) members: FindMembers,
    /// The single entity of that type at the end of an edge that starts at that entity.
    pub(crate) single: Single,
    /// Refuses a query that cannot be asked of lists of that type.
    pub(crate) check: fn(&Query, &'static EntityType, &Walk) -> Result<(), QueryError>,
}

/// Finds the members of a collection that hangs on an entity.
pub(crate) type FindMembers = fn(&Edge, &dyn Entity) -> Option<Box<dyn Members>>;

/// Finds the one entity that hangs on another.
pub(crate) type Single = fn(&dyn View, TenantId, &dyn Entity) -> Result<Option<Node>, StoreError>;

/// Nothing hangs on any entity alone.
pub(crate) const NO_SINGLE: Single = |_, _, _| Ok(None);

/// Finds the code of a type.
pub(crate) type Kinds = fn(&EntityType) -> Option<&'static Finding>;

/// The end of a walk.
pub(crate) struct Binding {
    /// The entity the walk ends on; for a collection, the entity that has it.
    pub(crate) node: Node,
    /// For a collection, its members.
    pub(crate) members: Option<Box<dyn Members>>,
}

impl Binding {
    /// The device the walk ends on.
    pub(crate) fn device(&self) -> Option<&ManagedDevice> {
        self.node.row()
    }
}

/// Follows a walk whose keys are checked, over what a caller with these rights may know of.
pub(crate) fn follow(
    kinds: Kinds,
    view: &dyn View,
    tenant: TenantId,
    rights: &Rights,
    walk: &Walk,
) -> Result<Binding, Fault> {
    let sight = rights.sight();
    let ends_on_set = matches!(walk.end, End::Set | End::SetCount | End::SetRef | End::Function(_));
    let mut node: Node = Box::new(Root);
    for hop in &walk.hops {
        let of = hop.edge.to;
        let kind = kinds(of).ok_or_else(|| of.missing())?;
        if ends_on_set && hop.key.is_none() && hop.edge.many {
            let members = (kind.members)(hop.edge, node.as_ref()).ok_or_else(|| of.missing())?;
            return Ok(Binding { node, members: Some(members) });
        }
        let found = match &hop.key {
            None => (kind.single)(view, tenant, node.as_ref())?,
            Some(key) => match (kind.members)(hop.edge, node.as_ref()) {
                Some(members) => members.find(view, tenant, key)?,
                None => None,
            },
        };
        // Role assignments are not scoped by devices.
        let sight = of.sight.map_or(Cow::Borrowed(&sight), |right| Cow::Owned(rights.sight_by(right)));
        node = match found {
            Some(found) if found.is_seen(view, &sight)? => found,
            Some(_) | None => return Err(of.missing().into()),
        };
    }
    Ok(Binding { node, members: None })
}
