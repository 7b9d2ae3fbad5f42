//! The questions to lists and the rows that come back, where the domain has no type of its own for them.

use crate::id::{DeviceId, EventId, ResourceId, TenantId};
use crate::resource::ResourceKind;

/// The devices in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceScope {
    /// The set that they are taken from.
    pub set: DeviceSet,
    /// False if retired devices are left out.
    pub with_retired: bool,
}

/// A set of devices of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceSet {
    /// All devices of the tenant.
    All,
    /// Devices that another agent manages too.
    Comanaged,
    /// Devices of this user, primary or linked.
    OfUser(ResourceId),
    /// Devices on which this app was detected.
    WithApp(ResourceId),
}

impl DeviceScope {
    /// Returns every device of a set.
    pub const fn of(set: DeviceSet) -> Self {
        Self { set, with_retired: true }
    }

    /// Returns the devices of a set that are not retired.
    pub const fn managed(set: DeviceSet) -> Self {
        Self { set, with_retired: false }
    }

    /// Returns every device of the tenant.
    pub const fn all() -> Self {
        Self::of(DeviceSet::All)
    }
}

/// The resources in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceScope {
    /// All resources of that kind.
    All(ResourceKind),
    /// Run states of that kind that belong to that script.
    OwnedBy(ResourceKind, ResourceId),
    /// Resources of that kind linked to that device, including its primary user.
    OfDevice(ResourceKind, DeviceId),
}

impl ResourceScope {
    /// Returns the kind of the items.
    pub fn kind(self) -> ResourceKind {
        match self {
            Self::All(kind) | Self::OwnedBy(kind, _) | Self::OfDevice(kind, _) => kind,
        }
    }
}

/// The place from which rows are verified; the default is the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowPlace {
    /// The number of the table.
    pub table: usize,
    /// The number of its rows that come before.
    pub offset: usize,
}

/// A row that grants rights and does not verify.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnsoundRow {
    /// The tenant, as far as it can be told.
    pub tenant: Option<TenantId>,
    /// The table.
    pub table: &'static str,
    /// The name for people; `None` if rows of the tenant were removed, or put back from an older copy.
    pub row: Option<String>,
}

/// The number of changes to the rows of a tenant in a table. It never decreases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    /// The tenant.
    pub tenant: TenantId,
    /// The table.
    pub table: &'static str,
    /// The count.
    pub version: u64,
}

/// The result of verifying some authenticated rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLook {
    /// The rows that do not verify.
    pub unsound: Vec<UnsoundRow>,
    /// The sets that were verified.
    pub sets: Vec<RowSet>,
    /// The place where the next call begins: the first, once every row was verified.
    pub next: RowPlace,
}

/// Counts for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Managed devices of all tenants.
    pub devices: u64,
    /// Open actions of all tenants.
    pub open_actions: u64,
    /// Sealed values that are still kept.
    pub sealed_secrets: u64,
    /// Audit events that wait for a link.
    pub unchained_events: u64,
    /// Holds in force, of all tenants.
    pub active_holds: u64,
}

/// An audit event as stored. Its text is what is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The sequence number, which the store assigns over all tenants. An event can be committed after one with a
    /// greater number.
    pub seq: i64,
    /// The chain it belongs to.
    pub tenant: TenantId,
    /// The JSON text of an [`AuditEvent`](crate::audit::AuditEvent).
    pub body: String,
}

/// An audit event with the id that its tenant sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEvent {
    /// The id, always the same for the same event. The store assigns it, and no other tenant sees it.
    pub id: EventId,
    /// The event.
    pub event: StoredEvent,
}

/// The place of one event in its tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// [`StoredEvent::seq`].
    pub seq: i64,
    /// The tenant.
    pub tenant: TenantId,
    /// 1 for the first event of the tenant, without gaps.
    pub position: u64,
    /// The hash over the previous link's hash and this event.
    pub hash: [u8; 32],
}

/// The links of some events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLinks {
    /// The links, each with the hash of the link before it: `None` where the store lacks that link or its event.
    pub links: Vec<(ChainLink, Option<[u8; 32]>)>,
    /// [`StoredEvent::seq`] of those that wait for a link.
    pub waiting: Vec<i64>,
}

/// The events among some that neither have a link nor wait for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StrayEvents {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// The number of events that were looked at.
    pub looked_at: usize,
    /// [`StoredEvent::seq`] of the last of them.
    pub through: i64,
}

/// An event together with its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedEvent {
    /// The event.
    pub event: StoredEvent,
    /// The link.
    pub link: ChainLink,
}

/// A signed chain head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The tenant.
    pub tenant: TenantId,
    /// The position of the head it signs.
    pub position: u64,
    /// The JSON text of the checkpoint, of the `audit` crate.
    pub body: String,
}
