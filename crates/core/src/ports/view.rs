//! What can be read.

use jiff::Timestamp;

use super::{
    ChainLink, ChainedEvent, DeviceScope, EventLinks, NamedEvent, ResourceScope, RowLook, RowPlace, Statistics,
    StoreError, StoredCheckpoint, StoredEvent,
};
use crate::action::ActionRecord;
use crate::alert::Alert;
use crate::application::Application;
use crate::command::Delivery;
use crate::device::ManagedDevice;
use crate::enrollment::{Enrollment, EnrollmentToken};
use crate::escrow::{EscrowedSecret, SecretKind};
use crate::hold::{Hold, HoldKind};
use crate::id::{ActionId, ApplicationId, DeviceId, EnrollmentId, EventId, HoldId, ResourceId, SecretId, TenantId};
use crate::keys::{KeyName, KnownKey};
use crate::lock::Lock;
use crate::principal::{Principal, PrincipalKind, RoleAssignment};
use crate::query::{ActionField, AuditField, DeviceField, Filter, Listing, Paged, ResourceField};
use crate::reading::Readings;
use crate::resource::{Resource, ResourceKind};
use crate::scope_tag::{ScopeTags, Visibility};
use crate::sign_in::SignIn;
use crate::steady::{Ripeness, Running};
use crate::tenant::Tenant;

/// What can be read.
pub trait View {
    /// The tenant of that id.
    fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, StoreError>;
    /// Every tenant, in the order they were made.
    fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// An application of that tenant.
    fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Option<Application>, StoreError>;
    /// The applications of that tenant, in the order they were made.
    fn applications(&self, tenant: TenantId) -> Result<Vec<Application>, StoreError>;

    /// The sign-in whose handle has that SHA-256, ended ones included until they are deleted.
    fn sign_in(&self, tenant: TenantId, handle_sha256: &[u8; 32]) -> Result<Option<SignIn>, StoreError>;
    /// The sign-in of that user code, whatever its tenant: the page where people type it knows none.
    fn sign_in_by_code(&self, user_code: &str) -> Result<Option<SignIn>, StoreError>;
    /// Every sign-in of that tenant, oldest first, ended ones included until they are deleted.
    fn sign_ins(&self, tenant: TenantId) -> Result<Vec<SignIn>, StoreError>;

    /// A device of that tenant, retired ones included.
    fn device(&self, tenant: TenantId, id: DeviceId) -> Result<Option<ManagedDevice>, StoreError>;
    /// A page of devices of that tenant, as far as they are visible.
    fn devices(
        &self,
        tenant: TenantId,
        scope: DeviceScope,
        visible: &Visibility,
        listing: &Listing<DeviceField>,
    ) -> Result<Paged<ManagedDevice>, StoreError>;
    /// How many devices of that tenant are in the scope, visible, and match.
    fn count_devices(
        &self,
        tenant: TenantId,
        scope: DeviceScope,
        visible: &Visibility,
        filter: &Filter<DeviceField>,
    ) -> Result<u64, StoreError>;

    /// A resource of that tenant and kind.
    fn resource(&self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<Option<Resource>, StoreError>;
    /// The resource of that kind with that alternate key (lower-cased by the caller).
    fn resource_by_key(&self, tenant: TenantId, kind: ResourceKind, key: &str) -> Result<Option<Resource>, StoreError>;
    /// A page of resources of that tenant; what is about a device is as visible as the device.
    fn resources(
        &self,
        tenant: TenantId,
        scope: ResourceScope,
        visible: &Visibility,
        listing: &Listing<ResourceField>,
    ) -> Result<Paged<Resource>, StoreError>;
    /// How many resources of that tenant are in the scope, visible, and match.
    fn count_resources(
        &self,
        tenant: TenantId,
        scope: ResourceScope,
        visible: &Visibility,
        filter: &Filter<ResourceField>,
    ) -> Result<u64, StoreError>;
    /// The scope tags that devices of that tenant have.
    fn scope_tags_of_devices(&self, tenant: TenantId) -> Result<ScopeTags, StoreError>;
    /// Whether device and user or app are linked; the primary user counts.
    fn is_linked(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<bool, StoreError>;

    /// The enrolment of that id, closed ones included.
    fn enrollment(&self, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError>;
    /// The open enrolment of that device.
    fn open_enrollment(&self, tenant: TenantId, device: DeviceId) -> Result<Option<Enrollment>, StoreError>;
    /// The enrolment whose device certificate has that SHA-256, closed ones included.
    fn enrollment_by_certificate(&self, sha256: &[u8; 32]) -> Result<Option<Enrollment>, StoreError>;
    /// Open enrolments of all tenants whose devices call themselves by that id: cloned devices can share one.
    fn enrollments_by_reported_id(&self, reported_id: &str) -> Result<Vec<Enrollment>, StoreError>;
    /// The Linux devices of that tenant with an open enrolment that need not show their certificate, oldest enrolment
    /// first, at most `limit`.
    fn devices_without_certificate(&self, tenant: TenantId, limit: usize) -> Result<Vec<ManagedDevice>, StoreError>;
    /// The device of that tenant whose newest enrolment, open or closed, has that reported id.
    fn device_by_reported_id(&self, tenant: TenantId, reported_id: &str) -> Result<Option<ManagedDevice>, StoreError>;
    /// The enrolment token with that SHA-256.
    fn enrollment_token(&self, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError>;
    /// The management session state of an enrolment: bytes of the `mdm` crate.
    fn session(&self, enrollment: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError>;

    /// An action of that tenant.
    fn action(&self, tenant: TenantId, id: ActionId) -> Result<Option<ActionRecord>, StoreError>;
    /// Lists the results of a device that count now, newest first: of each action name the newest, and for each lock the
    /// newest that is done, however many came later. The newest whose value is not certain is among them, unless a newer
    /// one opens the screen for certain.
    fn current_results(&self, tenant: TenantId, device: DeviceId) -> Result<Vec<ActionRecord>, StoreError>;
    /// The newest action of a device that asks for that lock.
    fn newest_action_for(
        &self,
        tenant: TenantId,
        device: DeviceId,
        lock: Lock,
    ) -> Result<Option<ActionRecord>, StoreError>;
    /// The actions of a device, newest first, at most `limit`: for lists. The questions above tell the state of a device;
    /// never search for it here.
    fn actions(&self, tenant: TenantId, device: DeviceId, limit: usize) -> Result<Vec<ActionRecord>, StoreError>;
    /// The open action of that device with that name.
    fn open_action(&self, tenant: TenantId, device: DeviceId, name: &str) -> Result<Option<ActionRecord>, StoreError>;
    /// The action that this caller was last given on that device for that id of a request, and when.
    fn action_of_request(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
        client_request_id: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError>;
    /// Open actions, of all tenants, accepted before that moment; oldest first, without the first `skip`, at most `limit`.
    fn open_actions_before(
        &self,
        before: Timestamp,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ActionRecord>, StoreError>;

    /// The delivery of that sequence number.
    fn delivery(&self, seq: i64) -> Result<Option<Delivery>, StoreError>;
    /// The queued delivery of that enrolment that leaves first: of [`crate::command::Purpose::Finish`] before all
    /// others, so that an old candidate is settled before a new one is prepared; then by sequence number.
    fn next_delivery(&self, enrollment: EnrollmentId) -> Result<Option<Delivery>, StoreError>;
    /// Deliveries of that enrolment in phase `Queued`, in the order in which they leave.
    fn deliveries_queued(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError>;
    /// Deliveries of that enrolment in phase `Sent`, oldest first.
    fn deliveries_in_flight(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError>;
    /// The newest delivery of that enrolment, whatever its phase, whose [`Receipt`](crate::command::Receipt) has that message
    /// and a first command at `place` or before it.
    fn delivery_with_receipt(
        &self,
        enrollment: EnrollmentId,
        message: &str,
        place: u32,
    ) -> Result<Option<Delivery>, StoreError>;
    /// The deliveries of an action, oldest first.
    fn deliveries(&self, action: ActionId) -> Result<Vec<Delivery>, StoreError>;

    /// The secrets of the done actions of a device of which the envelope is still kept, oldest first.
    fn secrets_of_results(&self, tenant: TenantId, device: DeviceId) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// Every secret of an action, oldest first, shredded ones included.
    fn secrets(&self, tenant: TenantId, action: ActionId) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// Secrets of that kind of a device whose envelopes are still there, oldest first, whatever became of their actions.
    fn secrets_kept(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: SecretKind,
    ) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// The action of the newest request without an id of its own that this caller had accepted for that device, and when.
    fn last_accepted(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError>;

    /// The role assignments of a tenant, oldest first.
    fn role_assignments(&self, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError>;
    /// Those for any of these principals, oldest first.
    fn role_assignments_of(
        &self,
        tenant: TenantId,
        principals: &[Principal],
    ) -> Result<Vec<RoleAssignment>, StoreError>;

    /// Since when tokens of these principals count; of several moments the last, that of
    /// [`of_everyone`](crate::revocation::of_everyone) included. `None` when none were ever revoked.
    fn tokens_valid_from(&self, tenant: TenantId, principals: &[Principal]) -> Result<Option<Timestamp>, StoreError>;
    /// The last of these moments of all principals of that kind.
    fn last_valid_from(&self, tenant: TenantId, kind: PrincipalKind) -> Result<Option<Timestamp>, StoreError>;

    /// The hold of that id.
    fn hold(&self, tenant: TenantId, id: HoldId) -> Result<Option<Hold>, StoreError>;
    /// The newest hold of that kind for that party, or for the whole tenant.
    fn newest_hold(&self, tenant: TenantId, kind: HoldKind, party: Option<&str>) -> Result<Option<Hold>, StoreError>;
    /// Every hold of a tenant that is not released, newest first.
    fn standing_holds(&self, tenant: TenantId) -> Result<Vec<Hold>, StoreError>;
    /// Holds of a tenant, newest first, at most `limit`: for lists.
    fn holds(&self, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError>;
    /// Alerts that nobody has taken yet, oldest first: of each tenant the newest `limit`.
    fn alerts(&self, limit: usize) -> Result<Vec<Alert>, StoreError>;
    /// The number of recoveries of a tenant that were counted after the first moment and up to the second, at most `limit`. No two
    /// units of work that count one more may both miss the other's.
    fn recoveries_between(
        &self,
        tenant: TenantId,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError>;
    /// Counts the passcodes that a party, or without one the tenant, read after the first moment and up to the second, up to
    /// `limit`. No two units of work that count one more may both miss the other's.
    fn readings_between(
        &self,
        tenant: TenantId,
        party: Option<&str>,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Readings, StoreError>;
    /// Returns whether that party was counted for reading that passcode after the first moment and up to the second.
    fn has_read(
        &self,
        tenant: TenantId,
        action: ActionId,
        secret: SecretId,
        party: &str,
        after: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Returns whether that party has ever read a passcode of the tenant.
    fn has_ever_read(&self, tenant: TenantId, party: &str) -> Result<bool, StoreError>;
    /// Whether a tenant has so many managed devices. No more of them are looked at.
    fn has_managed_devices(&self, tenant: TenantId, at_least: u64) -> Result<bool, StoreError>;

    /// Secrets of all tenants that still have an envelope, are over and ripe; at most `limit`.
    fn secrets_ripe(&self, ripeness: &Ripeness, limit: usize) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// Returns true if a secret or a sign-in of any tenant is to be marked, unmarked or removed.
    fn has_marks_to_set(&self, ripeness: &Ripeness) -> Result<bool, StoreError>;
    /// The mark of an open action: the running time when it was first found to be over.
    fn action_mark(&self, action: ActionId) -> Result<Option<u64>, StoreError>;
    /// The running time of the servers of this store.
    fn running(&self) -> Result<Running, StoreError>;

    /// Every key that was ever known, in the order in which they became known.
    fn known_keys(&self) -> Result<Vec<KnownKey>, StoreError>;
    /// The key that is known by that name now.
    fn known_key(&self, name: &KeyName) -> Result<Option<KnownKey>, StoreError>;

    /// A page of the remote actions on visible devices of that tenant.
    fn remote_actions(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        listing: &Listing<ActionField>,
    ) -> Result<Paged<ActionRecord>, StoreError>;
    /// How many of them match.
    fn count_remote_actions(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        filter: &Filter<ActionField>,
    ) -> Result<u64, StoreError>;
    /// The audit event of that tenant with that id.
    fn audit_event(&self, tenant: TenantId, id: EventId) -> Result<Option<NamedEvent>, StoreError>;
    /// A page of audit events of that tenant. Unless every device is visible, only those about visible ones.
    fn audit_events(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        listing: &Listing<AuditField>,
    ) -> Result<Paged<NamedEvent>, StoreError>;
    /// How many audit events of that tenant are visible, and match.
    fn count_audit_events(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        filter: &Filter<AuditField>,
    ) -> Result<u64, StoreError>;
    /// Audit events without a link, in order of `seq`.
    fn unchained_events(&self, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;
    /// The newest link of a tenant's chain.
    fn chain_head(&self, tenant: TenantId) -> Result<Option<ChainLink>, StoreError>;
    /// Chained events of a tenant after that position (0 for all), in order.
    fn chained_events(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<ChainedEvent>, StoreError>;
    /// The checkpoints of a tenant, in order.
    fn checkpoints(&self, tenant: TenantId) -> Result<Vec<StoredCheckpoint>, StoreError>;
    /// Events of all tenants with their links, in order of `seq`, after that one and no further than the last link. One
    /// without a link was not written by this program, or its link was removed.
    fn linked_events(&self, after: i64, limit: usize) -> Result<Vec<(StoredEvent, Option<ChainLink>)>, StoreError>;
    /// The links of these events, each with the hash of the link before it in its chain, in no order; and the `seq` up to
    /// which every event has a link.
    fn links_of(&self, seqs: &[i64]) -> Result<EventLinks, StoreError>;
    /// The checkpoints of a tenant whose positions lie between those two, in order.
    fn checkpoints_between(&self, tenant: TenantId, first: u64, last: u64)
    -> Result<Vec<StoredCheckpoint>, StoreError>;
    /// The newest checkpoint of each tenant that has one.
    fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, StoreError>;
    /// Rows that grant something and were not written by this program, among about `limit` from that place on. Wherever
    /// else they are read to decide by, such rows are absent; where absence would grant something, that is a fault.
    fn unsound_rows(&self, from: RowPlace, limit: usize) -> Result<RowLook, StoreError>;

    /// Counts for metrics.
    fn statistics(&self) -> Result<Statistics, StoreError>;
}
