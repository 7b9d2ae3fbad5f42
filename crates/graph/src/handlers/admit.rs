//! The admission of a request. Checked are, in this order: revocation of the token, licence, role, permission, query options,
//! form of the ids, existence. An entity out of the caller's scope does not exist for the caller.
//!
//! Rights are read in the transaction that they decide about. A request whose body decides what is written is admitted before the
//! body is read, and again in the write. Roles, scopes and links may have changed in between. A remote action and a disclosure
//! are admitted once, in the unit of work that decides about them.

use chaveiro_core::audit::{Activity, AuditEvent, Origin};
use chaveiro_core::caller::Caller;
use chaveiro_core::decisions::revocation::require_valid;
use chaveiro_core::decisions::{Facts, rights};
use chaveiro_core::id::{DeviceId, RequestId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Scope, View, Witness};
use chaveiro_core::refusal::{DeviceRefusal, ResourceRefusal, RightsRefusal, TenantRefusal};
use chaveiro_core::rights::Rights;
use chaveiro_core::role::RoleAction;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::Tenant;
use chaveiro_core::{Fault, Timestamp};

use super::expansions::Expansions;
use crate::entity::{About, Entity, Reading};
use crate::entity_tag::IfMatch;
use crate::error::GraphError;
use crate::follow::{Binding, Kinds, follow};
use crate::negotiation::{HeaderError, Wanted};
use crate::query::{Named, Query, QueryError, Selection};
use crate::render::control::Control;
use crate::resolve::{End, Hop, Walk};
use crate::verb::Verb;

/// A request whose token is verified.
pub(crate) struct Asked {
    /// The code of each type that its walks go through.
    pub(crate) kinds: Kinds,
    pub(crate) walk: Walk,
    pub(crate) verb: Verb,
    pub(crate) required: &'static [Permission],
    pub(crate) role_action: RoleAction,
    pub(crate) query: Result<Query, QueryError>,
    /// The format that its headers ask for.
    pub(crate) wanted: Result<Wanted, HeaderError>,
    pub(crate) caller: Caller,
    pub(crate) request: RequestId,
    pub(crate) client_request_id: Option<String>,
    /// The caller says that it sends the request again.
    pub(crate) retry: bool,
    /// The caller's reason, for the record.
    pub(crate) reason: Option<String>,
    /// The reason to pass a hold, if the caller wants to.
    pub(crate) break_glass: Option<String>,
    /// The states in which the entity may be changed, if the caller names them.
    pub(crate) if_match: Option<IfMatch>,
    pub(crate) now: Timestamp,
    /// Path as asked, still encoded.
    pub(crate) path: String,
    /// Self-service: a user asks about their own account for something that needs no role.
    pub(crate) of_oneself: bool,
    /// HEAD: nothing is shown, so nothing may be disclosed.
    pub(crate) head: bool,
}

/// A request that is admitted: the entities that it reaches, and its query.
pub(crate) struct Admitted {
    pub(crate) binding: Binding,
    pub(crate) query: Query,
    pub(crate) selection: Selection,
    pub(crate) expansions: Expansions,
    /// The devices of which the caller may read what is asked for.
    pub(crate) sight: Visibility,
    pub(crate) tenant: Tenant,
    pub(crate) rights: Rights,
}

impl Admitted {
    /// The reading of what was admitted.
    pub(crate) fn reading<'a>(&'a self, view: &'a dyn View, witness: &'a dyn Witness, asked: &Asked) -> Reading<'a> {
        asked.reading(view, witness, &self.sight)
    }

    /// The device at the end, with what a decision about it needs.
    pub(crate) fn facts(&self) -> Result<Facts<'_>, Fault> {
        let device = self.binding.device().ok_or(DeviceRefusal::NotFound)?;
        Ok(Facts { device, settings: &self.tenant.settings, rights: &self.rights })
    }
}

impl Asked {
    /// Returns the scope of a unit of work about the entity at the end of the walk: the device, if it is one.
    pub(crate) fn scope(&self) -> Scope {
        let device = self.walk.hops.last().and_then(Hop::device);
        device.map_or(Scope::Whole, |id| Scope::Device(self.tenant(), id))
    }

    /// Returns the scope of a unit of work about a link at the end of the walk, whose other end is that of another one.
    pub(crate) fn scope_of_link(&self, other: Option<&Walk>) -> Scope {
        let mut hops = self.walk.hops.iter().chain(other.into_iter().flat_map(|walk| &walk.hops)).rev();
        hops.find_map(Hop::device).map_or(Scope::Whole, |id| Scope::Device(self.tenant(), id))
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    /// The reading of what is visible with that sight.
    pub(crate) fn reading<'a>(
        &self,
        view: &'a dyn View,
        witness: &'a dyn Witness,
        sight: &'a Visibility,
    ) -> Reading<'a> {
        Reading { view, witness, tenant: self.tenant(), version: self.walk.version, sight }
    }

    /// The control information of its answer, on a server with that address.
    pub(crate) fn control<'a>(&self, base_url: &'a str) -> Control<'a> {
        let format = self.wanted.as_ref().map(|wanted| wanted.format).unwrap_or_default();
        Control { format, model: self.walk.model, version: self.walk.version, base_url }
    }

    /// The caller, the moment and the request, with which each event of what it decides begins.
    pub(crate) fn origin(&self) -> Origin {
        Origin { actor: self.caller.actor.clone(), at: self.now, request: Some(self.request) }
    }

    /// The beginning of an event of the tenant in this request.
    pub(crate) fn event(&self, activity: Activity) -> AuditEvent {
        self.origin().event(self.tenant(), activity)
    }

    /// Makes every check that comes before the body and the method, in order.
    pub(crate) fn admit(&self, view: &dyn View) -> Result<Admitted, GraphError> {
        self.require_valid(view)?;
        let tenant = view.tenant(self.tenant())?.ok_or(TenantRefusal::Unlicensed)?;
        if !tenant.licence.is_active(self.now) {
            return Err(TenantRefusal::Unlicensed.into());
        }
        let rights = self.rights_of_roles(view)?;
        if !self.caller.permissions.contains_any(self.required) {
            return Err(RightsRefusal::MissingPermission(self.required).into());
        }
        rights.require(self.role_action)?;
        let mut query = self.query.clone()?;
        query.preferred = self.wanted.clone()?.page.map(|page| page.size);
        let selection = self.selection(&query)?;
        let expansions = Expansions::admit(&self.walk, &self.caller, &query, &rights)?;
        self.walk.check_keys()?;
        let binding = self.follow_with(view, &rights)?;
        let sight = rights.sight_by(self.role_action);
        Ok(Admitted { binding, query, selection, expansions, sight, tenant, rights })
    }

    /// The rights of the caller at this moment, if the token still counts.
    pub(crate) fn rights(&self, view: &dyn View) -> Result<Rights, Fault> {
        self.require_valid(view)?;
        self.rights_of_roles(view)
    }

    /// Refuses a token that was revoked.
    pub(crate) fn require_valid(&self, view: &dyn View) -> Result<(), Fault> {
        require_valid(view, &self.caller)
    }

    fn rights_of_roles(&self, view: &dyn View) -> Result<Rights, Fault> {
        match self.of_oneself {
            // The walk has one hop, and that is the caller: no other entity is reached with them.
            true => Ok(Rights::Permissions),
            false => rights::of(view, &self.caller),
        }
    }

    /// Follows the walk of the request, for the unit of work that writes. An entity at its end must be in a state that the
    /// caller allows.
    pub(crate) fn follow(&self, view: &dyn View) -> Result<Binding, Fault> {
        self.follow_by(view, &self.rights(view)?)
    }

    /// Follows the walk of the request with rights that were read in this unit of work.
    pub(crate) fn follow_by(&self, view: &dyn View, rights: &Rights) -> Result<Binding, Fault> {
        let binding = self.follow_with(view, rights)?;
        self.require_state(&binding)?;
        Ok(binding)
    }

    /// Refuses an entity that is in no state that the caller allows.
    pub(crate) fn require_state(&self, binding: &Binding) -> Result<(), Fault> {
        match &self.if_match {
            Some(if_match) if self.verb.minds_the_state() && !if_match.allows(binding.node.tag().as_deref()) => {
                Err(ResourceRefusal::Changed.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Follows another walk, such as one that a body names, to what the caller may see.
    pub(crate) fn follow_to(&self, view: &dyn View, rights: &Rights, walk: &Walk) -> Result<Binding, Fault> {
        follow(self.kinds, view, self.tenant(), rights, walk)
    }

    /// Follows the walk of the request to the row that it writes.
    pub(crate) fn follow_to_row<T: Entity>(&self, view: &dyn View) -> Result<Box<T>, Fault> {
        self.follow_to_row_by(view, &self.rights(view)?)
    }

    /// Does the same with rights that were read in this unit of work.
    pub(crate) fn follow_to_row_by<T: Entity>(&self, view: &dyn View, rights: &Rights) -> Result<Box<T>, Fault> {
        Ok(self.follow_by(view, rights)?.node.into_row().ok_or_else(|| self.walk.target().missing())?)
    }

    fn follow_with(&self, view: &dyn View, rights: &Rights) -> Result<Binding, Fault> {
        rights.require(self.role_action)?;
        let binding = follow(self.kinds, view, self.tenant(), rights, &self.walk)?;
        let read = matches!(self.verb, Verb::Read);
        match binding.node.about() {
            About::Itself(device) => rights.require_on(self.role_action, &device.scope_tags)?,
            About::Device(id) if self.changes() => {
                let device = view.device(self.tenant(), id)?.ok_or(DeviceRefusal::NotFound)?;
                rights.require_on(self.role_action, &device.scope_tags)?;
            }
            // An entity that is about no device belongs to the whole tenant, and so must the right to change it.
            About::Tenant if self.changes() && rights.scope(self.role_action) != Some(Visibility::All) => {
                return Err(RightsRefusal::RoleLacks(self.role_action).into());
            }
            About::Tenant | About::Device(_)
                if read && !binding.node.is_seen(view, &rights.sight_by(self.role_action))? =>
            {
                return Err(self.walk.target().missing().into());
            }
            About::Tenant | About::Device(_) => {}
        }
        Ok(binding)
    }

    /// Follows a walk that a body names to a device that the caller may tie something to.
    pub(crate) fn follow_to_device(&self, view: &dyn View, rights: &Rights, walk: &Walk) -> Result<DeviceId, Fault> {
        let binding = self.follow_to(view, rights, walk)?;
        let device = binding.device().ok_or(DeviceRefusal::NotFound)?;
        rights.require_on(self.role_action, &device.scope_tags)?;
        Ok(device.id)
    }

    /// Returns true if the entity at the end changes; links are facts about devices, and checked at both ends.
    fn changes(&self) -> bool {
        match self.verb {
            Verb::Create | Verb::Update | Verb::Delete | Verb::Operate => true,
            Verb::Read | Verb::List | Verb::Count | Verb::Act | Verb::Link | Verb::Unlink => false,
        }
    }

    /// The properties that a query selects.
    pub(crate) fn selection(&self, query: &Query) -> Result<Selection, GraphError> {
        if let End::Property(path) = &self.walk.end {
            return Ok(Selection::Only(vec![Named::whole(path.property.name)]));
        }
        let entity = self.walk.target();
        if matches!(self.verb, Verb::List | Verb::Count)
            && let Some(kind) = (self.kinds)(entity)
        {
            (kind.check)(query, entity, &self.walk)?;
        }
        Ok(query.selection(entity, self.walk.version)?)
    }
}
