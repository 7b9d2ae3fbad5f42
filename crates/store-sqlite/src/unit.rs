//! One transaction as the domain sees it. Each method is a line here and a statement in `rows`.

use std::cell::Cell;

use chaveiro_core::Timestamp;
use chaveiro_core::action::{ActionRecord, ActionState};
use chaveiro_core::alert::Alert;
use chaveiro_core::application::Application;
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::command::Delivery;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::enrollment::{Enrollment, EnrollmentToken};
use chaveiro_core::escrow::{EscrowedSecret, SecretKind};
use chaveiro_core::hold::{Hold, HoldKind};
use chaveiro_core::id::{
    ActionId, ApplicationId, AssignmentId, DeviceId, EnrollmentId, EventId, HoldId, ResourceId, SecretId, TenantId,
};
use chaveiro_core::keys::{KeyName, KnownKey};
use chaveiro_core::lock::Lock;
use chaveiro_core::ports::{
    ChainLink, ChainedEvent, Clock, DeviceScope, EventLinks, NamedEvent, ResourceScope, RowLook, RowPlace, Statistics,
    StoreError, StoredCheckpoint, StoredEvent, StrayEvents, UnitOfWork, View,
};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::query::{ActionField, AuditField, DeviceField, Filter, Listing, Paged, ResourceField};
use chaveiro_core::reading::{Reading, Readings};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::{ScopeTags, Visibility};
use chaveiro_core::sign_in::SignIn;
use chaveiro_core::steady::{Ripeness, Running};
use chaveiro_core::tenant::Tenant;
use rusqlite::Connection;

use crate::codec::fault;
use crate::remembered::{Question, Remembered};
use crate::rows::{
    action, action_list, alert, application, audit, audit_list, authenticated, delivery, device, device_tag,
    enrollment, hold, known_key, resource, revocation, role, secret, sign_in, steady, tenant,
};

/// An open transaction of the connection.
pub(crate) struct Transaction<'c> {
    pub(crate) connection: &'c Connection,
    remembered: &'c Remembered,
    /// [`crate::Options::list_steps`].
    pub(crate) list_steps: u64,
    clock: Option<&'c dyn Clock>,
    /// The time that this transaction has told.
    now: Cell<Option<Timestamp>>,
    /// True if an alert was added.
    raised_alert: bool,
}

impl<'c> Transaction<'c> {
    pub(crate) fn new(connection: &'c Connection, remembered: &'c Remembered, list_steps: u64) -> Self {
        Self { connection, remembered, list_steps, clock: None, now: Cell::new(None), raised_alert: false }
    }

    /// Tells the time by that clock instead of by SQLite's.
    pub(crate) fn by(self, clock: Option<&'c dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Refuses to answer if another program changed holds of that tenant.
    fn require_whole_holds(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.remembered.answer(Question::WholeHolds(tenant), || hold::require_whole(self.connection, tenant))
    }

    /// Returns the connection for a change of what is remembered.
    fn changing(&self) -> &'c Connection {
        self.remembered.forget();
        self.connection
    }

    /// Runs a statement of a list; one that takes too many steps fails with [`StoreError::TooCostly`].
    pub(crate) fn bounded<T>(
        &self,
        bounded: bool,
        run: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        const EVERY: u16 = 1000;
        if !bounded {
            return run(self.connection);
        }
        let mut left = self.list_steps / u64::from(EVERY);
        let is_over = move || {
            left = left.saturating_sub(1);
            left == 0
        };
        self.connection.progress_handler(i32::from(EVERY), Some(is_over)).map_err(fault)?;
        let outcome = run(self.connection);
        self.connection.progress_handler(0, None::<fn() -> bool>).map_err(fault)?;
        outcome
    }
}

impl View for Transaction<'_> {
    fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.remembered.present(Question::Tenant(tenant), || tenant::tenant(self.connection, tenant))
    }
    fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        tenant::tenants(self.connection)
    }
    fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Option<Application>, StoreError> {
        let question = Question::Application(tenant, id);
        self.remembered.present(question, || application::application(self.connection, tenant, id))
    }
    fn applications(&self, tenant: TenantId) -> Result<Vec<Application>, StoreError> {
        application::applications(self.connection, tenant)
    }
    fn sign_in(&self, tenant: TenantId, handle_sha256: &[u8; 32]) -> Result<Option<SignIn>, StoreError> {
        sign_in::sign_in(self.connection, tenant, handle_sha256)
    }
    fn sign_in_by_code(&self, user_code: &str) -> Result<Option<SignIn>, StoreError> {
        sign_in::by_code(self.connection, user_code)
    }
    fn sign_ins(&self, tenant: TenantId) -> Result<Vec<SignIn>, StoreError> {
        sign_in::sign_ins(self.connection, tenant)
    }
    fn device(&self, tenant: TenantId, id: DeviceId) -> Result<Option<ManagedDevice>, StoreError> {
        device::device(self.connection, tenant, id)
    }
    fn devices_of(&self, tenant: TenantId, ids: &[DeviceId]) -> Result<Vec<ManagedDevice>, StoreError> {
        device::of_ids(self.connection, tenant, ids)
    }
    fn devices(
        &self,
        tenant: TenantId,
        scope: DeviceScope,
        visible: &Visibility,
        listing: &Listing<DeviceField>,
    ) -> Result<Paged<ManagedDevice>, StoreError> {
        device::devices(self, tenant, scope, visible, listing)
    }
    fn count_devices(
        &self,
        tenant: TenantId,
        scope: DeviceScope,
        visible: &Visibility,
        filter: &Filter<DeviceField>,
    ) -> Result<u64, StoreError> {
        device::count_devices(self, tenant, scope, visible, filter)
    }
    fn resource(&self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<Option<Resource>, StoreError> {
        resource::resource(self.connection, tenant, kind, id)
    }
    fn resources_of(
        &self,
        tenant: TenantId,
        kind: ResourceKind,
        ids: &[ResourceId],
    ) -> Result<Vec<Resource>, StoreError> {
        resource::of_ids(self.connection, tenant, kind, ids)
    }
    fn resource_by_key(&self, tenant: TenantId, kind: ResourceKind, key: &str) -> Result<Option<Resource>, StoreError> {
        resource::by_key(self.connection, tenant, kind, key)
    }
    fn resources(
        &self,
        tenant: TenantId,
        scope: ResourceScope,
        visible: &Visibility,
        listing: &Listing<ResourceField>,
    ) -> Result<Paged<Resource>, StoreError> {
        resource::resources(self, tenant, scope, visible, listing)
    }
    fn count_resources(
        &self,
        tenant: TenantId,
        scope: ResourceScope,
        visible: &Visibility,
        filter: &Filter<ResourceField>,
    ) -> Result<u64, StoreError> {
        resource::count_resources(self, tenant, scope, visible, filter)
    }
    fn scope_tags_of_devices(&self, tenant: TenantId) -> Result<ScopeTags, StoreError> {
        device_tag::of_devices(self.connection, tenant)
    }
    fn is_linked(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<bool, StoreError> {
        resource::is_linked(self.connection, tenant, device, kind, id)
    }
    fn enrollment(&self, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError> {
        enrollment::enrollment(self.connection, id)
    }
    fn open_enrollment(&self, tenant: TenantId, device: DeviceId) -> Result<Option<Enrollment>, StoreError> {
        enrollment::open(self.connection, tenant, device)
    }
    fn enrollment_by_certificate(&self, sha256: &[u8; 32]) -> Result<Option<Enrollment>, StoreError> {
        enrollment::by_certificate(self.connection, sha256)
    }
    fn enrollments_by_reported_id(&self, reported_id: &str) -> Result<Vec<Enrollment>, StoreError> {
        enrollment::by_reported_id(self.connection, reported_id)
    }
    fn devices_without_certificate(&self, tenant: TenantId, limit: usize) -> Result<Vec<ManagedDevice>, StoreError> {
        device::without_certificate(self.connection, tenant, limit)
    }
    fn device_by_reported_id(&self, tenant: TenantId, reported_id: &str) -> Result<Option<ManagedDevice>, StoreError> {
        device::by_reported_id(self.connection, tenant, reported_id)
    }
    fn enrollment_token(&self, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError> {
        enrollment::token(self.connection, sha256)
    }
    fn session(&self, enrollment: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError> {
        enrollment::session(self.connection, enrollment)
    }
    fn action(&self, tenant: TenantId, id: ActionId) -> Result<Option<ActionRecord>, StoreError> {
        action::action(self.connection, tenant, id)
    }
    fn current_results(&self, tenant: TenantId, device: DeviceId) -> Result<Vec<ActionRecord>, StoreError> {
        action::current_results(self.connection, tenant, device)
    }
    fn newest_action_for(
        &self,
        tenant: TenantId,
        device: DeviceId,
        lock: Lock,
    ) -> Result<Option<ActionRecord>, StoreError> {
        action::newest_for(self.connection, tenant, device, lock)
    }
    fn actions(&self, tenant: TenantId, device: DeviceId, limit: usize) -> Result<Vec<ActionRecord>, StoreError> {
        action::actions(self.connection, tenant, device, limit)
    }
    fn open_action(&self, tenant: TenantId, device: DeviceId, name: &str) -> Result<Option<ActionRecord>, StoreError> {
        action::open(self.connection, tenant, device, name)
    }
    fn action_of_request(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
        client_request_id: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
        action::of_request(self.connection, tenant, device, caller_key, client_request_id)
    }
    fn last_accepted(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
        action::last_accepted(self.connection, tenant, device, caller_key)
    }
    fn role_assignments(&self, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError> {
        role::assignments(self.connection, tenant)
    }
    fn role_assignments_of(
        &self,
        tenant: TenantId,
        principals: &[Principal],
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        let question = Question::AssignmentsOf(tenant, principals.to_vec());
        self.remembered.answer(question, || role::assignments_of(self.connection, tenant, principals))
    }
    fn tokens_valid_from(&self, tenant: TenantId, principals: &[Principal]) -> Result<Option<Timestamp>, StoreError> {
        let question = Question::ValidFrom(tenant, principals.to_vec());
        self.remembered.answer(question, || revocation::valid_from(self.connection, tenant, principals))
    }
    fn last_valid_from(&self, tenant: TenantId, kind: PrincipalKind) -> Result<Option<Timestamp>, StoreError> {
        revocation::last_valid_from(self.connection, tenant, kind)
    }
    fn hold(&self, tenant: TenantId, id: HoldId) -> Result<Option<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        hold::hold(self.connection, tenant, id)
    }
    fn newest_hold(&self, tenant: TenantId, kind: HoldKind, party: Option<&str>) -> Result<Option<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        let question = Question::NewestHold(tenant, kind, party.map(str::to_owned));
        self.remembered.answer(question, || hold::newest(self.connection, tenant, kind, party))
    }
    fn standing_holds(&self, tenant: TenantId) -> Result<Vec<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        hold::standing(self.connection, tenant)
    }
    fn holds(&self, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        hold::holds(self.connection, tenant, limit)
    }
    fn alerts(&self, limit: usize) -> Result<Vec<Alert>, StoreError> {
        alert::alerts(self.connection, limit)
    }
    fn recoveries_between(
        &self,
        tenant: TenantId,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError> {
        hold::recoveries_between(self.connection, tenant, after, until, limit)
    }
    fn readings_between(
        &self,
        tenant: TenantId,
        party: Option<&str>,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Readings, StoreError> {
        hold::readings_between(self.connection, tenant, party, (after, until), limit)
    }
    fn has_read(
        &self,
        tenant: TenantId,
        action: ActionId,
        secret: SecretId,
        party: &str,
        after: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        hold::has_read(self.connection, tenant, (action, secret), party, (after, until))
    }
    fn has_ever_read(&self, tenant: TenantId, party: &str) -> Result<bool, StoreError> {
        hold::has_ever_read(self.connection, tenant, party)
    }
    fn has_managed_devices(&self, tenant: TenantId, at_least: u64) -> Result<bool, StoreError> {
        hold::has_managed_devices(self.connection, tenant, at_least)
    }
    fn open_actions_before(
        &self,
        before: Timestamp,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(ActionRecord, Option<u64>)>, StoreError> {
        action::open_before(self.connection, before, skip, limit)
    }
    fn delivery(&self, seq: i64) -> Result<Option<Delivery>, StoreError> {
        delivery::delivery(self.connection, seq)
    }
    fn next_delivery(&self, enrollment: EnrollmentId) -> Result<Option<Delivery>, StoreError> {
        delivery::next(self.connection, enrollment)
    }
    fn deliveries_queued(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
        delivery::queued(self.connection, enrollment)
    }
    fn deliveries_in_flight(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
        delivery::in_flight(self.connection, enrollment)
    }
    fn has_open_delivery(&self, enrollment: EnrollmentId) -> Result<bool, StoreError> {
        delivery::is_open(self.connection, enrollment)
    }
    fn delivery_with_receipt(
        &self,
        enrollment: EnrollmentId,
        message: &str,
        place: u32,
    ) -> Result<Option<Delivery>, StoreError> {
        delivery::with_receipt(self.connection, enrollment, message, place)
    }
    fn deliveries(&self, action: ActionId) -> Result<Vec<Delivery>, StoreError> {
        delivery::of_action(self.connection, action)
    }
    fn secrets(&self, tenant: TenantId, action: ActionId) -> Result<Vec<EscrowedSecret>, StoreError> {
        secret::secrets(self.connection, tenant, action)
    }
    fn secrets_of(&self, tenant: TenantId, actions: &[ActionId]) -> Result<Vec<EscrowedSecret>, StoreError> {
        secret::of_actions(self.connection, tenant, actions)
    }
    fn unreplaced_result(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: SecretKind,
    ) -> Result<Option<EscrowedSecret>, StoreError> {
        secret::unreplaced(self.connection, tenant, device, kind)
    }
    fn secrets_to_retire(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: SecretKind,
        beyond: Timestamp,
    ) -> Result<Vec<(EscrowedSecret, ActionState)>, StoreError> {
        secret::to_retire(self.connection, tenant, device, kind, beyond)
    }
    fn secrets_ripe(&self, ripeness: &Ripeness, limit: usize) -> Result<Vec<EscrowedSecret>, StoreError> {
        secret::ripe(self.connection, ripeness, limit)
    }
    fn has_marks_to_set(&self, ripeness: &Ripeness) -> Result<bool, StoreError> {
        steady::has_marks_to_set(self.connection, ripeness)
    }
    fn running(&self) -> Result<Running, StoreError> {
        steady::running(self.connection)
    }
    fn known_keys(&self) -> Result<Vec<KnownKey>, StoreError> {
        known_key::known_keys(self.connection)
    }
    fn known_key(&self, name: &KeyName) -> Result<Option<KnownKey>, StoreError> {
        known_key::known_key(self.connection, name)
    }
    fn current_keys(&self, names: &[KeyName]) -> Result<Vec<KnownKey>, StoreError> {
        let question = Question::CurrentKeys(names.to_vec());
        self.remembered.answer(question, || known_key::current(self.connection, names))
    }
    fn remote_actions(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        listing: &Listing<ActionField>,
    ) -> Result<Paged<ActionRecord>, StoreError> {
        action_list::actions(self, tenant, visible, listing)
    }
    fn count_remote_actions(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        filter: &Filter<ActionField>,
    ) -> Result<u64, StoreError> {
        action_list::count_actions(self, tenant, visible, filter)
    }
    fn audit_event(&self, tenant: TenantId, id: EventId) -> Result<Option<NamedEvent>, StoreError> {
        audit_list::event(self.connection, tenant, id)
    }
    fn audit_events(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        listing: &Listing<AuditField>,
    ) -> Result<Paged<NamedEvent>, StoreError> {
        audit_list::events(self, tenant, visible, listing)
    }
    fn count_audit_events(
        &self,
        tenant: TenantId,
        visible: &Visibility,
        filter: &Filter<AuditField>,
    ) -> Result<u64, StoreError> {
        audit_list::count_events(self, tenant, visible, filter)
    }
    fn unchained_events(&self, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        audit::unchained(self.connection, limit)
    }
    fn chain_heads(&self) -> Result<Vec<ChainLink>, StoreError> {
        audit::heads(self.connection)
    }
    fn chain_head(&self, tenant: TenantId) -> Result<Option<ChainLink>, StoreError> {
        audit::head(self.connection, tenant)
    }
    fn chained_events(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<ChainedEvent>, StoreError> {
        audit::chained(self.connection, tenant, after, limit)
    }
    fn checkpoints(&self, tenant: TenantId) -> Result<Vec<StoredCheckpoint>, StoreError> {
        audit::checkpoints(self.connection, tenant)
    }
    fn stray_events(&self, after: i64, limit: usize) -> Result<StrayEvents, StoreError> {
        audit::strays(self.connection, after, limit)
    }
    fn links_of(&self, seqs: &[i64]) -> Result<EventLinks, StoreError> {
        audit::links_of(self.connection, seqs)
    }
    fn checkpoints_between(
        &self,
        tenant: TenantId,
        first: u64,
        last: u64,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        audit::checkpoints_between(self.connection, tenant, first, last)
    }
    fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, StoreError> {
        audit::newest_checkpoints(self.connection)
    }
    fn unsound_rows(&self, from: RowPlace, limit: usize) -> Result<RowLook, StoreError> {
        authenticated::look(self.connection, from, limit)
    }
    fn statistics(&self) -> Result<Statistics, StoreError> {
        audit::statistics(self.connection)
    }
}

impl UnitOfWork for Transaction<'_> {
    fn now(&self) -> Result<Timestamp, StoreError> {
        let now = match (self.now.get(), self.clock) {
            (Some(now), _) => now,
            (None, Some(clock)) => clock.now(),
            (None, None) => steady::clock(self.connection)?,
        };
        self.now.set(Some(now));
        Ok(now)
    }
    fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        tenant::insert_tenant(self.changing(), tenant)
    }
    fn update_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        tenant::update_tenant(self.changing(), tenant)
    }
    fn insert_application(&mut self, application: &Application) -> Result<(), StoreError> {
        application::insert_application(self.changing(), application)
    }
    fn update_application(&mut self, application: &Application) -> Result<(), StoreError> {
        application::update_application(self.changing(), application)
    }
    fn delete_application(&mut self, tenant: TenantId, id: ApplicationId) -> Result<(), StoreError> {
        application::delete_application(self.changing(), tenant, id)
    }
    fn insert_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError> {
        sign_in::insert_sign_in(self.connection, sign_in)
    }
    fn update_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError> {
        sign_in::update_sign_in(self.connection, sign_in)
    }
    fn delete_sign_ins(&mut self, now: Timestamp) -> Result<(), StoreError> {
        sign_in::delete_expired(self.connection, now)
    }
    fn delete_ripe_sign_ins(&mut self, ripeness: &Ripeness) -> Result<(), StoreError> {
        steady::delete_ripe_sign_ins(self.connection, ripeness)
    }
    fn insert_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError> {
        device::insert_device(self.connection, device)
    }
    fn update_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError> {
        device::update_device(self.connection, device)
    }
    fn move_last_sync(&mut self, tenant: TenantId, id: DeviceId, at: Timestamp) -> Result<(), StoreError> {
        device::move_last_sync(self.connection, tenant, id, at)
    }
    fn insert_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        resource::insert_resource(self.connection, resource)
    }
    fn update_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        resource::update_resource(self.connection, resource)
    }
    fn delete_resource(&mut self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<(), StoreError> {
        resource::delete_resource(self.connection, tenant, kind, id)
    }
    fn link(
        &mut self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<(), StoreError> {
        resource::link(self.connection, tenant, device, kind, id)
    }
    fn unlink(
        &mut self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<(), StoreError> {
        resource::unlink(self.connection, tenant, device, kind, id)
    }
    fn insert_enrollment(&mut self, enrollment: &Enrollment) -> Result<(), StoreError> {
        enrollment::insert_enrollment(self.connection, enrollment)
    }
    fn close_enrollment(&mut self, id: EnrollmentId, at: Timestamp) -> Result<(), StoreError> {
        enrollment::close(self.connection, id, at)
    }
    fn require_certificate(&mut self, id: EnrollmentId) -> Result<(), StoreError> {
        enrollment::require_certificate(self.connection, id)
    }
    fn insert_enrollment_token(&mut self, token: &EnrollmentToken) -> Result<(), StoreError> {
        enrollment::insert_token(self.connection, token)
    }
    fn use_enrollment_token(
        &mut self,
        sha256: &[u8; 32],
        at: Timestamp,
        enrollment: EnrollmentId,
    ) -> Result<(), StoreError> {
        enrollment::use_token(self.connection, sha256, at, enrollment)
    }
    fn put_session(&mut self, enrollment: EnrollmentId, state: &[u8]) -> Result<(), StoreError> {
        enrollment::put_session(self.connection, enrollment, state)
    }
    fn insert_action(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        action::insert_action(self.connection, action)
    }
    fn update_action(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        action::update_action(self.connection, action)
    }
    fn record_request(
        &mut self,
        action: &ActionRecord,
        caller_key: &str,
        client_request_id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        action::record_request(self.connection, action, caller_key, client_request_id, at)
    }
    fn record_acceptance(&mut self, action: &ActionRecord, caller_key: &str, at: Timestamp) -> Result<(), StoreError> {
        action::record_acceptance(self.connection, action, caller_key, at)
    }
    fn count_recovery(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        hold::count_recovery(self.connection, action)
    }
    fn insert_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError> {
        role::insert_assignment(self.changing(), assignment)
    }
    fn update_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError> {
        role::update_assignment(self.changing(), assignment)
    }
    fn delete_role_assignment(&mut self, tenant: TenantId, id: AssignmentId) -> Result<bool, StoreError> {
        role::delete_assignment(self.changing(), tenant, id)
    }
    fn set_tokens_valid_from(
        &mut self,
        tenant: TenantId,
        principal: &Principal,
        moment: Timestamp,
    ) -> Result<(), StoreError> {
        revocation::set_valid_from(self.changing(), tenant, principal, moment)
    }
    fn record_reading(&mut self, reading: &Reading) -> Result<(), StoreError> {
        hold::record_reading(self.connection, reading)
    }
    fn insert_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        hold::insert_hold(self.changing(), hold)
    }
    fn update_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        hold::update_hold(self.changing(), hold)
    }
    fn insert_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        alert::insert_alert(self.connection, alert)?;
        self.raised_alert = true;
        Ok(())
    }
    fn has_raised_alert(&self) -> bool {
        self.raised_alert
    }
    fn delete_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        alert::delete_alert(self.connection, alert)
    }
    fn insert_delivery(&mut self, delivery: &Delivery) -> Result<i64, StoreError> {
        delivery::insert_delivery(self.connection, delivery)
    }
    fn update_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        delivery::update_delivery(self.connection, delivery)
    }
    fn insert_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError> {
        secret::insert_secret(self.connection, secret)
    }
    fn update_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError> {
        secret::update_secret(self.connection, secret)
    }
    fn void_secrets(&mut self, tenant: TenantId, device: DeviceId) -> Result<(), StoreError> {
        secret::void(self.connection, tenant, device)
    }
    fn close_disclosure_windows(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
        secret::close_windows(self.connection, tenant, at)
    }
    fn mark_before_restore(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
        action::mark_before_restore(self.connection, tenant, at)
    }
    fn void_enrollment_tokens(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
        enrollment::void_tokens(self.connection, tenant, at)
    }
    fn set_marks(&mut self, ripeness: &Ripeness) -> Result<(), StoreError> {
        steady::set_marks(self.connection, ripeness)
    }
    fn set_action_mark(&mut self, action: ActionId, mark: Option<u64>) -> Result<(), StoreError> {
        steady::set_action_mark(self.connection, action, mark)
    }
    fn set_running(&mut self, running: &Running) -> Result<(), StoreError> {
        steady::set_running(self.connection, running)
    }
    fn put_known_key(&mut self, key: &KnownKey) -> Result<(), StoreError> {
        known_key::put(self.changing(), key)
    }
    fn end_known_key(&mut self, name: &KeyName, at: Timestamp) -> Result<(), StoreError> {
        known_key::end(self.changing(), name, at)
    }
    fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        audit::append_event(self.connection, event)
    }
    fn append_links(&mut self, links: &[ChainLink]) -> Result<(), StoreError> {
        audit::append_links(self.connection, links)
    }
    fn insert_checkpoint(&mut self, checkpoint: &StoredCheckpoint) -> Result<(), StoreError> {
        audit::insert_checkpoint(self.connection, checkpoint)
    }
    fn settle_rows(&mut self, remove: bool) -> Result<u64, StoreError> {
        authenticated::settle(self.changing(), remove)
    }
}
