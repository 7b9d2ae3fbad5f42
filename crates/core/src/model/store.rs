//! The store of the model, in memory: the methods that the functions under check use. Every other method is an error.
//!
//! A clone is a unit of work in progress; keeping it is the commit, dropping it is the crash.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::action::{ActionRecord, ActionState};
use crate::actions::named;
use crate::alert::Alert;
use crate::application::Application;
use crate::audit::{Activity, AuditEvent};
use crate::command::{Delivery, DeviceCommand, Phase, Purpose};
use crate::device::{ManagedDevice, Platform};
use crate::enrollment::{Enrollment, EnrollmentToken};
use crate::escrow::{EscrowedSecret, SecretKind, Standing, UNTIL_REPLACED};
use crate::hold::{Hold, HoldKind, HoldRule};
use crate::id::{
    ActionId, ApplicationId, AssignmentId, DeviceId, EnrollmentId, EventId, HoldId, RequestId, ResourceId, SecretId,
    TenantId,
};
use crate::keys::{KeyName, KnownKey};
use crate::lock::Lock;
use crate::ports::{
    ChainLink, ChainedEvent, DeviceScope, EventLinks, NamedEvent, ResourceScope, RowLook, RowPlace, Statistics,
    StoreError, StoredCheckpoint, StoredEvent, StrayEvents, UnitOfWork, View,
};
use crate::principal::{Principal, PrincipalKind, RoleAssignment};
use crate::query::{ActionField, AuditField, DeviceField, Filter, Listing, Paged, ResourceField};
use crate::reading::{Reading, ReadingRule, Readings};
use crate::resource::{Resource, ResourceKind};
use crate::scope_tag::{ScopeTags, Visibility};
use crate::sign_in::SignIn;
use crate::steady::{Ripeness, Running};
use crate::tenant::{Tenant, TenantSettings};

/// The only tenant.
pub(crate) const TENANT: TenantId = TenantId(Uuid::nil());
/// The only device.
pub(crate) const DEVICE: DeviceId = DeviceId(Uuid::nil());
/// The text of every enrolment token, hashed.
pub(super) const TOKEN: [u8; 32] = [7; 32];
/// The name of the device on the wire.
pub(super) const REPORTED_ID: &str = "device";

/// The enrolment of that number.
pub(crate) fn enrollment_id(number: u8) -> EnrollmentId {
    EnrollmentId(Uuid::from_u128(number.into()))
}

/// An event that a promise asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Recorded {
    /// A caller asked in that request, and got that action.
    Asked(RequestId, ActionId),
    /// A passcode of that action was shown.
    Shown(ActionId),
    /// The action ended.
    Ended(ActionId),
}

/// Everything that is durable on the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Db {
    pub(super) platform: Platform,
    /// The number of enrolments; the last one may be open.
    pub(super) enrolled: u8,
    pub(super) is_enrolled: bool,
    /// The actions, in the order in which they were opened.
    pub(crate) actions: Vec<ActionRecord>,
    /// The deliveries, in the order of their numbers.
    pub(crate) deliveries: Vec<Delivery>,
    /// The secrets, in the order in which they came.
    pub(super) secrets: Vec<EscrowedSecret>,
    /// The answered requests: caller, its id of the request, the action, and the time.
    requests: Vec<(String, String, ActionId, Timestamp)>,
    pub(super) record: BTreeSet<Recorded>,
    /// The session of the server, and the number of the last message, whose repeat is answered from memory.
    pub(super) session: Option<(u8, u8)>,
}

impl Db {
    /// A tenant with one device that has enrolled and set up.
    pub(crate) fn new(platform: Platform) -> Self {
        Self {
            platform,
            enrolled: 1,
            is_enrolled: true,
            actions: Vec::new(),
            deliveries: Vec::new(),
            secrets: Vec::new(),
            requests: Vec::new(),
            record: BTreeSet::new(),
            session: None,
        }
    }

    /// The enrolment by which the device may come.
    pub(super) fn open(&self) -> Option<Enrollment> {
        self.is_enrolled.then(|| self.enrolment(self.enrolled))
    }

    fn enrolment(&self, number: u8) -> Enrollment {
        let is_open = self.is_enrolled && number == self.enrolled;
        Enrollment {
            id: enrollment_id(number),
            tenant: TENANT,
            device: DEVICE,
            certificate_sha256: [number; 32],
            reported_id: REPORTED_ID.to_owned(),
            needs_certificate: false,
            created: Timestamp::UNIX_EPOCH,
            closed: (!is_open).then_some(Timestamp::UNIX_EPOCH),
        }
    }

    /// The newest action.
    pub(crate) fn newest(&self) -> Option<&ActionRecord> {
        self.actions.last()
    }

    /// The value of that action that a permitted person is shown.
    pub(super) fn shown(&self, action: ActionId) -> Option<&EscrowedSecret> {
        let mut of_action = self.secrets.iter().filter(|secret| secret.context.action == action);
        of_action.find(|secret| secret.standing != Standing::History)
    }

    /// Returns true if that action needs no verification, or its last attempt was verified. In a verified attempt, the device
    /// answered a step of verification with yes, for the secret that is the result.
    pub(super) fn was_verified(&self, action: &ActionRecord) -> bool {
        let way = named(action.name).and_then(|declared| declared.way_of(self.platform));
        if way.is_some_and(|way| !way.steps.contains(&Purpose::Verify)) {
            return true;
        }
        let result = self.shown(action.id).map(|secret| secret.id);
        self.deliveries.iter().any(|it| {
            let named = it.commands.iter().find_map(DeviceCommand::secret).map(|secret| secret.id);
            (it.action, it.attempt, it.purpose) == (Some(action.id), action.attempt, Purpose::Verify)
                && matches!(it.phase, Phase::Settled(_))
                && it.statuses == [Some(200)]
                && named == result
        })
    }

    /// Forgets everything that no function and no promise can read any more, so that equal situations are equal states.
    /// `referenced` are the messages that something on its way may still name.
    pub(super) fn forget(&mut self, referenced: &BTreeSet<String>) {
        let Self { actions, deliveries, is_enrolled, enrolled, .. } = self;
        let open = is_enrolled.then(|| enrollment_id(*enrolled));
        deliveries.retain(|delivery| {
            let serves = actions.iter().any(|action| Some(action.id) == delivery.action && action.state.is_open());
            let is_named = delivery.phase.receipt().is_some_and(|receipt| referenced.contains(&receipt.message));
            let waits = matches!(delivery.phase, Phase::Queued | Phase::Sent(_));
            Some(delivery.enrollment) == open && (serves || is_named || waits)
        });
        for delivery in deliveries.iter_mut() {
            if let Phase::Sent(at) | Phase::Settled(at) | Phase::Lost(at) = &mut delivery.phase
                && !referenced.contains(&at.message)
            {
                at.message.clear();
            }
        }
        for (index, delivery) in (1..).zip(deliveries.iter_mut()) {
            delivery.seq = index;
        }
    }
}

impl Db {
    /// The secrets of that kind whose envelopes are still kept, oldest first.
    fn kept(&self, kind: SecretKind) -> impl DoubleEndedIterator<Item = &EscrowedSecret> {
        self.secrets.iter().filter(move |secret| secret.envelope.is_some() && secret.context.kind == kind)
    }

    /// Gives every message another name.
    pub(super) fn rename(&mut self, rename: &dyn Fn(&mut String)) {
        for delivery in &mut self.deliveries {
            if let Phase::Sent(at) | Phase::Settled(at) | Phase::Lost(at) = &mut delivery.phase {
                rename(&mut at.message);
            }
        }
    }
}

fn not_modelled(method: &str) -> StoreError {
    StoreError::Inconsistent(format!("{method} is not modelled"))
}

fn absent(what: &str) -> StoreError {
    StoreError::Inconsistent(format!("there is no such {what}"))
}

macro_rules! not_modelled {
    ($(fn $name:ident(& $($this:ident)+ $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {$(
        fn $name(& $($this)+ $(, $argument: $type)*) -> $result {
            $(let _ = $argument;)*
            Err(not_modelled(stringify!($name)))
        }
    )*};
}

impl View for Db {
    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        // Ceilings belong to many devices; with one they only hide states.
        let settings = TenantSettings {
            hold: HoldRule { recoveries: 0, ..HoldRule::default() },
            reading: ReadingRule { passcodes: 0, by_caller: 0, ..ReadingRule::default() },
            ..TenantSettings::default()
        };
        Ok(Some(Tenant { settings, ..Tenant::new(id, "", Timestamp::UNIX_EPOCH) }))
    }
    fn device(&self, tenant: TenantId, id: DeviceId) -> Result<Option<ManagedDevice>, StoreError> {
        Ok(Some(ManagedDevice::new(tenant, id, self.platform, Timestamp::UNIX_EPOCH)))
    }
    fn enrollment(&self, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError> {
        let number = (1..=self.enrolled).find(|number| enrollment_id(*number) == id);
        Ok(number.map(|number| self.enrolment(number)))
    }
    fn open_enrollment(&self, _: TenantId, _: DeviceId) -> Result<Option<Enrollment>, StoreError> {
        Ok(self.open())
    }
    fn device_by_reported_id(&self, tenant: TenantId, _: &str) -> Result<Option<ManagedDevice>, StoreError> {
        self.device(tenant, DEVICE)
    }
    fn enrollment_token(&self, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError> {
        Ok(Some(EnrollmentToken {
            token_sha256: *sha256,
            tenant: TENANT,
            user: None,
            replaces: Some(DEVICE),
            created: Timestamp::UNIX_EPOCH,
            expires: Timestamp::MAX,
            used: None,
        }))
    }

    fn action(&self, _: TenantId, id: ActionId) -> Result<Option<ActionRecord>, StoreError> {
        Ok(self.actions.iter().find(|action| action.id == id).cloned())
    }
    fn current_results(&self, _: TenantId, _: DeviceId) -> Result<Vec<ActionRecord>, StoreError> {
        Ok(self.actions.iter().rev().cloned().collect())
    }
    fn unreplaced_result(
        &self,
        _: TenantId,
        _: DeviceId,
        kind: SecretKind,
    ) -> Result<Option<EscrowedSecret>, StoreError> {
        let is_it = |secret: &&EscrowedSecret| secret.standing == Standing::Current && secret.expires == UNTIL_REPLACED;
        Ok(self.kept(kind).rfind(is_it).cloned())
    }
    fn secrets_to_retire(
        &self,
        _: TenantId,
        _: DeviceId,
        kind: SecretKind,
        beyond: Timestamp,
    ) -> Result<Vec<(EscrowedSecret, ActionState)>, StoreError> {
        let state = |id| self.actions.iter().find(|action| action.id == id).map(|action| action.state);
        let kept = self.kept(kind).filter(|secret| secret.expires > beyond);
        Ok(kept.filter_map(|secret| Some((secret.clone(), state(secret.context.action)?))).collect())
    }
    fn open_action(&self, _: TenantId, _: DeviceId, name: &str) -> Result<Option<ActionRecord>, StoreError> {
        Ok(self.actions.iter().find(|action| action.name == name && action.state.is_open()).cloned())
    }
    fn action_of_request(
        &self,
        _: TenantId,
        _: DeviceId,
        caller_key: &str,
        client_request_id: &str,
    ) -> Result<Option<(ActionId, Timestamp)>, StoreError> {
        let is_it = |(key, id, ..): &&(String, String, _, _)| key == caller_key && id == client_request_id;
        Ok(self.requests.iter().rev().find(is_it).map(|(.., action, at)| (*action, *at)))
    }
    fn open_actions_before(
        &self,
        before: Timestamp,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(ActionRecord, Option<u64>)>, StoreError> {
        let open = self.actions.iter().filter(|action| action.state.is_open() && action.started < before);
        Ok(open.skip(skip).take(limit).map(|action| (action.clone(), None)).collect())
    }

    fn next_delivery(&self, enrollment: EnrollmentId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.deliveries_queued(enrollment)?.into_iter().next())
    }
    fn deliveries_queued(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
        let queued = self.deliveries.iter().filter(|it| it.enrollment == enrollment && it.phase == Phase::Queued);
        let (mut first, rest): (Vec<_>, Vec<_>) = queued.cloned().partition(|it| it.purpose == Purpose::Finish);
        first.extend(rest);
        Ok(first)
    }
    fn deliveries_in_flight(&self, enrollment: EnrollmentId) -> Result<Vec<Delivery>, StoreError> {
        let sent = |it: &&Delivery| it.enrollment == enrollment && matches!(it.phase, Phase::Sent(_));
        Ok(self.deliveries.iter().filter(sent).cloned().collect())
    }
    fn delivery_with_receipt(
        &self,
        enrollment: EnrollmentId,
        message: &str,
        place: u32,
    ) -> Result<Option<Delivery>, StoreError> {
        let is_it = |it: &&Delivery| {
            let receipt = it.phase.receipt().filter(|receipt| receipt.message == message && receipt.first <= place);
            it.enrollment == enrollment && receipt.is_some()
        };
        Ok(self.deliveries.iter().rev().find(is_it).cloned())
    }
    fn deliveries(&self, action: ActionId) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.deliveries.iter().filter(|it| it.action == Some(action)).cloned().collect())
    }
    fn secrets(&self, _: TenantId, action: ActionId) -> Result<Vec<EscrowedSecret>, StoreError> {
        self.secrets_of(TENANT, &[action])
    }
    fn secrets_of(&self, _: TenantId, actions: &[ActionId]) -> Result<Vec<EscrowedSecret>, StoreError> {
        Ok(self.secrets.iter().filter(|secret| actions.contains(&secret.context.action)).cloned().collect())
    }

    fn role_assignments_of(&self, _: TenantId, _: &[Principal]) -> Result<Vec<RoleAssignment>, StoreError> {
        Ok(Vec::new())
    }
    fn newest_hold(&self, _: TenantId, _: HoldKind, _: Option<&str>) -> Result<Option<Hold>, StoreError> {
        Ok(None)
    }
    fn recoveries_between(&self, _: TenantId, _: Timestamp, _: Timestamp, _: u32) -> Result<u32, StoreError> {
        Ok(0)
    }
    fn readings_between(
        &self,
        _: TenantId,
        _: Option<&str>,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Readings, StoreError> {
        Ok(Readings::default())
    }
    fn has_read(
        &self,
        _: TenantId,
        _: ActionId,
        _: SecretId,
        _: &str,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }
    fn has_ever_read(&self, _: TenantId, _: &str) -> Result<bool, StoreError> {
        Ok(true)
    }
    fn current_keys(&self, _: &[KeyName]) -> Result<Vec<KnownKey>, StoreError> {
        Ok(Vec::new())
    }

    not_modelled! {
        fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;
        fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Option<Application>, StoreError>;
        fn applications(&self, tenant: TenantId) -> Result<Vec<Application>, StoreError>;
        fn sign_in(&self, tenant: TenantId, handle: &[u8; 32]) -> Result<Option<SignIn>, StoreError>;
        fn sign_in_by_code(&self, user_code: &str) -> Result<Option<SignIn>, StoreError>;
        fn sign_ins(&self, tenant: TenantId) -> Result<Vec<SignIn>, StoreError>;
        fn devices_of(&self, tenant: TenantId, ids: &[DeviceId]) -> Result<Vec<ManagedDevice>, StoreError>;
        fn devices(&self, tenant: TenantId, scope: DeviceScope, visible: &Visibility, listing: &Listing<DeviceField>) -> Result<Paged<ManagedDevice>, StoreError>;
        fn count_devices(&self, tenant: TenantId, scope: DeviceScope, visible: &Visibility, filter: &Filter<DeviceField>) -> Result<u64, StoreError>;
        fn resource(&self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<Option<Resource>, StoreError>;
        fn resources_of(&self, tenant: TenantId, kind: ResourceKind, ids: &[ResourceId]) -> Result<Vec<Resource>, StoreError>;
        fn resource_by_key(&self, tenant: TenantId, kind: ResourceKind, key: &str) -> Result<Option<Resource>, StoreError>;
        fn resources(&self, tenant: TenantId, scope: ResourceScope, visible: &Visibility, listing: &Listing<ResourceField>) -> Result<Paged<Resource>, StoreError>;
        fn count_resources(&self, tenant: TenantId, scope: ResourceScope, visible: &Visibility, filter: &Filter<ResourceField>) -> Result<u64, StoreError>;
        fn scope_tags_of_devices(&self, tenant: TenantId) -> Result<ScopeTags, StoreError>;
        fn is_linked(&self, tenant: TenantId, device: DeviceId, kind: ResourceKind, id: ResourceId) -> Result<bool, StoreError>;
        fn enrollment_by_certificate(&self, sha256: &[u8; 32]) -> Result<Option<Enrollment>, StoreError>;
        fn enrollments_by_reported_id(&self, reported_id: &str) -> Result<Vec<Enrollment>, StoreError>;
        fn devices_without_certificate(&self, tenant: TenantId, limit: usize) -> Result<Vec<ManagedDevice>, StoreError>;
        fn session(&self, enrollment: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError>;
        fn newest_action_for(&self, tenant: TenantId, device: DeviceId, lock: Lock) -> Result<Option<ActionRecord>, StoreError>;
        fn actions(&self, tenant: TenantId, device: DeviceId, limit: usize) -> Result<Vec<ActionRecord>, StoreError>;
        fn delivery(&self, seq: i64) -> Result<Option<Delivery>, StoreError>;
        fn last_accepted(&self, tenant: TenantId, device: DeviceId, caller_key: &str) -> Result<Option<(ActionId, Timestamp)>, StoreError>;
        fn role_assignments(&self, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError>;
        fn tokens_valid_from(&self, tenant: TenantId, principals: &[Principal]) -> Result<Option<Timestamp>, StoreError>;
        fn last_valid_from(&self, tenant: TenantId, kind: PrincipalKind) -> Result<Option<Timestamp>, StoreError>;
        fn hold(&self, tenant: TenantId, id: HoldId) -> Result<Option<Hold>, StoreError>;
        fn standing_holds(&self, tenant: TenantId) -> Result<Vec<Hold>, StoreError>;
        fn holds(&self, tenant: TenantId, limit: usize) -> Result<Vec<Hold>, StoreError>;
        fn alerts(&self, limit: usize) -> Result<Vec<Alert>, StoreError>;
        fn has_managed_devices(&self, tenant: TenantId, at_least: u64) -> Result<bool, StoreError>;
        fn secrets_ripe(&self, ripeness: &Ripeness, limit: usize) -> Result<Vec<EscrowedSecret>, StoreError>;
        fn has_marks_to_set(&self, ripeness: &Ripeness) -> Result<bool, StoreError>;
        fn running(&self) -> Result<Running, StoreError>;
        fn known_keys(&self) -> Result<Vec<KnownKey>, StoreError>;
        fn known_key(&self, name: &KeyName) -> Result<Option<KnownKey>, StoreError>;
        fn remote_actions(&self, tenant: TenantId, visible: &Visibility, listing: &Listing<ActionField>) -> Result<Paged<ActionRecord>, StoreError>;
        fn count_remote_actions(&self, tenant: TenantId, visible: &Visibility, filter: &Filter<ActionField>) -> Result<u64, StoreError>;
        fn audit_event(&self, tenant: TenantId, id: EventId) -> Result<Option<NamedEvent>, StoreError>;
        fn audit_events(&self, tenant: TenantId, visible: &Visibility, listing: &Listing<AuditField>) -> Result<Paged<NamedEvent>, StoreError>;
        fn count_audit_events(&self, tenant: TenantId, visible: &Visibility, filter: &Filter<AuditField>) -> Result<u64, StoreError>;
        fn unchained_events(&self, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;
        fn chain_heads(&self) -> Result<Vec<ChainLink>, StoreError>;
        fn chain_head(&self, tenant: TenantId) -> Result<Option<ChainLink>, StoreError>;
        fn chained_events(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<ChainedEvent>, StoreError>;
        fn checkpoints(&self, tenant: TenantId) -> Result<Vec<StoredCheckpoint>, StoreError>;
        fn stray_events(&self, after: i64, limit: usize) -> Result<StrayEvents, StoreError>;
        fn links_of(&self, seqs: &[i64]) -> Result<EventLinks, StoreError>;
        fn checkpoints_between(&self, tenant: TenantId, first: u64, last: u64) -> Result<Vec<StoredCheckpoint>, StoreError>;
        fn newest_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, StoreError>;
        fn unsound_rows(&self, from: RowPlace, limit: usize) -> Result<RowLook, StoreError>;
        fn statistics(&self) -> Result<Statistics, StoreError>;
    }
}

impl UnitOfWork for Db {
    fn has_raised_alert(&self) -> bool {
        false
    }
    /// Does nothing: the functions under check decide by no value of the device's row.
    fn update_device(&mut self, _: &ManagedDevice) -> Result<(), StoreError> {
        Ok(())
    }
    fn move_last_sync(&mut self, _: TenantId, _: DeviceId, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
    fn insert_enrollment(&mut self, _: &Enrollment) -> Result<(), StoreError> {
        (self.enrolled, self.is_enrolled) = (self.enrolled + 1, true);
        Ok(())
    }
    fn close_enrollment(&mut self, _: EnrollmentId, _: Timestamp) -> Result<(), StoreError> {
        (self.is_enrolled, self.session) = (false, None);
        Ok(())
    }
    fn use_enrollment_token(&mut self, _: &[u8; 32], _: Timestamp, _: EnrollmentId) -> Result<(), StoreError> {
        Ok(())
    }

    fn insert_action(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        self.actions.push(action.clone());
        Ok(())
    }
    fn update_action(&mut self, action: &ActionRecord) -> Result<(), StoreError> {
        let row = self.actions.iter_mut().find(|row| row.id == action.id).ok_or_else(|| absent("action"))?;
        row.clone_from(action);
        Ok(())
    }
    fn record_request(
        &mut self,
        action: &ActionRecord,
        caller_key: &str,
        client_request_id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.requests.retain(|(key, id, ..)| key != caller_key || id != client_request_id);
        self.requests.push((caller_key.to_owned(), client_request_id.to_owned(), action.id, at));
        Ok(())
    }
    fn count_recovery(&mut self, _: &ActionRecord) -> Result<(), StoreError> {
        Ok(())
    }
    fn record_reading(&mut self, _: &Reading) -> Result<(), StoreError> {
        Ok(())
    }

    fn insert_delivery(&mut self, delivery: &Delivery) -> Result<i64, StoreError> {
        let seq = self.deliveries.last().map_or(1, |last| last.seq + 1);
        // No promise concerns set-up.
        if delivery.purpose != Purpose::SetUp {
            self.deliveries.push(Delivery { seq, ..delivery.clone() });
        }
        Ok(seq)
    }
    fn update_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        let row = self.deliveries.iter_mut().find(|row| row.seq == delivery.seq).ok_or_else(|| absent("delivery"))?;
        row.commands.clone_from(&delivery.commands);
        row.phase.clone_from(&delivery.phase);
        row.statuses.clone_from(&delivery.statuses);
        Ok(())
    }
    fn insert_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError> {
        if self.secrets.iter().any(|known| known.id == secret.id) {
            return Err(StoreError::Duplicate("secret"));
        }
        self.secrets.push(secret.clone());
        Ok(())
    }
    fn update_secret(&mut self, secret: &EscrowedSecret) -> Result<(), StoreError> {
        let row = self.secrets.iter_mut().find(|row| row.id == secret.id).ok_or_else(|| absent("secret"))?;
        row.clone_from(secret);
        Ok(())
    }
    fn void_secrets(&mut self, _: TenantId, _: DeviceId) -> Result<(), StoreError> {
        for secret in &mut self.secrets {
            if matches!(secret.standing, Standing::Current | Standing::Uncertain) {
                secret.standing = Standing::Void;
            }
        }
        Ok(())
    }
    fn set_action_mark(&mut self, _: ActionId, _: Option<u64>) -> Result<(), StoreError> {
        Ok(())
    }

    fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        let recorded = match (event.activity, event.request, event.action) {
            (Activity::ActionRequested | Activity::ActionRequestedAgain, Some(request), Some(action)) => {
                Recorded::Asked(request, action)
            }
            (Activity::PasscodeDisclosed, _, Some(action)) => Recorded::Shown(action),
            (Activity::ActionSettled, _, Some(action)) => Recorded::Ended(action),
            _ => return Ok(()),
        };
        self.record.insert(recorded);
        Ok(())
    }

    not_modelled! {
        fn now(&self) -> Result<Timestamp, StoreError>;
        fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError>;
        fn update_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError>;
        fn insert_application(&mut self, application: &Application) -> Result<(), StoreError>;
        fn update_application(&mut self, application: &Application) -> Result<(), StoreError>;
        fn delete_application(&mut self, tenant: TenantId, id: ApplicationId) -> Result<(), StoreError>;
        fn insert_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError>;
        fn update_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError>;
        fn delete_sign_ins(&mut self, now: Timestamp) -> Result<(), StoreError>;
        fn delete_ripe_sign_ins(&mut self, ripeness: &Ripeness) -> Result<(), StoreError>;
        fn insert_device(&mut self, device: &ManagedDevice) -> Result<(), StoreError>;
        fn insert_resource(&mut self, resource: &Resource) -> Result<(), StoreError>;
        fn update_resource(&mut self, resource: &Resource) -> Result<(), StoreError>;
        fn delete_resource(&mut self, tenant: TenantId, kind: ResourceKind, id: ResourceId) -> Result<(), StoreError>;
        fn link(&mut self, tenant: TenantId, device: DeviceId, kind: ResourceKind, id: ResourceId) -> Result<(), StoreError>;
        fn unlink(&mut self, tenant: TenantId, device: DeviceId, kind: ResourceKind, id: ResourceId) -> Result<(), StoreError>;
        fn require_certificate(&mut self, id: EnrollmentId) -> Result<(), StoreError>;
        fn insert_enrollment_token(&mut self, token: &EnrollmentToken) -> Result<(), StoreError>;
        fn void_enrollment_tokens(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError>;
        fn put_session(&mut self, enrollment: EnrollmentId, state: &[u8]) -> Result<(), StoreError>;
        fn record_acceptance(&mut self, action: &ActionRecord, caller_key: &str, at: Timestamp) -> Result<(), StoreError>;
        fn insert_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError>;
        fn update_role_assignment(&mut self, assignment: &RoleAssignment) -> Result<(), StoreError>;
        fn delete_role_assignment(&mut self, tenant: TenantId, id: AssignmentId) -> Result<bool, StoreError>;
        fn set_tokens_valid_from(&mut self, tenant: TenantId, principal: &Principal, moment: Timestamp) -> Result<(), StoreError>;
        fn insert_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;
        fn update_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;
        fn insert_alert(&mut self, alert: &Alert) -> Result<(), StoreError>;
        fn delete_alert(&mut self, alert: &Alert) -> Result<(), StoreError>;
        fn close_disclosure_windows(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError>;
        fn mark_before_restore(&mut self, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError>;
        fn set_marks(&mut self, ripeness: &Ripeness) -> Result<(), StoreError>;
        fn set_running(&mut self, running: &Running) -> Result<(), StoreError>;
        fn put_known_key(&mut self, key: &KnownKey) -> Result<(), StoreError>;
        fn end_known_key(&mut self, name: &KeyName, at: Timestamp) -> Result<(), StoreError>;
        fn append_links(&mut self, links: &[ChainLink]) -> Result<(), StoreError>;
        fn insert_checkpoint(&mut self, checkpoint: &StoredCheckpoint) -> Result<(), StoreError>;
        fn settle_rows(&mut self, remove: bool) -> Result<u64, StoreError>;
    }
}
