//! `recoverPasscode`: the device gets a new passcode, and the escrow holds it.
//!
//! | platform | how | what the operator gets |
//! |---|---|---|
//! | Windows, Windows Phone | [`remote_lock`]: the device makes a PIN and reports it | the new PIN, or the device's own refusal |
//! | Linux | [`seal_first`]: the device seals a candidate, the escrow takes it, then the device changes | a passcode that the device has proven to open what it names, or its own reason why not |
//!
//! References: the Graph page of the action; RemoteLock CSP; `docs/linux.md` for our own nodes.
//!
//! The story, in order:
//! 1. [`begin`]: known request? device? [`check`] -> [`Recoverable`] -> action `pending`, delivery queued, audit:
//!    one unit of work; then 204.
//! 2. The device opens a session; [`sent`] marks the delivery and makes the action `active`.
//! 3. [`receive`]: answers are matched by delivery, a value is sealed as it arrives (or arrives sealed), [`settle`]
//!    decides what follows; secret, result and audit are one unit of work; only then the device is acknowledged.
//! 4. No answer and a new session: [`lost`]. What can be repeated is sent again; a PIN that can be read once is asked
//!    for first; else one more attempt, else the truth: the outcome is unknown.
//! 5. [`close`] ends an action whose device left or never came.

pub mod remote_lock;
pub mod seal_first;

use std::time::Duration;

use jiff::Timestamp;

use crate::action::{ActionRecord, ActionState, Outcome, RemoteAction};
use crate::audit::{Activity, AuditEvent};
use crate::caller::{Actor, Caller};
use crate::command::{Delivery, DeviceCommand, Phase, Purpose, SentIn};
use crate::decisions::hold;
use crate::device::{ManagedDevice, ManagementState, Platform};
use crate::digest::sha256_hex;
use crate::engine::escrow;
use crate::enrollment::Enrollment;
use crate::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing, UNTIL_REPLACED};
use crate::id::{ActionId, DeviceId, EnrollmentId, RequestId, SecretId};
use crate::lock::{DeviceLock, DeviceReport, Lock};
use crate::permission::Permission;
use crate::ports::Fault;
use crate::ports::{EscrowError, Sealer, StoreError, UnitOfWork};
use crate::refusal::Refusal;
use crate::role::RoleAction;
use crate::secret::Passcode;
use crate::steady::{Ripe, Ripeness};
use crate::tenant::TenantSettings;

/// The declaration.
pub const RECOVER_PASSCODE: RemoteAction = RemoteAction {
    name: "recoverPasscode",
    permission: Permission::PrivilegedOperationsAll,
    role_action: RoleAction::ResetPasscode,
    summary: "Give the device a new passcode and keep it for a permitted person",
};

/// The time in which a request counts as a repeat of an earlier one, by its id or as a retry without one: longer than the
/// three retries of an SDK with their delays of at most 180 seconds each. A script with a constant id recovers again later.
const RETRY_WINDOW: Duration = Duration::from_secs(10 * 60);

/// How many values of one action are kept beside its result: a device that repeats itself with ever
/// new values must not fill the store.
const MAX_KEPT_VALUES: usize = 8;

/// What is asked. The ids are fresh; they are parameters so that a decision can be repeated.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who asks; the permission was checked at the edge, by [`RECOVER_PASSCODE`].
    pub caller: Caller,
    /// For which device.
    pub device: DeviceId,
    /// The path as asked, for the record.
    pub path: String,
    /// The request.
    pub request: RequestId,
    /// The caller's own id of the request, equal in repeats of it.
    pub client_request_id: Option<String>,
    /// The caller says that it sends this request again: `Retry-Attempt` of 1 or more. SDKs send it even where they leave
    /// `client-request-id` out (graph.md 1.8).
    pub retry: bool,
    /// The caller's reason, for the record.
    pub reason: Option<String>,
    /// Why the caller wants to pass a hold, if it does.
    pub break_glass: Option<String>,
    /// The id of the action, if one is opened.
    pub action: ActionId,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A recovery was opened.
    Opened(ActionId),
    /// One is open already and serves this caller too. Audited; no second command.
    AlreadyOpen(ActionId),
    /// This very request was answered before. Audited; no second command.
    Repeated(ActionId),
    /// A precondition is missing. Audited.
    Refused(Refusal),
}

/// A device that passed [`check`]; only `check` makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Recoverable {
    enrollment: EnrollmentId,
    means: Means,
}

/// How a platform recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// RemoteLock CSP.
    RemoteLock,
    /// Our own nodes: sealed on the device before it changes.
    SealFirst,
}

impl Means {
    fn of(platform: Platform) -> Self {
        match platform {
            Platform::Windows | Platform::WindowsPhone => Self::RemoteLock,
            Platform::Linux => Self::SealFirst,
        }
    }

    /// How often it is tried before the outcome is called unknown. A PIN is lost with its answer, so that a new one
    /// changes the device again; a candidate that was lost changed nothing.
    fn max_attempts(self) -> u32 {
        match self {
            Self::RemoteLock => 2,
            Self::SealFirst => 5,
        }
    }

    /// What is true when the last attempt came to nothing: a PIN may have been made that nobody has, while a device that
    /// seals first says of each attempt that it is unchanged by it.
    fn exhausted(self) -> Outcome {
        match self {
            Self::RemoteLock => Outcome::OutcomeUnknown,
            Self::SealFirst => Outcome::DeviceRefused,
        }
    }

    /// What is asked for.
    fn locks(self, settings: &TenantSettings) -> &'static [Lock] {
        match self {
            Self::RemoteLock => &[Lock::Screen],
            Self::SealFirst => settings.linux_locks.locks(),
        }
    }

    /// The first commands of an attempt, and why they are sent.
    fn first(self, locks: &[Lock]) -> (Purpose, Vec<DeviceCommand>) {
        match self {
            Self::RemoteLock => (Purpose::Act, remote_lock::act()),
            Self::SealFirst => (Purpose::Prepare, seal_first::prepare(locks)),
        }
    }
}

/// Whether the device can be asked now.
pub fn check(device: &ManagedDevice, enrollment: Option<&Enrollment>) -> Result<Recoverable, Refusal> {
    if device.management_state != ManagementState::Managed {
        return Err(Refusal::DeviceRetired);
    }
    let enrollment = enrollment.ok_or(Refusal::DeviceNotEnrolled)?;
    Ok(Recoverable { enrollment: enrollment.id, means: Means::of(device.platform) })
}

/// Accepts a recovery. When this unit of work is durable, the caller is answered 204.
pub fn begin(unit: &mut dyn UnitOfWork, ask: &Ask, now: Timestamp) -> Result<Begun, Fault> {
    let tenant = ask.caller.tenant;
    let caller_key = ask.caller.actor.key();
    let device = unit.device(tenant, ask.device)?.ok_or(Refusal::DeviceNotFound)?;
    let event = |activity| {
        AuditEvent::new(tenant, now, ask.caller.actor.clone(), activity)
            .on_device(ask.device)
            .in_request(ask.request)
            .with("path", &ask.path)
    };
    if let Some((action, by)) = repeated(unit, ask, &caller_key, now)? {
        unit.append_audit(&event(Activity::ActionRequestedAgain).for_action(action).with("repeated", by))?;
        return Ok(Begun::Repeated(action));
    }

    let settings = unit.tenant(tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    let wanted = Means::of(device.platform).locks(&settings);
    let mut under_way = unit.open_action(tenant, ask.device, RECOVER_PASSCODE.name)?;
    // One that the server opened by itself, for a disk alone, must not swallow what a person asks for.
    let narrower = under_way.take_if(|open| wanted.iter().any(|lock| !open.locks.contains(lock)));
    if let Some(open) = under_way {
        remember(unit, &open, &caller_key, ask.client_request_id.as_deref(), now)?;
        let again = event(Activity::ActionRequestedAgain).for_action(open.id);
        unit.append_audit(&again.with_some("reason", ask.reason.as_ref()))?;
        return Ok(Begun::AlreadyOpen(open.id));
    }

    let enrollment = unit.open_enrollment(tenant, ask.device)?;
    let permitted = match narrower.as_ref() {
        Some(narrower) if seal_first::may_have_changed(&unit.deliveries(narrower.id)?) => {
            Err(Refusal::RecoveryUnderWay)
        }
        Some(_) | None => check(&device, enrollment.as_ref()),
    };
    // The hold last: what is refused anyway places none.
    let asker = hold::Asker { ask, device: &device, rule: settings.hold, event: &event };
    let permitted = match permitted {
        Ok(recoverable) => hold::pass(unit, &asker, now)?.map(|()| recoverable),
        Err(refusal) => Err(refusal),
    };
    let recoverable = match permitted {
        Ok(recoverable) => recoverable,
        Err(refusal) => {
            unit.append_audit(&event(Activity::ActionRefused).with("reason", &refusal))?;
            return Ok(Begun::Refused(refusal));
        }
    };
    if let Some(narrower) = narrower {
        close(unit, narrower, Outcome::CanceledByCaller, now)?;
    }

    let action = ActionRecord {
        client_request_id: ask.client_request_id.clone(),
        ..fresh(&device, ask.action, wanted, ask.caller.actor.clone(), now)
    };
    open(unit, &action, &recoverable)?;
    unit.count_recovery(&action)?;
    remember(unit, &action, &caller_key, ask.client_request_id.as_deref(), now)?;
    let requested = event(Activity::ActionRequested).for_action(action.id);
    unit.append_audit(&requested.with_some("reason", ask.reason.as_ref()))?;
    Ok(Begun::Opened(action.id))
}

/// The action with which this very request was answered before, and by what it is known: its id, while its action is open
/// or for [`RETRY_WINDOW`]; without an id, the caller's own word that it repeats what it asked for last.
fn repeated(
    unit: &mut dyn UnitOfWork,
    ask: &Ask,
    caller_key: &str,
    now: Timestamp,
) -> Result<Option<(ActionId, &'static str)>, StoreError> {
    let tenant = ask.caller.tenant;
    let since = now.checked_sub(RETRY_WINDOW).unwrap_or(Timestamp::MIN);
    if let Some(id) = &ask.client_request_id {
        let Some((action, at)) = unit.action_of_request(tenant, ask.device, caller_key, id)? else { return Ok(None) };
        let is_open = unit.action(tenant, action)?.is_some_and(|action| action.state.is_open());
        return Ok((at >= since || is_open).then_some((action, "client-request-id")));
    }
    if !ask.retry {
        return Ok(None);
    }
    let accepted = unit.accepted_since(tenant, ask.device, caller_key, since)?;
    Ok(accepted.map(|action| (action, "Retry-Attempt")))
}

fn fresh(device: &ManagedDevice, id: ActionId, locks: &[Lock], requested_by: Actor, now: Timestamp) -> ActionRecord {
    ActionRecord {
        id,
        tenant: device.tenant,
        device: device.id,
        name: RECOVER_PASSCODE.name,
        state: ActionState::Pending,
        attempt: 1,
        outcome: None,
        device_status: None,
        device_reason: None,
        locks: locks.to_vec(),
        opens: Vec::new(),
        verified: None,
        before_restore: None,
        requested_by,
        client_request_id: None,
        started: now,
        updated: now,
    }
}

/// Stores a fresh action with its first delivery.
fn open(unit: &mut dyn UnitOfWork, action: &ActionRecord, recoverable: &Recoverable) -> Result<(), StoreError> {
    unit.insert_action(action)?;
    let (purpose, commands) = recoverable.means.first(&action.locks);
    unit.insert_delivery(&delivery(action, recoverable.enrollment, purpose, commands, action.updated)).map(drop)
}

fn remember(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    caller_key: &str,
    client_request_id: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    match client_request_id {
        Some(id) => unit.record_request(action, caller_key, id, now),
        None => unit.record_acceptance(action, caller_key, now),
    }
}

fn delivery(
    action: &ActionRecord,
    enrollment: EnrollmentId,
    purpose: Purpose,
    commands: Vec<DeviceCommand>,
    now: Timestamp,
) -> Delivery {
    Delivery {
        seq: 0,
        tenant: action.tenant,
        device: action.device,
        enrollment,
        action: Some(action.id),
        attempt: action.attempt,
        purpose,
        statuses: vec![None; commands.len()],
        commands,
        phase: Phase::Queued,
        created: now,
    }
}

/// The delivery goes out in that message. Written before the message leaves.
pub fn sent(unit: &mut dyn UnitOfWork, mut delivery: Delivery, at: SentIn, now: Timestamp) -> Result<(), Fault> {
    let details = format!("session {} message {}", at.session, at.message);
    delivery.phase = Phase::Sent(at);
    unit.update_delivery(&delivery)?;
    if let Some(mut action) = action_of(unit, &delivery)? {
        action.state = ActionState::Active;
        action.updated = now;
        unit.update_action(&action)?;
        let event = AuditEvent::new(action.tenant, now, Actor::system(), Activity::ActionSent)
            .on_device(action.device)
            .for_action(action.id)
            .with("attempt", delivery.attempt)
            .with("sentIn", details);
        unit.append_audit(&event)?;
    }
    Ok(())
}

fn action_of(unit: &mut dyn UnitOfWork, delivery: &Delivery) -> Result<Option<ActionRecord>, StoreError> {
    delivery.action.map_or(Ok(None), |id| unit.action(delivery.tenant, id))
}

/// What one message of the device says about a delivery.
pub struct Answer {
    /// A status for each command of the delivery that this message has one for.
    pub statuses: Vec<Option<u16>>,
    /// The value, when there is one.
    pub value: Option<Value>,
    /// What the device says about the recovery, when it does.
    pub report: Option<DeviceReport>,
    /// True if the device has said all that it says for now: its package has ended.
    pub complete: bool,
}

/// A value that a device gives.
pub enum Value {
    /// In clear, of `NewPINValue`: sealed before anything else happens to it.
    Passcode(Passcode),
    /// The same, but without its node, or in another form than was asked for.
    Doubtful(Passcode),
    /// Sealed on the device.
    Envelope(Vec<u8>),
}

/// How an answer was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It decided the action.
    Settled(ActionState),
    /// More must come: statuses are missing, or another delivery follows.
    Waiting,
    /// It is not the answer of the current attempt; a value in it is kept as history.
    Late,
}

/// Takes an answer. When this unit of work is durable, the device is acknowledged.
///
/// `secret` is a fresh id, used when the answer carries a value.
pub fn receive(
    unit: &mut dyn UnitOfWork,
    sealer: &dyn Sealer,
    mut delivery: Delivery,
    answer: Answer,
    secret: SecretId,
    now: Timestamp,
) -> Result<Received, Fault> {
    let Some(mut action) = action_of(unit, &delivery)? else { return Ok(Received::Late) };
    let current = action.state.is_open() && matches!(delivery.phase, Phase::Sent(_));
    if let Some(value) = answer.value {
        let keeping = Keeping { action: &action, delivery: &delivery, secret, current, now };
        keeping.keep(unit, sealer, value)?;
    }
    if !current {
        take_late(unit, &mut action, &delivery, now)?;
        return Ok(Received::Late);
    }

    for (known, new) in delivery.statuses.iter_mut().zip(&answer.statuses) {
        *known = known.or(*new);
    }
    let value = held_value(unit, &action, &delivery)?;
    let report = answer.report.filter(|report| report.action == action.id && report.attempt == delivery.attempt);
    let held = Held::of(value.as_ref());
    let complete = answer.complete;
    let evidence = Evidence { statuses: &delivery.statuses, value: held, report: report.as_ref(), complete };
    let Some(settlement) = settle(delivery.purpose, evidence) else {
        unit.update_delivery(&delivery)?;
        return Ok(Received::Waiting);
    };
    if let Phase::Sent(at) = delivery.phase {
        delivery.phase = Phase::Settled(at);
    }
    unit.update_delivery(&delivery)?;
    match settlement {
        Settlement::Ended(ending) => {
            let done = ending.state == ActionState::Done;
            end(unit, &mut action, ending, report, value, now)?;
            if done
                && delivery.purpose == Purpose::Apply
                && let Some(enrollment) = unit.enrollment(delivery.enrollment)?
            {
                let retire = DeviceCommand::RetireOld { action: action.id, attempt: action.attempt };
                unit.insert_delivery(&seal_first::finish(&enrollment, retire, now))?;
            }
            Ok(Received::Settled(action.state))
        }
        Settlement::Apply => {
            seal_first::apply(unit, &action, &delivery, value, now)?;
            Ok(Received::Waiting)
        }
        Settlement::TryAgain => match try_again(unit, &mut action, delivery.enrollment, report, now)? {
            true => Ok(Received::Waiting),
            false => Ok(Received::Settled(action.state)),
        },
    }
}

/// What is known when a decision is due.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The statuses of the delivery's commands.
    pub statuses: &'a [Option<u16>],
    /// The value of this attempt in escrow.
    pub value: Held,
    /// What the device says about this very attempt.
    pub report: Option<&'a DeviceReport>,
    /// True if the device has said all that it says for now.
    pub complete: bool,
}

/// What the escrow holds of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// No value.
    Nothing,
    /// A value that came as it should.
    Certain,
    /// A value that came without its node, or in another form than was asked for.
    Doubtful,
}

impl Held {
    fn of(value: Option<&EscrowedSecret>) -> Self {
        match value.map(|secret| secret.standing) {
            None => Self::Nothing,
            Some(Standing::Uncertain) => Self::Doubtful,
            Some(Standing::Current | Standing::History | Standing::Void) => Self::Certain,
        }
    }
}

/// How an action ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its state.
    pub state: ActionState,
    /// Why.
    pub outcome: Outcome,
    /// The device's own status for the deciding command.
    pub device_status: Option<u16>,
}

/// What evidence decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The action ends.
    Ended(Ending),
    /// The escrow holds the candidate: the device may change.
    Apply,
    /// Nothing came of this attempt, and the device is unchanged by it: another may follow.
    TryAgain,
}

/// Decides. `None`: the device has not answered every command yet. Pure and total.
pub fn settle(purpose: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    match purpose {
        Purpose::Act | Purpose::Probe => remote_lock::settle(purpose, evidence),
        Purpose::Prepare | Purpose::Apply => seal_first::settle(purpose, evidence),
        Purpose::Finish | Purpose::SetUp => None,
    }
}

/// A value that arrived, and where it belongs.
struct Keeping<'a> {
    action: &'a ActionRecord,
    delivery: &'a Delivery,
    secret: SecretId,
    /// Whether it answers the current attempt.
    current: bool,
    now: Timestamp,
}

impl Keeping<'_> {
    /// Stores a value, sealed. It becomes current only when its action is done.
    fn keep(&self, unit: &mut dyn UnitOfWork, sealer: &dyn Sealer, value: Value) -> Result<(), Fault> {
        let (action, delivery) = (self.action, self.delivery);
        let kept = unit.secrets(action.tenant, action.id)?;
        if kept.len() >= MAX_KEPT_VALUES {
            return Ok(());
        }
        // With wrong recipients the value would be lost: the device keeps it and says it again.
        escrow::require(unit, sealer, action.tenant)?;
        let context = SecretContext {
            tenant: action.tenant,
            device: action.device,
            action: action.id,
            attempt: delivery.attempt,
            kind: SecretKind::Passcode,
        };
        let standing = match value {
            Value::Doubtful(_) if self.current => Standing::Uncertain,
            Value::Doubtful(_) | Value::Passcode(_) | Value::Envelope(_) => Standing::History,
        };
        let envelope = match value {
            Value::Passcode(passcode) | Value::Doubtful(passcode) => sealer.seal(&context, &passcode)?,
            // A device that repeats itself brings nothing new; what cannot be kept is as good as nothing.
            Value::Envelope(envelope) if kept.iter().any(|known| known.envelope.as_ref() == Some(&envelope)) => {
                return Ok(());
            }
            Value::Envelope(envelope) => match sealer.check(action.tenant, &envelope) {
                Ok(()) => envelope,
                Err(EscrowError::Unopenable(_)) => return Ok(()),
                // Our own keys cannot be read: the device is not to blame, and says it again.
                Err(fault @ EscrowError::NoKey(_)) => return Err(fault.into()),
            },
        };
        // While its action is open, a candidate may be what opens the device, also one that came late: retention
        // begins with the end.
        let expires = match action.state.is_open() && delivery.purpose == Purpose::Prepare {
            true => UNTIL_REPLACED,
            false => unread(unit, action, self.now)?,
        };
        unit.insert_secret(&EscrowedSecret {
            id: self.secret,
            context,
            envelope: Some(envelope),
            standing,
            received: self.now,
            expires,
            disclosed: None,
        })?;
        let activity = match (self.current, delivery.purpose) {
            (false, _) => Activity::SecretKept,
            (true, Purpose::Prepare) => Activity::CandidateEscrowed,
            (true, _) => return Ok(()),
        };
        let event = AuditEvent::new(action.tenant, self.now, Actor::device(delivery.enrollment), activity)
            .on_device(action.device)
            .for_action(action.id)
            .with("attempt", delivery.attempt);
        Ok(unit.append_audit(&event)?)
    }
}

/// A value came after its action had failed. The device may open with it and with nothing else: it stays within reach.
fn take_late(
    unit: &mut dyn UnitOfWork,
    action: &mut ActionRecord,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Fault> {
    let of_screen = matches!(delivery.purpose, Purpose::Act | Purpose::Probe);
    let failed = action.state == ActionState::Failed && !action.keeps_uncertain_value();
    if !of_screen || !failed || delivery.attempt != action.attempt {
        return Ok(());
    }
    let Some(value) = held_value(unit, action, delivery)? else { return Ok(()) };
    let (state, device_status) = (ActionState::Failed, action.device_status);
    end(unit, action, Ending { state, outcome: Outcome::Uncertain, device_status }, None, Some(value), now)
}

/// When an unread passcode of that action is shredded.
fn unread(unit: &mut dyn UnitOfWork, action: &ActionRecord, now: Timestamp) -> Result<Timestamp, StoreError> {
    let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    Ok(now.checked_add(settings.unread_retention()).unwrap_or(Timestamp::MAX))
}

/// The value that this delivery is about, if any: the one that the device is told to apply; otherwise the newest that
/// came with that attempt.
fn held_value(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    delivery: &Delivery,
) -> Result<Option<EscrowedSecret>, StoreError> {
    let secrets = unit.secrets(action.tenant, action.id)?;
    let of_attempt = |secret: &EscrowedSecret| secret.context.attempt == delivery.attempt;
    Ok(match delivery.commands.first() {
        Some(DeviceCommand::ApplyCandidate { envelope_sha256 }) => secrets.into_iter().find(|secret| {
            let hash = secret.envelope.as_deref().map(sha256_hex);
            of_attempt(secret) && hash.as_ref() == Some(envelope_sha256)
        }),
        Some(_) | None => secrets.into_iter().rfind(of_attempt),
    })
}

fn end(
    unit: &mut dyn UnitOfWork,
    action: &mut ActionRecord,
    ending: Ending,
    report: Option<DeviceReport>,
    value: Option<EscrowedSecret>,
    now: Timestamp,
) -> Result<(), Fault> {
    action.state = ending.state;
    action.outcome = Some(ending.outcome);
    action.device_status = ending.device_status;
    action.device_reason = report.as_ref().and_then(DeviceReport::reason);
    action.updated = now;
    // Whatever it says, it says it now.
    action.before_restore = None;
    if ending.state == ActionState::Done {
        match report {
            Some(report) => (action.opens, action.verified) = (report.opens, Some(now)),
            None => {
                let whole = |lock: &Lock| DeviceLock { lock: *lock, subject: String::new() };
                action.opens = action.locks.iter().map(whole).collect();
            }
        }
    }
    unit.update_action(action)?;
    promote(unit, action, value, now)?;
    let mut event = AuditEvent::new(action.tenant, now, Actor::system(), Activity::ActionSettled)
        .on_device(action.device)
        .for_action(action.id)
        .with("state", action.state.name())
        .with("outcome", ending.outcome.code())
        .with("attempt", action.attempt);
    if let Some(status) = ending.device_status {
        event = event.with("deviceStatus", status);
    }
    if let Some(reason) = &action.device_reason {
        event = event.with("deviceReason", reason);
    }
    if !action.opens.is_empty() {
        let opens: Vec<_> = action.opens.iter().map(ToString::to_string).collect();
        event = event.with("opens", opens.join(", "));
    }
    unit.append_audit(&event)?;
    Ok(())
}

/// What the end of an action means for what the escrow holds: the result becomes current and the retention of
/// everything else begins, that of older results included, as far as the new one opens what they opened.
fn promote(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    result: Option<EscrowedSecret>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = action.state == ActionState::Done;
    let unread = unread(unit, action, now)?;
    // A disk is locked while its device is off: what opens it must be here before anybody asks.
    let stays = action.opens.iter().any(|of| of.lock == Lock::Luks2);
    for mut secret in unit.secrets(action.tenant, action.id)? {
        let is_value = result.as_ref().is_some_and(|result| result.id == secret.id);
        let is_result = done && is_value;
        secret.standing = match secret.standing {
            _ if is_result => Standing::Current,
            _ if is_value && action.keeps_uncertain_value() => Standing::Uncertain,
            // One value is shown, at the most.
            Standing::Uncertain => Standing::History,
            other => other,
        };
        secret.expires = if is_result && stays { UNTIL_REPLACED } else { secret.expires.min(unread) };
        unit.update_secret(&secret)?;
    }
    if !done {
        return Ok(());
    }
    let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    // Several newer results together may open what one older did: what counts is which action opens each disk last.
    let newest = unit.current_results(action.tenant, action.device)?;
    for older in unit.results_kept(action.tenant, action.device)? {
        if older.id == action.id {
            continue;
        }
        let opens_last = |of: &DeviceLock| opener(&newest, of).is_some_and(|id| id == older.id);
        if !older.opens.iter().any(|of| of.lock == Lock::Luks2 && opens_last(of)) {
            for secret in unit.secrets(action.tenant, older.id)? {
                let window = settings.disclosure_window();
                let end = secret.disclosed.as_ref().and_then(|(at, _)| at.checked_add(window).ok());
                let expires = end.unwrap_or(unread).min(unread).min(secret.expires);
                if secret.expires > expires {
                    unit.update_secret(&EscrowedSecret { expires, ..secret })?;
                }
            }
        }
    }
    Ok(())
}

/// The action whose passcode opens that lock now: the newest that is done and opens it, of results newest first.
fn opener(newest_first: &[ActionRecord], of: &DeviceLock) -> Option<ActionId> {
    let opens = |action: &&ActionRecord| action.state == ActionState::Done && action.opens.contains(of);
    newest_first.iter().find(opens).map(|action| action.id)
}

/// Queues the next attempt, or ends the action. Says whether another attempt follows.
fn try_again(
    unit: &mut dyn UnitOfWork,
    action: &mut ActionRecord,
    enrollment: EnrollmentId,
    report: Option<DeviceReport>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let device = unit.device(action.tenant, action.device)?.ok_or(Refusal::DeviceNotFound)?;
    let means = Means::of(device.platform);
    if action.attempt >= means.max_attempts() {
        let ending = Ending { state: ActionState::Failed, outcome: means.exhausted(), device_status: None };
        end(unit, action, ending, report, None, now)?;
        return Ok(false);
    }
    action.attempt += 1;
    action.updated = now;
    unit.update_action(action)?;
    let (purpose, commands) = means.first(&action.locks);
    unit.insert_delivery(&delivery(action, enrollment, purpose, commands, now))?;
    Ok(true)
}

/// The delivery will not be answered any more: a new session began, or the device aborted. A device that seals first
/// answers a repeated command alike. A PIN of that attempt reached nobody, so asking again is safe; asking first
/// whether it can still be read is better.
pub fn lost(unit: &mut dyn UnitOfWork, mut delivery: Delivery, now: Timestamp) -> Result<(), Fault> {
    let Phase::Sent(at) = delivery.phase else { return Ok(()) };
    delivery.phase = Phase::Lost(at);
    unit.update_delivery(&delivery)?;
    let Some(mut action) = action_of(unit, &delivery)? else { return Ok(()) };
    if !action.state.is_open() {
        return Ok(());
    }
    let event = AuditEvent::new(action.tenant, now, Actor::system(), Activity::ActionAnswerLost)
        .on_device(action.device)
        .for_action(action.id)
        .with("attempt", delivery.attempt);
    unit.append_audit(&event)?;
    let again = |purpose, commands| self::delivery(&action, delivery.enrollment, purpose, commands, now);
    let value = held_value(unit, &action, &delivery)?;
    match delivery.purpose {
        Purpose::Act | Purpose::Probe if value.is_some() => {
            let ending = Ending { state: ActionState::Failed, outcome: Outcome::Uncertain, device_status: None };
            end(unit, &mut action, ending, None, value, now)?;
        }
        Purpose::Act => {
            unit.insert_delivery(&again(Purpose::Probe, remote_lock::probe()))?;
        }
        Purpose::Probe => {
            try_again(unit, &mut action, delivery.enrollment, None, now)?;
        }
        Purpose::Prepare | Purpose::Apply => {
            unit.insert_delivery(&again(delivery.purpose, delivery.commands.clone()))?;
        }
        Purpose::Finish | Purpose::SetUp => {}
    }
    Ok(())
}

/// Ends an open action without its device: canceled when the device was never asked or has left,
/// failed when it was asked and its answer is awaited in vain.
pub fn close(
    unit: &mut dyn UnitOfWork,
    mut action: ActionRecord,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), Fault> {
    if !action.state.is_open() {
        return Err(Refusal::ActionEnded.into());
    }
    for mut delivery in unit.deliveries(action.id)? {
        delivery.phase = match delivery.phase {
            Phase::Queued => Phase::Withdrawn,
            Phase::Sent(at) => Phase::Lost(at),
            Phase::Settled(_) | Phase::Lost(_) | Phase::Withdrawn => continue,
        };
        unit.update_delivery(&delivery)?;
    }
    let state = match (action.state, outcome) {
        (ActionState::Active, Outcome::Expired) => ActionState::Failed,
        _ => ActionState::Canceled,
    };
    let outcome = if state == ActionState::Failed { Outcome::OutcomeUnknown } else { outcome };
    end(unit, &mut action, Ending { state, outcome, device_status: None }, None, None, now)
}

/// Ends actions whose device did not come in time and that are ripe ([`crate::steady`]), at most `limit` of them; says how
/// many. One that was told to change and has not answered waits on: its candidate may be what opens the device.
pub fn expire(unit: &mut dyn UnitOfWork, ripeness: &Ripeness, limit: usize) -> Result<usize, Fault> {
    let now = ripeness.now;
    let (mut ended, mut waiting_on) = (0, 0);
    loop {
        // Those that wait on stay the oldest: others are looked for behind them.
        let oldest = unit.open_actions_before(now, waiting_on, limit)?;
        let mut due = 0;
        for action in oldest {
            let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
            let deadline = action.started.checked_add(settings.action_expiry()).unwrap_or(Timestamp::MAX);
            let verdict = ripeness.judge(deadline <= now, unit.action_mark(action.id)?);
            match verdict {
                Ripe::Fresh => continue,
                Ripe::Unmark => {
                    unit.set_action_mark(action.id, None)?;
                    continue;
                }
                Ripe::Mark(_) | Ripe::Waits | Ripe::Now => due += 1,
            }
            if let Ripe::Mark(mark) = verdict {
                unit.set_action_mark(action.id, Some(mark))?;
            }
            if verdict != Ripe::Now || seal_first::may_have_changed(&unit.deliveries(action.id)?) {
                waiting_on += 1;
            } else {
                close(unit, action, Outcome::Expired, now)?;
                ended += 1;
            }
        }
        if due == 0 || ended >= limit {
            return Ok(ended);
        }
    }
}

#[cfg(test)]
mod tests;
