//! The read half of the store.

use jiff::Timestamp;

use super::{
    ChainLink, ChainedEvent, DeviceScope, EventLinks, NamedEvent, ResourceScope, RowLook, RowPlace, Statistics,
    StoreError, StoredCheckpoint, StoredEvent, StrayEvents,
};
use crate::action::{ActionRecord, ActionState};
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

/// The reads of a unit of work or of a snapshot.
pub trait View {
    /// Returns the tenant of that id.
    fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, StoreError>;
    /// Returns every tenant, in the order they were made.
    fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// Returns an application of that tenant.
    fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Option<Application>, StoreError>;
    /// Returns the applications of that tenant, in the order they were made.
    fn applications(&self, tenant: TenantId) -> Result<Vec<Application>, StoreError>;

    /// Returns the sign-in whose handle has that SHA-256. Ended ones are included until they are deleted.
    fn sign_in(&self, tenant: TenantId, handle_sha256: &[u8; 32]) -> Result<Option<SignIn>, StoreError>;
    /// Returns the sign-in of that user code in any tenant: the page where people type it knows no tenant.
    fn sign_in_by_code(&self, user_code: &str) -> Result<Option<SignIn>, StoreError>;
    /// Returns every sign-in of that tenant, oldest first. Ended ones are included until they are deleted.
    fn sign_ins(&self, tenant: TenantId) -> Result<Vec<SignIn>, StoreError>;

    /// Returns a device of that tenant, including retired ones.
    fn device(&self, tenant: TenantId, id: DeviceId) -> Result<Option<ManagedDevice>, StoreError>;
    /// Returns the devices of that tenant with these ids, retired ones included, in no order; absent ones are left out.
    fn devices_of(&self, tenant: TenantId, ids: &[DeviceId]) -> Result<Vec<ManagedDevice>, StoreError>;
    /// Returns a page of the visible devices of that tenant.
    fn devices(
        &self,
        tenant: TenantId,
        scope: DeviceScope,
        visible: &Visibility,
        listing: &Listing<DeviceField>,
    ) -> Result<Paged<ManagedDevice>, StoreError>;
    /// Counts the visible devices of that tenant that are in the scope and match.
    fn count_devices(
        &self,
        tenant: TenantId,
        scope: DeviceScope,
        visible: &Visibility,
        filter: &Filter<DeviceField>,
    ) -> Result<u64, StoreError>;

    /// Returns a resource of that tenant and kind.
    fn resource(&self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<Option<Resource>, StoreError>;
    /// Returns the resources of that tenant and kind with these ids, in no order; absent ones are left out.
    fn resources_of(
        &self,
        tenant: TenantId,
        kind: ResourceKind,
        ids: &[ResourceId],
    ) -> Result<Vec<Resource>, StoreError>;
    /// Returns the resource of that kind with that alternate key (lower-cased by the caller).
    fn resource_by_key(&self, tenant: TenantId, kind: ResourceKind, key: &str) -> Result<Option<Resource>, StoreError>;
    /// Returns a page of resources of that tenant. An entity about a device is as visible as the device.
    fn resources(
        &self,
        tenant: TenantId,
        scope: ResourceScope,
        visible: &Visibility,
        listing: &Listing<ResourceField>,
    ) -> Result<Paged<Resource>, StoreError>;
    /// Counts the visible resources of that tenant that are in the scope and match.
    fn count_resources(
        &self,
        tenant: TenantId,
        scope: ResourceScope,
        visible: &Visibility,
        filter: &Filter<ResourceField>,
    ) -> Result<u64, StoreError>;
    /// Returns the scope tags that devices of that tenant have.
    fn scope_tags_of_devices(&self, tenant: TenantId) -> Result<ScopeTags, StoreError>;
    /// Returns true if the device is linked to the user or app; the primary user counts as linked.
    fn is_linked(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<bool, StoreError>;

    /// Returns the enrolment of that id, including closed ones.
    fn enrollment(&self, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError>;
    /// Returns the open enrolment of that device.
    fn open_enrollment(&self, tenant: TenantId, device: DeviceId) -> Result<Option<Enrollment>, StoreError>;
    /// Returns the enrolment whose device certificate has that SHA-256, including closed ones.
    fn enrollment_by_certificate(&self, sha256: &[u8; 32]) -> Result<Option<Enrollment>, StoreError>;
    /// Returns the open enrolments of all tenants whose devices report that id: cloned devices can share one.
    fn enrollments_by_reported_id(&self, reported_id: &str) -> Result<Vec<Enrollment>, StoreError>;
    /// Returns the Linux devices of that tenant with an open enrolment that need not show their certificate, oldest
    /// enrolment first, at most `limit`.
    fn devices_without_certificate(&self, tenant: TenantId, limit: usize) -> Result<Vec<ManagedDevice>, StoreError>;
    /// Returns the device of that tenant whose newest enrolment, open or closed, has that reported id.
    fn device_by_reported_id(&self, tenant: TenantId, reported_id: &str) -> Result<Option<ManagedDevice>, StoreError>;
    /// Returns the enrolment token with that SHA-256.
    fn enrollment_token(&self, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError>;
    /// Returns the management session state of an enrolment: bytes of the `mdm` crate.
    fn session(&self, enrollment: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns an action of that tenant.
    fn action(&self, tenant: TenantId, id: ActionId) -> Result<Option<ActionRecord>, StoreError>;
    /// Returns the results of a device that count now, newest first. These are the newest action of each name and the
    /// newest done action of each lock, however many came later. The newest result with an uncertain value is included,
    /// unless a newer one opens the screen for certain.
    fn current_results(&self, tenant: TenantId, device: DeviceId) -> Result<Vec<ActionRecord>, StoreError>;
    /// Returns the newest action of a device that asks for that lock.
    fn newest_action_for(
        &self,
        tenant: TenantId,
        device: DeviceId,
        lock: Lock,
    ) -> Result<Option<ActionRecord>, StoreError>;
    /// Returns the actions of a device, newest first, at most `limit`: for lists. The methods above give the state of a
    /// device; never derive it from this list.
    fn actions(&self, tenant: TenantId, device: DeviceId, limit: usize) -> Result<Vec<ActionRecord>, StoreError>;
    /// Returns the open action of that device with that name.
    fn open_action(&self, tenant: TenantId, device: DeviceId, name: &str) -> Result<Option<ActionRecord>, StoreError>;
    /// Returns the action that last answered this caller's request of that id on that device, and the time.
    fn action_of_request(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
        client_request_id: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError>;
    /// Returns the open actions, of all tenants, accepted before that time; oldest first, without the first `skip`, at
    /// most `limit`. Each comes with its mark: the running time when it was first found to be over.
    fn open_actions_before(
        &self,
        before: Timestamp,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(ActionRecord, Option<u64>)>, StoreError>;

    /// Returns the delivery of that sequence number.
    fn delivery(&self, seq: i64) -> Result<Option<Delivery>, StoreError>;
    /// Returns the queued delivery of that enrolment that is sent first. Those of [`crate::command::Purpose::Finish`]
    /// come before all others, so that an old candidate is settled before a new one is prepared. Then the sequence
    /// number decides.
    fn next_delivery(&self, enrollment: EnrollmentId) -> Result<Option<Delivery>, StoreError>;
    /// Returns the deliveries of that enrolment in phase `Queued`, in the order of sending.
    fn deliveries_queued(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError>;
    /// Returns the deliveries of that enrolment in phase `Sent`, oldest first.
    fn deliveries_in_flight(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError>;
    /// Returns true if a delivery of that enrolment is in phase `Queued` or `Sent`. A backend may answer that with one
    /// question.
    fn has_open_delivery(&self, enrollment: EnrollmentId) -> Result<bool, StoreError> {
        Ok(self.next_delivery(enrollment)?.is_some() || !self.deliveries_in_flight(enrollment)?.is_empty())
    }
    /// Returns the newest delivery of that enrolment, in any phase, whose [`Receipt`](crate::command::Receipt) has that
    /// message and a first command at or before `place`.
    fn delivery_with_receipt(
        &self,
        enrollment: EnrollmentId,
        message: &str,
        place: u32,
    ) -> Result<Option<Delivery>, StoreError>;
    /// Returns the deliveries of an action, oldest first.
    fn deliveries(&self, action: ActionId) -> Result<Vec<Delivery>, StoreError>;

    /// Returns every secret of an action, oldest first, including shredded ones.
    fn secrets(&self, tenant: TenantId, action: ActionId) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// Returns every secret of these actions, oldest first, including shredded ones.
    fn secrets_of(&self, tenant: TenantId, actions: &[ActionId]) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// Returns the newest result of that kind that nothing has replaced: what the device has.
    fn unreplaced_result(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: SecretKind,
    ) -> Result<Option<EscrowedSecret>, StoreError>;
    /// Returns the secrets of that kind of a device whose envelopes are kept beyond that time, oldest first, each with
    /// the state of its action. The cost does not grow with those whose retention ends earlier.
    fn secrets_to_retire(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: SecretKind,
        beyond: Timestamp,
    ) -> Result<Vec<(EscrowedSecret, ActionState)>, StoreError>;
    /// Returns the action of this caller's newest accepted request without an id for that device, and the time.
    fn last_accepted(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError>;

    /// Returns the role assignments of a tenant, oldest first.
    fn role_assignments(&self, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError>;
    /// Returns the role assignments of any of these principals, oldest first.
    fn role_assignments_of(
        &self,
        tenant: TenantId,
        principals: &[Principal],
    ) -> Result<Vec<RoleAssignment>, StoreError>;

    /// Returns the time since which tokens of these principals count: the latest of their times and that of
    /// [`of_everyone`](crate::revocation::of_everyone). `None` if none were ever revoked.
    fn tokens_valid_from(&self, tenant: TenantId, principals: &[Principal]) -> Result<Option<Timestamp>, StoreError>;
    /// Returns the latest of these times over all principals of that kind.
    fn last_valid_from(&self, tenant: TenantId, kind: PrincipalKind) -> Result<Option<Timestamp>, StoreError>;

    /// Returns the hold of that id.
    fn hold(&self, tenant: TenantId, id: HoldId) -> Result<Option<Hold>, StoreError>;
    /// Returns the newest hold of that kind for that party, or for the whole tenant.
    fn newest_hold(&self, tenant: TenantId, kind: HoldKind, party: Option<&str>) -> Result<Option<Hold>, StoreError>;
    /// Returns every unreleased hold of a tenant, newest first.
    fn standing_holds(&self, tenant: TenantId) -> Result<Vec<Hold>, StoreError>;
    /// Returns holds of a tenant, newest first, at most `limit`: for lists.
    fn holds(&self, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError>;
    /// Returns the alerts that wait to be delivered, oldest first: the newest `limit` of each tenant.
    fn alerts(&self, limit: usize) -> Result<Vec<Alert>, StoreError>;
    /// Counts the recoveries of a tenant after the first time and up to the second, at most `limit`. No two units of
    /// work that count one more may both miss the other's.
    fn recoveries_between(
        &self,
        tenant: TenantId,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError>;
    /// Counts the passcodes that a party, or without one the tenant, read after the first time and up to the second, at
    /// most `limit`. No two units of work that count one more may both miss the other's.
    fn readings_between(
        &self,
        tenant: TenantId,
        party: Option<&str>,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Readings, StoreError>;
    /// Returns true if that party was counted for reading that passcode after the first time and up to the second.
    fn has_read(
        &self,
        tenant: TenantId,
        action: ActionId,
        secret: SecretId,
        party: &str,
        after: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Returns true if that party has ever read a passcode of the tenant.
    fn has_ever_read(&self, tenant: TenantId, party: &str) -> Result<bool, StoreError>;
    /// Returns true if a tenant has at least so many managed devices. The store reads no more of them.
    fn has_managed_devices(&self, tenant: TenantId, at_least: u64) -> Result<bool, StoreError>;

    /// Returns the secrets of all tenants that still have an envelope, are over and ripe; at most `limit`.
    fn secrets_ripe(&self, ripeness: &Ripeness, limit: usize) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// Returns true if a secret or a sign-in of any tenant needs to be marked, unmarked or removed.
    fn has_marks_to_set(&self, ripeness: &Ripeness) -> Result<bool, StoreError>;
    /// Returns the running time of the servers of this store.
    fn running(&self) -> Result<Running, StoreError>;

    /// Returns every key that was ever known, in the order in which they became known.
    fn known_keys(&self) -> Result<Vec<KnownKey>, StoreError>;
    /// Returns the current key of that name.
    fn known_key(&self, name: &KeyName) -> Result<Option<KnownKey>, StoreError>;
    /// Returns the current keys of these names, in no order; absent ones are left out.
    fn current_keys(&self, names: &[KeyName]) -> Result<Vec<KnownKey>, StoreError>;

    /// Returns a page of the remote actions on visible devices of that tenant.
    fn remote_actions(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        listing: &Listing<ActionField>,
    ) -> Result<Paged<ActionRecord>, StoreError>;
    /// Counts the remote actions on visible devices that match.
    fn count_remote_actions(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        filter: &Filter<ActionField>,
    ) -> Result<u64, StoreError>;
    /// Returns the audit event of that tenant with that id.
    fn audit_event(&self, tenant: TenantId, id: EventId) -> Result<Option<NamedEvent>, StoreError>;
    /// Returns a page of audit events of that tenant. Unless every device is visible, only those about visible ones.
    fn audit_events(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        listing: &Listing<AuditField>,
    ) -> Result<Paged<NamedEvent>, StoreError>;
    /// Counts the visible audit events of that tenant that match.
    fn count_audit_events(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        filter: &Filter<AuditField>,
    ) -> Result<u64, StoreError>;
    /// Returns audit events that wait for a link, in order of `seq`. Each does from the moment it is committed until it
    /// is linked, whatever was linked before it.
    fn unchained_events(&self, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;
    /// Returns the newest link of every chain.
    fn chain_heads(&self) -> Result<Vec<ChainLink>, StoreError>;
    /// Returns the newest link of a tenant's chain.
    fn chain_head(&self, tenant: TenantId) -> Result<Option<ChainLink>, StoreError>;
    /// Returns chained events of a tenant after that position (0 for all), in order.
    fn chained_events(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<ChainedEvent>, StoreError>;
    /// Returns the checkpoints of a tenant, in order.
    fn checkpoints(&self, tenant: TenantId) -> Result<Vec<StoredCheckpoint>, StoreError>;
    /// Looks at `limit` events of all tenants after that `seq`, and returns those that neither have a link nor wait for
    /// one. Such an event was not written by this program, or its link was removed.
    fn stray_events(&self, after: i64, limit: usize) -> Result<StrayEvents, StoreError>;
    /// Returns the links of these events in no particular order, each with the hash of the link before it in its chain.
    /// Also returns those that wait for a link.
    fn links_of(&self, seqs: &[i64]) -> Result<EventLinks, StoreError>;
    /// Returns the checkpoints of a tenant whose positions lie between those two, in order.
    fn checkpoints_between(&self, tenant: TenantId, first: u64, last: u64)
    -> Result<Vec<StoredCheckpoint>, StoreError>;
    /// Returns the newest checkpoint of each tenant that has one.
    fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, StoreError>;
    /// Returns the rows that grant rights and were not written by this program, among about `limit` from that place on.
    /// Decisions do not see such rows. Where the absence of a row would grant a right, reading one is a fault.
    fn unsound_rows(&self, from: RowPlace, limit: usize) -> Result<RowLook, StoreError>;

    /// Returns counts for metrics.
    fn statistics(&self) -> Result<Statistics, StoreError>;
}
