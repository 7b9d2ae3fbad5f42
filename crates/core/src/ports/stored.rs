//! What lists are asked for and rows come back as, where the domain has no word of its own for it.

use crate::id::{DeviceId, EventId, ResourceId, TenantId};
use crate::resource::ResourceKind;

/// Which devices a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceScope {
    /// All of the tenant.
    All,
    /// Those also managed by another agent.
    Comanaged,
    /// Those whose user this is: the primary user or a linked one.
    OfUser(ResourceId),
    /// Those on which this app was detected.
    WithApp(ResourceId),
}

/// Which resources a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceScope {
    /// All of that kind.
    All(ResourceKind),
    /// Run states of that kind that belong to that script.
    OwnedBy(ResourceKind, ResourceId),
    /// Those of that kind linked to that device (users: the primary user included).
    OfDevice(ResourceKind, DeviceId),
}

impl ResourceScope {
    /// The kind of the items.
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
    /// How many of its rows come before.
    pub offset: usize,
}

/// A row that grants something and does not verify.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnsoundRow {
    /// Its tenant, as far as that can be told.
    pub tenant: Option<TenantId>,
    /// Its table.
    pub table: &'static str,
    /// Its name for people. `None` when rows of the tenant were removed, or put back from an older copy.
    pub row: Option<String>,
}

/// How often the rows of a tenant in a table have changed. It never becomes less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    /// The tenant.
    pub tenant: TenantId,
    /// The table.
    pub table: &'static str,
    /// The count.
    pub version: u64,
}

/// The result of one look at authenticated rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLook {
    /// The rows that do not verify.
    pub unsound: Vec<UnsoundRow>,
    /// The sets that were looked at.
    pub sets: Vec<RowSet>,
    /// The place where the next look begins: the first, once every row was looked at.
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
    /// Audit events that are not chained yet.
    pub unchained_events: u64,
    /// Holds of all tenants that stand.
    pub active_holds: u64,
}

/// An audit event as stored: the text is what is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Assigned by the store, growing over all tenants.
    pub seq: i64,
    /// The chain it belongs to.
    pub tenant: TenantId,
    /// The JSON text of an [`AuditEvent`](crate::audit::AuditEvent).
    pub body: String,
}

/// An audit event with the name by which its tenant knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEvent {
    /// Always the same for the same event. Assigned by the store, and known to no other tenant.
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

/// Links of some events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLinks {
    /// Each link, with the hash of the link before it: `None` where the store lacks that link or its event.
    pub links: Vec<(ChainLink, Option<[u8; 32]>)>,
    /// [`StoredEvent::seq`] of the newest event of any tenant that has a link.
    pub linked_through: i64,
}

/// An event together with its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedEvent {
    /// The event.
    pub event: StoredEvent,
    /// Its link.
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
