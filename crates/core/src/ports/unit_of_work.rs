//! The write half of the store.

use jiff::Timestamp;

use super::{ChainLink, StoreError, StoredCheckpoint, View};
use crate::action::ActionRecord;
use crate::alert::Alert;
use crate::application::Application;
use crate::audit::AuditEvent;
use crate::command::Delivery;
use crate::device::ManagedDevice;
use crate::enrollment::{Enrollment, EnrollmentToken};
use crate::escrow::EscrowedSecret;
use crate::hold::Hold;
use crate::id::{ActionId, ApplicationId, AssignmentId, DeviceId, EnrollmentId, ResourceId, TenantId};
use crate::keys::{KeyName, KnownKey};
use crate::principal::{Principal, RoleAssignment};
use crate::reading::Reading;
use crate::resource::{Resource, ResourceKind};
use crate::sign_in::SignIn;
use crate::steady::{Ripeness, Running};
use crate::tenant::Tenant;

/// The writes of a unit of work. Reads see the writes of the same unit of work.
pub trait UnitOfWork: View {
    /// Returns the time by the store's own clock. It stays the same within one run of a unit of work; a unit of work
    /// that is run again sees a later time.
    fn now(&self) -> Result<Timestamp, StoreError>;

    /// Adds a tenant.
    fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError>;
    /// Replaces the row of that tenant.
    fn update_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError>;

    /// Adds an application.
    fn insert_application(&mut self, application: &Application) -> Result<(), StoreError>;
    /// Replaces the row of that application.
    fn update_application(&mut self, application: &Application) -> Result<(), StoreError>;
    /// Removes an application; absent is fine.
    fn delete_application(&mut self, tenant: TenantId, id: ApplicationId) -> Result<(), StoreError>;

    /// Adds a sign-in. A handle or user code that exists already is [`StoreError::Duplicate`].
    fn insert_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError>;
    /// Replaces standing, user, refresh tokens and times of that sign-in.
    fn update_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError>;
    /// Removes the sign-ins, of all tenants, that expired an hour or more before that time, except those of signed-in
    /// people.
    fn delete_sign_ins(&mut self, now: Timestamp) -> Result<(), StoreError>;
    /// Removes every sign-in, of all tenants, that expired an hour or more ago and is ripe.
    fn delete_ripe_sign_ins(&mut self, ripeness: &Ripeness) -> Result<(), StoreError>;

    /// Adds a device.
    fn insert_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError>;
    /// Replaces the row of that device.
    fn update_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError>;

    /// Moves the time of the last session of a device on to that time, unless it is later already; an absent device is
    /// fine.
    fn move_last_sync(&mut self, tenant: TenantId, device: DeviceId, at: Timestamp) -> Result<(), StoreError>;

    /// Adds a resource. A duplicate id, or alternate key within its kind, is [`StoreError::Duplicate`].
    fn insert_resource(&mut self, resource: &Resource) -> Result<(), StoreError>;
    /// Replaces the row of that resource.
    fn update_resource(&mut self, resource: &Resource) -> Result<(), StoreError>;
    /// Removes a resource, its links and, for a script, its run states; absent is fine.
    fn delete_resource(&mut self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<(), StoreError>;
    /// Links a user or app to a device; a repeated link is fine.
    fn link(
        &mut self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<(), StoreError>;
    /// Removes a link; absent is fine.
    fn unlink(
        &mut self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<(), StoreError>;

    /// Adds an enrolment.
    fn insert_enrollment(&mut self, enrollment: &Enrollment) -> Result<(), StoreError>;
    /// Closes an enrolment and forgets its session.
    fn close_enrollment(&mut self, id: EnrollmentId, at: Timestamp) -> Result<(), StoreError>;
    /// Requires the device of that open enrolment to show its certificate from now on.
    fn require_certificate(&mut self, id: EnrollmentId) -> Result<(), StoreError>;
    /// Adds an enrolment token.
    fn insert_enrollment_token(&mut self, token: &EnrollmentToken) -> Result<(), StoreError>;
    /// Marks an enrolment token used.
    fn use_enrollment_token(
        &mut self,
        sha256: &[u8; 32],
        at: Timestamp,
        enrollment: EnrollmentId,
    ) -> Result<(), StoreError>;
    /// Expires every unused enrolment token of the tenant at that time; returns their number.
    fn void_enrollment_tokens(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError>;
    /// Replaces the session state of an enrolment.
    fn put_session(&mut self, enrollment: EnrollmentId, state: &[u8]) -> Result<(), StoreError>;

    /// Adds an action.
    fn insert_action(&mut self, action: &ActionRecord) -> Result<(), StoreError>;
    /// Replaces the row of that action.
    fn update_action(&mut self, action: &ActionRecord) -> Result<(), StoreError>;
    /// Remembers the action that answered this caller's request of that id, in place of an earlier one.
    fn record_request(
        &mut self,
        action: &ActionRecord,
        caller_key: &str,
        client_request_id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Remembers the action that answered this caller's request without an id.
    fn record_acceptance(&mut self, action: &ActionRecord, caller_key: &str, at: Timestamp) -> Result<(), StoreError>;
    /// Counts a requested recovery, at the time it was opened.
    fn count_recovery(&mut self, action: &ActionRecord) -> Result<(), StoreError>;

    /// Counts the reading of a passcode.
    fn record_reading(&mut self, reading: &Reading) -> Result<(), StoreError>;

    /// Adds a role assignment.
    fn insert_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError>;
    /// Replaces name and description of that role assignment.
    fn update_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError>;
    /// Removes a role assignment; returns true if it existed.
    fn delete_role_assignment(&mut self, tenant: TenantId, id: AssignmentId) -> Result<bool, StoreError>;
    /// Sets the time, in whole seconds, since which tokens of that principal count.
    fn set_tokens_valid_from(
        &mut self,
        tenant: TenantId,
        principal: &Principal,
        moment: Timestamp,
    ) -> Result<(), StoreError>;
    /// Adds a hold. A second unreleased one of its kind and party is [`StoreError::Duplicate`].
    fn insert_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;
    /// Replaces the release of that hold.
    fn update_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;
    /// Adds an alert. One with the id of an alert that still waits is [`StoreError::Duplicate`].
    fn insert_alert(&mut self, alert: &Alert) -> Result<(), StoreError>;
    /// Returns true if this unit of work has added an alert.
    fn has_raised_alert(&self) -> bool;
    /// Removes an alert that was delivered or given up; absent is fine.
    fn delete_alert(&mut self, alert: &Alert) -> Result<(), StoreError>;

    /// Adds a delivery and returns its sequence number.
    fn insert_delivery(&mut self, delivery: &Delivery) -> Result<i64, StoreError>;
    /// Replaces commands, phase and statuses of the delivery with that `seq`.
    fn update_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError>;

    /// Adds a secret.
    fn insert_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError>;
    /// Replaces standing, envelope, expiry and disclosure of that secret.
    fn update_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError>;
    /// Ends every open disclosure window of the tenant at that time; returns their number. Secrets that stay until they
    /// are replaced have no window.
    fn close_disclosure_windows(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError>;
    /// Marks every ended action of the tenant as older than the restore at that time; returns their number.
    fn mark_before_restore(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError>;
    /// Marks every current secret of a device void.
    fn void_secrets(&mut self, tenant: TenantId, device: DeviceId) -> Result<(), StoreError>;

    /// Marks every secret and sign-in that is over, and unmarks every one that is not.
    fn set_marks(&mut self, ripeness: &Ripeness) -> Result<(), StoreError>;
    /// Replaces the mark of an action.
    fn set_action_mark(&mut self, action: ActionId, mark: Option<u64>) -> Result<(), StoreError>;
    /// Replaces the running time of the servers of this store.
    fn set_running(&mut self, running: &Running) -> Result<(), StoreError>;

    /// Makes that key the known one of its name. A different earlier one ends, and is kept as ended.
    fn put_known_key(&mut self, key: &KnownKey) -> Result<(), StoreError>;
    /// Ends the known key of that name; absent is fine.
    fn end_known_key(&mut self, name: &KeyName, at: Timestamp) -> Result<(), StoreError>;

    /// Records an event, which waits for its link from now on.
    fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError>;
    /// Adds links to chains; their events wait no longer.
    fn append_links(&mut self, links: &[ChainLink]) -> Result<(), StoreError>;
    /// Adds a checkpoint.
    fn insert_checkpoint(&mut self, checkpoint: &StoredCheckpoint) -> Result<(), StoreError>;
    /// Accepts every row that does not verify as it stands. With `remove`, removes those rows whose only effect is what
    /// they grant. From then on the existing rows are the expected ones. Returns the number of rows.
    fn settle_rows(&mut self, remove: bool) -> Result<u64, StoreError>;
}
