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
    ChainLink, ChainedEvent, DeviceScope, EventLinks, NamedEvent, ResourceScope, RowLook, RowPlace, Statistics,
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
use chaveiro_store_rows::RowKey;
use chaveiro_store_rows::cells::Cells as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

use crate::Shared;
use crate::authenticated;
use crate::rows::{
    action, action_list, alert, application, audit, audit_list, delivery, device, device_tag, enrollment, hold,
    known_key, resource, revocation, role, secret, sign_in, steady, tenant,
};

use crate::session::Session;
use crate::value::{Cells, Sql};

/// The parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        [$($crate::value::Sql::from($value)),*]
    };
}
pub(crate) use params;

/// The way in which a statement failed. The rest of its transaction is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The unit of work is to be run again.
    ToSerialise,
    /// It would fail again.
    Otherwise,
}

impl Failed {
    pub(crate) fn of(error: &Error) -> Self {
        match error.code() {
            Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => Self::ToSerialise,
            _ => Self::Otherwise,
        }
    }
}

/// Returns the text of a fault. It names tables and columns, never values.
pub(crate) fn text(error: &Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} ({})", error.message(), error.code().code()),
        None => error.to_string(),
    }
}

/// Converts a fault of PostgreSQL.
pub(crate) fn fault(error: &Error) -> StoreError {
    match error.code() {
        Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => StoreError::Busy,
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => StoreError::ReadOnly(text(error)),
        Some(&SqlState::DISK_FULL) => StoreError::Full,
        // Only the time limit on reads cancels a statement.
        Some(&SqlState::QUERY_CANCELED) => StoreError::TooCostly,
        _ => StoreError::Unavailable(text(error)),
    }
}

/// An open transaction of a connection.
pub(crate) struct Unit<'c> {
    session: &'c Session,
    pub(crate) shared: &'c Shared,
    /// The time that this transaction has told.
    now: Cell<Option<Timestamp>>,
    /// True if an alert was added.
    raised_alert: bool,
    failed: Cell<Option<Failed>>,
}

impl<'c> Unit<'c> {
    pub(crate) fn new(session: &'c Session, shared: &'c Shared) -> Self {
        Self { session, shared, now: Cell::new(None), raised_alert: false, failed: Cell::new(None) }
    }

    /// Returns the first failure of a statement.
    pub(crate) fn failed(&self) -> Option<Failed> {
        self.failed.get()
    }

    /// Returns the key of the row authenticators.
    pub(crate) fn key(&self) -> &'c RowKey {
        &self.shared.key
    }

    fn note(&self, error: &Error) {
        if self.failed.get().is_none() {
            self.failed.set(Some(Failed::of(error)));
        }
    }

    /// Runs statements without parameters.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.session.batch(sql).map_err(|error| {
            self.note(&error);
            fault(&error)
        })
    }

    /// Returns the rows of a statement.
    pub(crate) fn query(&self, sql: &str, parameters: &[Sql]) -> Result<Vec<Row>, StoreError> {
        self.session.query(sql, parameters).map_err(|error| {
            self.note(&error);
            fault(&error)
        })
    }

    /// Refuses a statement of a list that PostgreSQL expects to cost too much. The same plan is always answered or always
    /// refused, however busy the database is.
    pub(crate) fn require_cheap(&self, sql: &str, parameters: &[Sql]) -> Result<(), StoreError> {
        let plan = self.one(&format!("EXPLAIN (FORMAT JSON) {sql}"), parameters, |row| {
            Ok(Cells::of(row).json::<serde_json::Value>("QUERY PLAN")?)
        })?;
        let cost =
            plan.as_ref().and_then(|plan| plan.pointer("/0/Plan/Total Cost")).and_then(serde_json::Value::as_f64);
        match cost {
            Some(cost) if cost <= self.shared.options.list_cost => Ok(()),
            Some(_) => Err(StoreError::TooCostly),
            None => Err(StoreError::Inconsistent("a plan without a cost".to_owned())),
        }
    }

    /// Returns every row, read.
    pub(crate) fn many<T>(
        &self,
        sql: &str,
        parameters: &[Sql],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.query(sql, parameters)?.iter().map(read).collect()
    }

    /// Returns the first row, read.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        parameters: &[Sql],
        read: impl FnOnce(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.query(sql, parameters)?.first().map(read).transpose()
    }

    /// Runs a statement and returns the number of changed rows.
    pub(crate) fn run(&self, sql: &str, parameters: &[Sql]) -> Result<u64, StoreError> {
        self.session.execute(sql, parameters).map_err(|error| {
            self.note(&error);
            fault(&error)
        })
    }

    /// Runs a change, where a violated key means that another row has it; `what` names the row in the fault.
    pub(crate) fn change(&self, sql: &str, parameters: &[Sql], what: &'static str) -> Result<u64, StoreError> {
        self.session.execute(sql, parameters).map_err(|error| {
            self.note(&error);
            match error.code() {
                Some(&SqlState::UNIQUE_VIOLATION) => StoreError::Duplicate(what),
                Some(&SqlState::FOREIGN_KEY_VIOLATION) => missing_owner(what),
                _ => fault(&error),
            }
        })
    }

    /// Runs a change that must concern exactly one row.
    pub(crate) fn change_one(&self, sql: &str, parameters: &[Sql], what: &'static str) -> Result<(), StoreError> {
        is_one(self.change(sql, parameters, what)?, what)
    }

    /// Runs an insert.
    pub(crate) fn insert(&self, sql: &str, parameters: &[Sql], what: &'static str) -> Result<(), StoreError> {
        match self.change(sql, parameters, what)? {
            1 => Ok(()),
            _ => Err(missing_owner(what)),
        }
    }

    /// Returns the time by the clock of the database.
    pub(crate) fn time(&self) -> Result<Timestamp, StoreError> {
        let sql = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now";
        let now = self.one(sql, &[], |row| Ok(Cells::of(row).time("now")?))?;
        now.ok_or_else(|| StoreError::Inconsistent("the time is not known".to_owned()))
    }

    /// Refuses to answer if another program changed holds of that tenant.
    fn require_whole_holds(&self, tenant: TenantId) -> Result<(), StoreError> {
        hold::require_whole(self, tenant)
    }
}

fn missing_owner(what: &str) -> StoreError {
    StoreError::Inconsistent(format!("the row that a {what} belongs to is not there"))
}

/// Refuses another number of changed rows than one.
pub(crate) fn is_one(changed: u64, what: &str) -> Result<(), StoreError> {
    match changed {
        1 => Ok(()),
        n => Err(StoreError::Inconsistent(format!("{n} rows changed where one {what} was meant"))),
    }
}

impl View for Unit<'_> {
    fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, StoreError> {
        tenant::tenant(self, tenant)
    }
    fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        tenant::tenants(self)
    }
    fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Option<Application>, StoreError> {
        application::application(self, tenant, id)
    }
    fn applications(&self, tenant: TenantId) -> Result<Vec<Application>, StoreError> {
        application::applications(self, tenant)
    }
    fn sign_in(&self, tenant: TenantId, handle_sha256: &[u8; 32]) -> Result<Option<SignIn>, StoreError> {
        sign_in::sign_in(self, tenant, handle_sha256)
    }
    fn sign_in_by_code(&self, user_code: &str) -> Result<Option<SignIn>, StoreError> {
        sign_in::by_code(self, user_code)
    }
    fn sign_ins(&self, tenant: TenantId) -> Result<Vec<SignIn>, StoreError> {
        sign_in::sign_ins(self, tenant)
    }
    fn device(&self, tenant: TenantId, id: DeviceId) -> Result<Option<ManagedDevice>, StoreError> {
        device::device(self, tenant, id)
    }
    fn devices_of(&self, tenant: TenantId, ids: &[DeviceId]) -> Result<Vec<ManagedDevice>, StoreError> {
        device::of_ids(self, tenant, ids)
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
        resource::resource(self, tenant, kind, id)
    }
    fn resources_of(
        &self,
        tenant: TenantId,
        kind: ResourceKind,
        ids: &[ResourceId],
    ) -> Result<Vec<Resource>, StoreError> {
        resource::of_ids(self, tenant, kind, ids)
    }
    fn resource_by_key(&self, tenant: TenantId, kind: ResourceKind, key: &str) -> Result<Option<Resource>, StoreError> {
        resource::by_key(self, tenant, kind, key)
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
        device_tag::of_devices(self, tenant)
    }
    fn is_linked(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<bool, StoreError> {
        resource::is_linked(self, tenant, device, kind, id)
    }
    fn enrollment(&self, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError> {
        enrollment::enrollment(self, id)
    }
    fn open_enrollment(&self, tenant: TenantId, device: DeviceId) -> Result<Option<Enrollment>, StoreError> {
        enrollment::open(self, tenant, device)
    }
    fn enrollment_by_certificate(&self, sha256: &[u8; 32]) -> Result<Option<Enrollment>, StoreError> {
        enrollment::by_certificate(self, sha256)
    }
    fn enrollments_by_reported_id(&self, reported_id: &str) -> Result<Vec<Enrollment>, StoreError> {
        enrollment::by_reported_id(self, reported_id)
    }
    fn devices_without_certificate(&self, tenant: TenantId, limit: usize) -> Result<Vec<ManagedDevice>, StoreError> {
        device::without_certificate(self, tenant, limit)
    }
    fn device_by_reported_id(&self, tenant: TenantId, reported_id: &str) -> Result<Option<ManagedDevice>, StoreError> {
        device::by_reported_id(self, tenant, reported_id)
    }
    fn enrollment_token(&self, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError> {
        enrollment::token(self, sha256)
    }
    fn session(&self, enrollment: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError> {
        enrollment::session(self, enrollment)
    }
    fn action(&self, tenant: TenantId, id: ActionId) -> Result<Option<ActionRecord>, StoreError> {
        action::action(self, tenant, id)
    }
    fn current_results(&self, tenant: TenantId, device: DeviceId) -> Result<Vec<ActionRecord>, StoreError> {
        action::current_results(self, tenant, device)
    }
    fn newest_action_for(
        &self,
        tenant: TenantId,
        device: DeviceId,
        lock: Lock,
    ) -> Result<Option<ActionRecord>, StoreError> {
        action::newest_for(self, tenant, device, lock)
    }
    fn actions(&self, tenant: TenantId, device: DeviceId, limit: usize) -> Result<Vec<ActionRecord>, StoreError> {
        action::actions(self, tenant, device, limit)
    }
    fn open_action(&self, tenant: TenantId, device: DeviceId, name: &str) -> Result<Option<ActionRecord>, StoreError> {
        action::open(self, tenant, device, name)
    }
    fn action_of_request(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
        client_request_id: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
        action::of_request(self, tenant, device, caller_key, client_request_id)
    }
    fn last_accepted(
        &self,
        tenant: TenantId,
        device: DeviceId,
        caller_key: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
        action::last_accepted(self, tenant, device, caller_key)
    }
    fn role_assignments(&self, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError> {
        role::assignments(self, tenant)
    }
    fn role_assignments_of(
        &self,
        tenant: TenantId,
        principals: &[Principal],
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        role::assignments_of(self, tenant, principals)
    }
    fn tokens_valid_from(&self, tenant: TenantId, principals: &[Principal]) -> Result<Option<Timestamp>, StoreError> {
        revocation::valid_from(self, tenant, principals)
    }
    fn last_valid_from(&self, tenant: TenantId, kind: PrincipalKind) -> Result<Option<Timestamp>, StoreError> {
        revocation::last_valid_from(self, tenant, kind)
    }
    fn hold(&self, tenant: TenantId, id: HoldId) -> Result<Option<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        hold::hold(self, tenant, id)
    }
    fn newest_hold(&self, tenant: TenantId, kind: HoldKind, party: Option<&str>) -> Result<Option<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        hold::newest(self, tenant, kind, party)
    }
    fn standing_holds(&self, tenant: TenantId) -> Result<Vec<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        hold::standing(self, tenant)
    }
    fn holds(&self, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError> {
        self.require_whole_holds(tenant)?;
        hold::holds(self, tenant, limit)
    }
    fn alerts(&self, limit: usize) -> Result<Vec<Alert>, StoreError> {
        alert::alerts(self, limit)
    }
    fn recoveries_between(
        &self,
        tenant: TenantId,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError> {
        hold::recoveries_between(self, tenant, after, until, limit)
    }
    fn readings_between(
        &self,
        tenant: TenantId,
        party: Option<&str>,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Readings, StoreError> {
        hold::readings_between(self, tenant, party, (after, until), limit)
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
        hold::has_read(self, tenant, (action, secret), party, (after, until))
    }
    fn has_ever_read(&self, tenant: TenantId, party: &str) -> Result<bool, StoreError> {
        hold::has_ever_read(self, tenant, party)
    }
    fn has_managed_devices(&self, tenant: TenantId, at_least: u64) -> Result<bool, StoreError> {
        hold::has_managed_devices(self, tenant, at_least)
    }
    fn open_actions_before(
        &self,
        before: Timestamp,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(ActionRecord, Option<u64>)>, StoreError> {
        action::open_before(self, before, skip, limit)
    }
    fn delivery(&self, seq: i64) -> Result<Option<Delivery>, StoreError> {
        delivery::delivery(self, seq)
    }
    fn next_delivery(&self, enrollment: EnrollmentId) -> Result<Option<Delivery>, StoreError> {
        delivery::next(self, enrollment)
    }
    fn deliveries_queued(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
        delivery::queued(self, enrollment)
    }
    fn deliveries_in_flight(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
        delivery::in_flight(self, enrollment)
    }
    fn has_open_delivery(&self, enrollment: EnrollmentId) -> Result<bool, StoreError> {
        delivery::is_open(self, enrollment)
    }
    fn delivery_with_receipt(
        &self,
        enrollment: EnrollmentId,
        message: &str,
        place: u32,
    ) -> Result<Option<Delivery>, StoreError> {
        delivery::with_receipt(self, enrollment, message, place)
    }
    fn deliveries(&self, action: ActionId) -> Result<Vec<Delivery>, StoreError> {
        delivery::of_action(self, action)
    }
    fn secrets(&self, tenant: TenantId, action: ActionId) -> Result<Vec<EscrowedSecret>, StoreError> {
        secret::secrets(self, tenant, action)
    }
    fn secrets_of(&self, tenant: TenantId, actions: &[ActionId]) -> Result<Vec<EscrowedSecret>, StoreError> {
        secret::of_actions(self, tenant, actions)
    }
    fn unreplaced_result(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: SecretKind,
    ) -> Result<Option<EscrowedSecret>, StoreError> {
        secret::unreplaced(self, tenant, device, kind)
    }
    fn secrets_to_retire(
        &self,
        tenant: TenantId,
        device: DeviceId,
        kind: SecretKind,
        beyond: Timestamp,
    ) -> Result<Vec<(EscrowedSecret, ActionState)>, StoreError> {
        secret::to_retire(self, tenant, device, kind, beyond)
    }
    fn secrets_ripe(&self, ripeness: &Ripeness, limit: usize) -> Result<Vec<EscrowedSecret>, StoreError> {
        secret::ripe(self, ripeness, limit)
    }
    fn has_marks_to_set(&self, ripeness: &Ripeness) -> Result<bool, StoreError> {
        steady::has_marks_to_set(self, ripeness)
    }
    fn running(&self) -> Result<Running, StoreError> {
        steady::running(self)
    }
    fn known_keys(&self) -> Result<Vec<KnownKey>, StoreError> {
        known_key::known_keys(self)
    }
    fn known_key(&self, name: &KeyName) -> Result<Option<KnownKey>, StoreError> {
        known_key::known_key(self, name)
    }
    fn current_keys(&self, names: &[KeyName]) -> Result<Vec<KnownKey>, StoreError> {
        known_key::current(self, names)
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
        audit_list::event(self, tenant, id)
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
        audit::unchained(self, limit)
    }
    fn chain_heads(&self) -> Result<Vec<ChainLink>, StoreError> {
        audit::heads(self)
    }
    fn chain_head(&self, tenant: TenantId) -> Result<Option<ChainLink>, StoreError> {
        audit::head(self, tenant)
    }
    fn chained_events(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<ChainedEvent>, StoreError> {
        audit::chained(self, tenant, after, limit)
    }
    fn checkpoints(&self, tenant: TenantId) -> Result<Vec<StoredCheckpoint>, StoreError> {
        audit::checkpoints(self, tenant)
    }
    fn stray_events(&self, after: i64, limit: usize) -> Result<StrayEvents, StoreError> {
        audit::strays(self, after, limit)
    }
    fn links_of(&self, seqs: &[i64]) -> Result<EventLinks, StoreError> {
        audit::links_of(self, seqs)
    }
    fn checkpoints_between(
        &self,
        tenant: TenantId,
        first: u64,
        last: u64,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        audit::checkpoints_between(self, tenant, first, last)
    }
    fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, StoreError> {
        audit::newest_checkpoints(self)
    }
    fn unsound_rows(&self, from: RowPlace, limit: usize) -> Result<RowLook, StoreError> {
        authenticated::look(self, from, limit)
    }
    fn statistics(&self) -> Result<Statistics, StoreError> {
        audit::statistics(self)
    }
}

impl UnitOfWork for Unit<'_> {
    fn now(&self) -> Result<Timestamp, StoreError> {
        let now = match (self.now.get(), &self.shared.options.clock) {
            (Some(now), _) => now,
            (None, Some(clock)) => clock.now(),
            (None, None) => self.time()?,
        };
        self.now.set(Some(now));
        Ok(now)
    }
    fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        tenant::insert_tenant(self, tenant)
    }
    fn update_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        tenant::update_tenant(self, tenant)
    }
    fn insert_application(&mut self, application: &Application) -> Result<(), StoreError> {
        application::insert_application(self, application)
    }
    fn update_application(&mut self, application: &Application) -> Result<(), StoreError> {
        application::update_application(self, application)
    }
    fn delete_application(&mut self, tenant: TenantId, id: ApplicationId) -> Result<(), StoreError> {
        application::delete_application(self, tenant, id)
    }
    fn insert_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError> {
        sign_in::insert_sign_in(self, sign_in)
    }
    fn update_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError> {
        sign_in::update_sign_in(self, sign_in)
    }
    fn delete_sign_ins(&mut self, now: Timestamp) -> Result<(), StoreError> {
        sign_in::delete_expired(self, now)
    }
    fn delete_ripe_sign_ins(&mut self, ripeness: &Ripeness) -> Result<(), StoreError> {
        steady::delete_ripe_sign_ins(self, ripeness)
    }
    fn insert_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError> {
        device::insert_device(self, device)
    }
    fn update_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError> {
        device::update_device(self, device)
    }
    fn move_last_sync(&mut self, tenant: TenantId, id: DeviceId, at: Timestamp) -> Result<(), StoreError> {
        device::move_last_sync(self, tenant, id, at)
    }
    fn insert_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        resource::insert_resource(self, resource)
    }
    fn update_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        resource::update_resource(self, resource)
    }
    fn delete_resource(&mut self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<(), StoreError> {
        resource::delete_resource(self, tenant, kind, id)
    }
    fn link(
        &mut self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<(), StoreError> {
        resource::link(self, tenant, device, kind, id)
    }
    fn unlink(
        &mut self,
        tenant: TenantId,
        device: DeviceId,
        kind: ResourceKind,
        id: ResourceId,
    ) -> Result<(), StoreError> {
        resource::unlink(self, tenant, device, kind, id)
    }
    fn insert_enrollment(&mut self, enrollment: &Enrollment) -> Result<(), StoreError> {
        enrollment::insert_enrollment(self, enrollment)
    }
    fn close_enrollment(&mut self, id: EnrollmentId, at: Timestamp) -> Result<(), StoreError> {
        enrollment::close(self, id, at)
    }
    fn require_certificate(&mut self, id: EnrollmentId) -> Result<(), StoreError> {
        enrollment::require_certificate(self, id)
    }
    fn insert_enrollment_token(&mut self, token: &EnrollmentToken) -> Result<(), StoreError> {
        enrollment::insert_token(self, token)
    }
    fn use_enrollment_token(
        &mut self,
        sha256: &[u8; 32],
        at: Timestamp,
        enrollment: EnrollmentId,
    ) -> Result<(), StoreError> {
        enrollment::use_token(self, sha256, at, enrollment)
    }
    fn put_session(&mut self, enrollment: EnrollmentId, state: &[u8]) -> Result<(), StoreError> {
        enrollment::put_session(self, enrollment, state)
    }
    fn insert_action(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        action::insert_action(self, action)
    }
    fn update_action(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        action::update_action(self, action)
    }
    fn record_request(
        &mut self,
        action: &ActionRecord,
        caller_key: &str,
        client_request_id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        action::record_request(self, action, caller_key, client_request_id, at)
    }
    fn record_acceptance(&mut self, action: &ActionRecord, caller_key: &str, at: Timestamp) -> Result<(), StoreError> {
        action::record_acceptance(self, action, caller_key, at)
    }
    fn count_recovery(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        hold::count_recovery(self, action)
    }
    fn insert_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError> {
        role::insert_assignment(self, assignment)
    }
    fn update_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError> {
        role::update_assignment(self, assignment)
    }
    fn delete_role_assignment(&mut self, tenant: TenantId, id: AssignmentId) -> Result<bool, StoreError> {
        role::delete_assignment(self, tenant, id)
    }
    fn set_tokens_valid_from(
        &mut self,
        tenant: TenantId,
        principal: &Principal,
        moment: Timestamp,
    ) -> Result<(), StoreError> {
        revocation::set_valid_from(self, tenant, principal, moment)
    }
    fn record_reading(&mut self, reading: &Reading) -> Result<(), StoreError> {
        hold::record_reading(self, reading)
    }
    fn insert_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        hold::insert_hold(self, hold)
    }
    fn update_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        hold::update_hold(self, hold)
    }
    fn insert_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        alert::insert_alert(self, alert)?;
        self.raised_alert = true;
        Ok(())
    }
    fn has_raised_alert(&self) -> bool {
        self.raised_alert
    }
    fn delete_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        alert::delete_alert(self, alert)
    }
    fn insert_delivery(&mut self, delivery: &Delivery) -> Result<i64, StoreError> {
        delivery::insert_delivery(self, delivery)
    }
    fn update_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        delivery::update_delivery(self, delivery)
    }
    fn insert_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError> {
        secret::insert_secret(self, secret)
    }
    fn update_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError> {
        secret::update_secret(self, secret)
    }
    fn void_secrets(&mut self, tenant: TenantId, device: DeviceId) -> Result<(), StoreError> {
        secret::void(self, tenant, device)
    }
    fn close_disclosure_windows(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
        secret::close_windows(self, tenant, at)
    }
    fn mark_before_restore(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
        action::mark_before_restore(self, tenant, at)
    }
    fn void_enrollment_tokens(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
        enrollment::void_tokens(self, tenant, at)
    }
    fn set_marks(&mut self, ripeness: &Ripeness) -> Result<(), StoreError> {
        steady::set_marks(self, ripeness)
    }
    fn set_action_mark(&mut self, action: ActionId, mark: Option<u64>) -> Result<(), StoreError> {
        steady::set_action_mark(self, action, mark)
    }
    fn set_running(&mut self, running: &Running) -> Result<(), StoreError> {
        steady::set_running(self, running)
    }
    fn put_known_key(&mut self, key: &KnownKey) -> Result<(), StoreError> {
        known_key::put(self, key)
    }
    fn end_known_key(&mut self, name: &KeyName, at: Timestamp) -> Result<(), StoreError> {
        known_key::end(self, name, at)
    }
    fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        audit::append_event(self, event)
    }
    fn append_links(&mut self, links: &[ChainLink]) -> Result<(), StoreError> {
        audit::append_links(self, links)
    }
    fn insert_checkpoint(&mut self, checkpoint: &StoredCheckpoint) -> Result<(), StoreError> {
        audit::insert_checkpoint(self, checkpoint)
    }
    fn settle_rows(&mut self, remove: bool) -> Result<u64, StoreError> {
        authenticated::settle(self, remove)
    }
}
