//! The only doors of the domain: the store, the escrow, the clock, randomness.
//!
//! # The store
//! A decision is a closure over a [`UnitOfWork`]: it reads, decides, writes, and returns. `Ok` keeps
//! everything it wrote, `Err` undoes everything. [`Store::submit`] resolves only after what was kept
//! is durable; backends are free to commit many units of work together.
//!
//! The methods are the verbs of the domain, not tables. Absence is `Option`; an `Err` is a fault of
//! the store. Every method that takes a [`TenantId`] must not see rows of another tenant.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::action::ActionRecord;
use crate::alert::Alert;
use crate::application::Application;
use crate::audit::AuditEvent;
use crate::command::Delivery;
use crate::device::ManagedDevice;
use crate::enrollment::{Enrollment, EnrollmentToken};
use crate::escrow::{EscrowedSecret, SecretContext};
use crate::hold::Hold;
use crate::id::{ActionId, ApplicationId, AssignmentId, DeviceId, EnrollmentId, ResourceId, TenantId};
use crate::query::{ActionField, AuditField, DeviceField, Filter, Listing, Paged, ResourceField};
use crate::refusal::Fault;
use crate::resource::{Resource, ResourceKind};
use crate::rights::{Principal, RoleAssignment};
use crate::scope_tag::Visibility;
use crate::secret::Passcode;
use crate::sign_in::SignIn;
use crate::tenant::Tenant;

/// A fault of the store. Texts are internal: they go to logs, never to callers.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Too much is waiting; try again in a moment. Nothing was done.
    #[error("the store's queue is full")]
    Busy,
    /// The medium failed, or the store is shutting down. Nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Too much would have to be read to answer a filter or an order. Trying again does not help.
    #[error("the list cannot be answered without reading too much")]
    TooCostly,
    /// A row of that key exists already.
    #[error("duplicate {0}")]
    Duplicate(&'static str),
    /// What is stored cannot be read back, or a unit of work panicked.
    #[error("the store is inconsistent: {0}")]
    Inconsistent(String),
}

/// A boxed future, as the ports return them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a unit of work ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Keep what it wrote.
    Keep,
    /// Undo what it wrote.
    Undo,
}

/// A unit of work as the backend sees it.
pub type WriteJob = Box<dyn FnOnce(&mut dyn UnitOfWork) -> Verdict + Send>;

/// A consistent reading as the backend sees it.
pub type ReadJob = Box<dyn FnOnce(&dyn View) + Send>;

/// A store backend.
pub trait Store: Send + Sync + 'static {
    /// Runs a unit of work. Resolves to `Ok` only when its verdict is carried out, and, if that is
    /// [`Verdict::Keep`], durable. A job that panics is undone and answered [`StoreError::Inconsistent`].
    fn submit(&self, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs a reading on one consistent snapshot, which includes every unit of work that was answered before.
    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>>;
}

impl dyn Store {
    /// Runs `work` as one unit of work: `Ok` is durable when this returns, `Err` left nothing behind.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let slot = Slot::new();
        let filled = slot.clone();
        let job = move |unit: &mut dyn UnitOfWork| {
            let result = work(unit);
            let verdict = if result.is_ok() { Verdict::Keep } else { Verdict::Undo };
            filled.fill(result);
            verdict
        };
        self.submit(Box::new(job)).await?;
        slot.take()
    }

    /// Runs `work` on one consistent snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn View) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let slot = Slot::new();
        let filled = slot.clone();
        self.query(Box::new(move |view| filled.fill(work(view)))).await?;
        slot.take()
    }
}

/// Carries the typed result of a job past the untyped backend.
struct Slot<T>(Arc<Mutex<Option<Result<T, Fault>>>>);

impl<T> Slot<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn fill(&self, result: Result<T, Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    fn take(&self) -> Result<T, Fault> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_else(|| Err(StoreError::Inconsistent("a unit of work gave no result".into()).into()))
    }
}

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
    /// Holds of all tenants that nobody has released.
    pub active_holds: u64,
}

/// An audit event as stored: the text is what is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Assigned by the store, growing over all tenants.
    pub seq: i64,
    /// The chain it belongs to.
    pub tenant: TenantId,
    /// The JSON text of an [`AuditEvent`].
    pub body: String,
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
    /// Open enrolments of all tenants with that OMA-DM device id: cloned devices can share one.
    fn enrollments_by_oma_device_id(&self, oma_device_id: &str) -> Result<Vec<Enrollment>, StoreError>;
    /// The device of that tenant whose newest enrolment, open or closed, has that OMA-DM device id.
    fn device_by_oma_device_id(
        &self,
        tenant: TenantId,
        oma_device_id: &str,
    ) -> Result<Option<ManagedDevice>, StoreError>;
    /// The enrolment token with that SHA-256.
    fn enrollment_token(&self, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError>;
    /// The management session state of an enrolment: bytes of the `mdm` crate.
    fn session(&self, enrollment: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError>;

    /// An action of that tenant.
    fn action(&self, tenant: TenantId, id: ActionId) -> Result<Option<ActionRecord>, StoreError>;
    /// The actions of a device, newest first, at most `limit`.
    fn actions(&self, tenant: TenantId, device: DeviceId, limit: usize) -> Result<Vec<ActionRecord>, StoreError>;
    /// The open action of that device with that name.
    fn open_action(&self, tenant: TenantId, device: DeviceId, name: &str) -> Result<Option<ActionRecord>, StoreError>;
    /// The action that this caller asked for on that device with that `client-request-id`.
    fn action_of_request(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
        client_request_id: &str,
    ) -> Result<Option<ActionId>, StoreError>;
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
    /// The delivery, whatever its phase, that went to that enrolment in that session and message.
    fn delivery_sent_in(
        &self,
        enrollment: EnrollmentId,
        session: &str,
        message: u32,
    ) -> Result<Option<Delivery>, StoreError>;
    /// The deliveries of an action, oldest first.
    fn deliveries(&self, action: ActionId) -> Result<Vec<Delivery>, StoreError>;

    /// Every secret of an action, oldest first, shredded ones included.
    fn secrets(&self, tenant: TenantId, action: ActionId) -> Result<Vec<EscrowedSecret>, StoreError>;
    /// The action of the newest request without a `client-request-id` that this caller had accepted for that device, if
    /// it was at that moment or later.
    fn accepted_since(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
        since: Timestamp,
    ) -> Result<Option<ActionId>, StoreError>;

    /// The role assignments of a tenant, oldest first.
    fn role_assignments(&self, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError>;
    /// Those for any of these principals, oldest first.
    fn role_assignments_of(
        &self,
        tenant: TenantId,
        principals: &[Principal],
    ) -> Result<Vec<RoleAssignment>, StoreError>;

    /// Since when tokens of these principals count; of several moments the last. `None` when none were ever revoked.
    fn tokens_valid_from(&self, tenant: TenantId, principals: &[Principal]) -> Result<Option<Timestamp>, StoreError>;

    /// Holds of a tenant, newest first, at most `limit`.
    fn holds(&self, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError>;
    /// Alerts of all tenants that nobody has taken yet, oldest first, at most `limit`.
    fn alerts(&self, limit: usize) -> Result<Vec<Alert>, StoreError>;
    /// Those of them that are about this ([`Alert::about`]).
    fn alerts_about(&self, tenant: TenantId, about: Uuid) -> Result<Vec<Alert>, StoreError>;
    /// How many recoveries of a tenant were counted after that moment, at most `limit`. No two units of work that count
    /// one more may both miss the other's.
    fn recoveries_since(&self, tenant: TenantId, after: Timestamp, limit: u32) -> Result<u32, StoreError>;
    /// Whether a tenant has so many managed devices. No more of them are looked at.
    fn has_managed_devices(&self, tenant: TenantId, at_least: u64) -> Result<bool, StoreError>;

    /// Secrets of all tenants that still have an envelope and expired before that moment.
    fn secrets_expired(&self, before: Timestamp, limit: usize) -> Result<Vec<EscrowedSecret>, StoreError>;

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
    /// The audit event of that tenant with that `seq`.
    fn audit_event(&self, tenant: TenantId, seq: i64) -> Result<Option<StoredEvent>, StoreError>;
    /// A page of audit events of that tenant. Unless every device is visible, only those about visible ones.
    fn audit_events(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        listing: &Listing<AuditField>,
    ) -> Result<Paged<StoredEvent>, StoreError>;
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

    /// Counts for metrics.
    fn statistics(&self) -> Result<Statistics, StoreError>;
}

/// What can be written. Reads see what the same unit of work wrote.
pub trait UnitOfWork: View {
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

    /// Adds a sign-in. A handle or user code that is there already is [`StoreError::Duplicate`].
    fn insert_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError>;
    /// Replaces standing, user, refresh tokens and times of that sign-in.
    fn update_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError>;
    /// Removes sign-ins, of all tenants, that expired an hour or more before that moment.
    fn delete_sign_ins(&mut self, now: Timestamp) -> Result<(), StoreError>;

    /// Adds a device.
    fn insert_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError>;
    /// Replaces the row of that device.
    fn update_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError>;

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
    /// Adds an enrolment token.
    fn insert_enrollment_token(&mut self, token: &EnrollmentToken) -> Result<(), StoreError>;
    /// Marks an enrolment token used.
    fn use_enrollment_token(
        &mut self,
        sha256: &[u8; 32],
        at: Timestamp,
        enrollment: EnrollmentId,
    ) -> Result<(), StoreError>;
    /// Replaces the session state of an enrolment.
    fn put_session(&mut self, enrollment: EnrollmentId, state: &[u8]) -> Result<(), StoreError>;

    /// Adds an action.
    fn insert_action(&mut self, action: &ActionRecord) -> Result<(), StoreError>;
    /// Replaces the row of that action.
    fn update_action(&mut self, action: &ActionRecord) -> Result<(), StoreError>;
    /// Remembers that this caller asked for that action with that `client-request-id`.
    fn record_request(
        &mut self,
        action: &ActionRecord,
        caller_key: &str,
        client_request_id: &str,
    ) -> Result<(), StoreError>;

    /// Remembers that this caller was answered with that action, in a request without a `client-request-id`.
    fn record_acceptance(&mut self, action: &ActionRecord, caller_key: &str, at: Timestamp) -> Result<(), StoreError>;
    /// Counts a recovery that somebody asked for, at the time it was opened.
    fn count_recovery(&mut self, action: &ActionRecord) -> Result<(), StoreError>;

    /// Adds a role assignment.
    fn insert_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError>;
    /// Replaces name and description of that role assignment.
    fn update_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError>;
    /// Removes a role assignment; says whether it was there.
    fn delete_role_assignment(&mut self, tenant: TenantId, id: AssignmentId) -> Result<bool, StoreError>;
    /// From now on tokens of that principal count that were issued at that moment, in whole seconds, or later.
    fn set_tokens_valid_from(
        &mut self,
        tenant: TenantId,
        principal: &Principal,
        moment: Timestamp,
    ) -> Result<(), StoreError>;
    /// Adds a hold. A second one that is not released is [`StoreError::Duplicate`].
    fn insert_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;
    /// Replaces the release of that hold.
    fn update_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;
    /// Adds an alert. One of that id that nobody has taken is [`StoreError::Duplicate`].
    fn insert_alert(&mut self, alert: &Alert) -> Result<(), StoreError>;
    /// Removes an alert that was taken, or given up; absent is fine.
    fn delete_alert(&mut self, alert: &Alert) -> Result<(), StoreError>;

    /// Adds a delivery and gives its sequence number.
    fn insert_delivery(&mut self, delivery: &Delivery) -> Result<i64, StoreError>;
    /// Replaces phase and statuses of the delivery with that `seq`.
    fn update_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError>;

    /// Adds a secret.
    fn insert_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError>;
    /// Replaces standing, envelope, expiry and disclosure of that secret.
    fn update_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError>;
    /// Marks every current secret of a device void.
    fn void_secrets(&mut self, tenant: TenantId, device: DeviceId) -> Result<(), StoreError>;

    /// Records an event.
    fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError>;
    /// Adds links to chains.
    fn append_links(&mut self, links: &[ChainLink]) -> Result<(), StoreError>;
    /// Adds a checkpoint.
    fn insert_checkpoint(&mut self, checkpoint: &StoredCheckpoint) -> Result<(), StoreError>;
}

/// Why sealing or unsealing failed. Texts are internal.
#[derive(Debug, Error)]
pub enum EscrowError {
    /// The tenant has no recipient to seal to, or no private key is here to open with.
    #[error("no key: {0}")]
    NoKey(String),
    /// The envelope is damaged, of another version, or bound to something else.
    #[error("the envelope does not open: {0}")]
    Unopenable(String),
}

impl From<EscrowError> for Fault {
    fn from(error: EscrowError) -> Self {
        Self::Escrow(error.to_string())
    }
}

/// Seals passcodes to the recipients of a tenant.
pub trait Sealer: Send + Sync {
    /// The envelope that only a recipient of `context.tenant` opens, and only for `context`.
    fn seal(&self, context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError>;

    /// The recipients of a tenant, as a device needs them to seal by itself: `p256 BASE64 name` each.
    fn recipients(&self, tenant: TenantId) -> Result<Vec<String>, EscrowError>;

    /// Whether an envelope that a device sealed can be kept: well-formed, and for every recipient of the tenant and
    /// nobody else. That it holds a passcode cannot be told without opening it.
    fn check(&self, tenant: TenantId, envelope: &[u8]) -> Result<(), EscrowError>;
}

/// Tells devices that wait for it that something waits for them. Missing one is no harm: they come by themselves.
pub trait Waker: Send + Sync {
    /// Wakes the device of that enrolment.
    fn wake(&self, enrollment: EnrollmentId);
}

/// Tells people at once, as far as this host reaches, and returns at once. What must reach somebody further away waits in the
/// store ([`View::alerts`]); this says that it is there.
pub trait Alarm: Send + Sync {
    /// Tells them that. It is durable by now.
    fn raise(&self, alert: &Alert);
}

/// Opens envelopes. Only disclosure may hold one.
pub trait Unsealer: Send + Sync {
    /// The passcode that was sealed for exactly that context.
    fn unseal(&self, context: &SecretContext, envelope: &[u8]) -> Result<Passcode, EscrowError>;
}

/// The time. Never goes back within one process.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Randomness fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// A random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}
