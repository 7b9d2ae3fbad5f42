//! `recoverPasscode`: the device gets a new passcode, reports it, and the escrow holds it.
//!
//! | platform | commands | what the operator gets |
//! |---|---|---|
//! | Windows, Windows Phone | `LockAndRecoverPIN`, then `NewPINValue` in the same message | the new PIN, or the device's own refusal |
//! | Linux | none yet | a refusal that says so |
//!
//! References: the Graph page of the action; RemoteLock CSP; outcome rules of the Windows protocol notes.
//!
//! The story, in order:
//! 1. [`begin`]: known request? device? [`check`] -> [`plan`] -> action `pending`, delivery queued, audit:
//!    one unit of work; then 204.
//! 2. The device opens a session; [`sent`] marks the delivery and makes the action `active`.
//! 3. [`receive`]: answers are matched by delivery, the value is sealed as it arrives, [`settle`] decides;
//!    secret, result and audit are one unit of work; only then the device is acknowledged.
//! 4. No answer and a new session: [`lost`]. First ask whether the value can still be read (a probe), else
//!    one more attempt, else the truth: the outcome is unknown.
//! 5. [`close`] ends an action whose device left or never came.

use jiff::Timestamp;

use crate::action::{ActionRecord, ActionState, Outcome, RemoteAction};
use crate::audit::{Activity, AuditEvent};
use crate::caller::{Actor, Caller};
use crate::command::{Delivery, DeviceCommand, Phase, Purpose, SentIn};
use crate::device::{ManagedDevice, ManagementState, Platform};
use crate::enrollment::Enrollment;
use crate::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing};
use crate::id::{ActionId, DeviceId, EnrollmentId, RequestId, SecretId};
use crate::permission::Permission;
use crate::ports::{Sealer, StoreError, UnitOfWork};
use crate::refusal::{Fault, Refusal};
use crate::secret::Passcode;

/// The declaration.
pub const RECOVER_PASSCODE: RemoteAction = RemoteAction {
    name: "recoverPasscode",
    permission: Permission::PrivilegedOperationsAll,
    summary: "Give the device a new passcode and keep it for a permitted person",
};

/// How often the commands are sent before the outcome is called unknown.
const MAX_ATTEMPTS: u32 = 2;

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
    /// This very request was answered before. Nothing was written.
    Repeated(ActionId),
    /// A precondition is missing. Audited.
    Refused(Refusal),
}

/// A device that passed [`check`]; only `check` makes one and [`plan`] takes nothing else.
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
}

/// Whether the device can be asked now.
pub fn check(device: &ManagedDevice, enrollment: Option<&Enrollment>) -> Result<Recoverable, Refusal> {
    if device.management_state != ManagementState::Managed {
        return Err(Refusal::DeviceRetired);
    }
    let enrollment = enrollment.ok_or(Refusal::DeviceNotEnrolled)?;
    let means = match device.platform {
        Platform::Windows | Platform::WindowsPhone => Means::RemoteLock,
        Platform::Linux => return Err(Refusal::PlatformUnsupported("Linux")),
    };
    Ok(Recoverable { enrollment: enrollment.id, means })
}

/// The commands, in the order that matters: the PIN must be read after it was made, in the same
/// message, because the device gives it once (RemoteLock CSP, `NewPINValue`).
pub fn plan(recoverable: &Recoverable) -> Vec<DeviceCommand> {
    match recoverable.means {
        Means::RemoteLock => vec![DeviceCommand::LockAndRecoverPin, DeviceCommand::ReadNewPin],
    }
}

/// Accepts a recovery. When this unit of work is durable, the caller is answered 204.
pub fn begin(unit: &mut dyn UnitOfWork, ask: &Ask, now: Timestamp) -> Result<Begun, Fault> {
    let tenant = ask.caller.tenant;
    let caller_key = ask.caller.actor.key();
    if let Some(id) = &ask.client_request_id
        && let Some(action) = unit.action_of_request(tenant, ask.device, &caller_key, id)?
    {
        return Ok(Begun::Repeated(action));
    }
    let device = unit.device(tenant, ask.device)?.ok_or(Refusal::DeviceNotFound)?;
    let event = |activity| {
        AuditEvent::new(tenant, now, ask.caller.actor.clone(), activity)
            .on_device(ask.device)
            .in_request(ask.request)
            .with("path", &ask.path)
    };

    if let Some(open) = unit.open_action(tenant, ask.device, RECOVER_PASSCODE.name)? {
        remember(unit, &open, &caller_key, ask.client_request_id.as_deref())?;
        unit.append_audit(&event(Activity::ActionRequestedAgain).for_action(open.id))?;
        return Ok(Begun::AlreadyOpen(open.id));
    }

    let enrollment = unit.open_enrollment(tenant, ask.device)?;
    let recoverable = match check(&device, enrollment.as_ref()) {
        Ok(recoverable) => recoverable,
        Err(refusal) => {
            unit.append_audit(&event(Activity::ActionRefused).with("reason", &refusal))?;
            return Ok(Begun::Refused(refusal));
        }
    };

    let action = ActionRecord {
        id: ask.action,
        tenant,
        device: ask.device,
        name: RECOVER_PASSCODE.name,
        state: ActionState::Pending,
        attempt: 1,
        outcome: None,
        device_status: None,
        requested_by: ask.caller.actor.clone(),
        client_request_id: ask.client_request_id.clone(),
        started: now,
        updated: now,
    };
    unit.insert_action(&action)?;
    remember(unit, &action, &caller_key, ask.client_request_id.as_deref())?;
    unit.insert_delivery(&delivery(&action, recoverable.enrollment, Purpose::Act, plan(&recoverable), now))?;
    unit.append_audit(&event(Activity::ActionRequested).for_action(action.id))?;
    Ok(Begun::Opened(action.id))
}

fn remember(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    caller_key: &str,
    client_request_id: Option<&str>,
) -> Result<(), StoreError> {
    client_request_id.map_or(Ok(()), |id| unit.record_request(action, caller_key, id))
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
    /// The value of `NewPINValue`, when it is there and not empty.
    pub value: Option<Passcode>,
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
    if let Some(passcode) = answer.value {
        keep(unit, sealer, &action, &delivery, &passcode, secret, current, now)?;
    }
    if !current {
        return Ok(Received::Late);
    }

    for (known, new) in delivery.statuses.iter_mut().zip(&answer.statuses) {
        *known = known.or(*new);
    }
    let value = held_value(unit, &action, &delivery)?;
    let evidence = Evidence { statuses: &delivery.statuses, has_value: value.is_some() };
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
            end(unit, &mut action, ending, value, now)?;
            Ok(Received::Settled(action.state))
        }
        Settlement::TryAgain => match try_again(unit, &mut action, delivery.enrollment, now)? {
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
    /// Whether a value of this attempt is in escrow.
    pub has_value: bool,
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
    /// The probe found nothing: the commands may be sent once more.
    TryAgain,
}

/// Decides. `None`: the device has not answered every command yet. Pure and total.
pub fn settle(purpose: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    match purpose {
        Purpose::Act => {
            let [Some(exec), Some(_read)] = evidence.statuses else { return None };
            Some(Settlement::Ended(ending_of_act(*exec, evidence.has_value)))
        }
        Purpose::Probe => {
            let [Some(read)] = evidence.statuses else { return None };
            Some(match evidence.has_value {
                true => Settlement::Ended(Ending {
                    state: ActionState::Done,
                    outcome: Outcome::Replaced,
                    device_status: Some(*read),
                }),
                false => Settlement::TryAgain,
            })
        }
        Purpose::SetUp => None,
    }
}

/// The outcome table: status of `LockAndRecoverPIN` x whether a value came.
fn ending_of_act(exec: u16, has_value: bool) -> Ending {
    let (state, outcome) = match (exec, has_value) {
        (200, true) => (ActionState::Done, Outcome::Replaced),
        (200, false) => (ActionState::Failed, Outcome::ValueNotDelivered),
        (_, true) => (ActionState::Failed, Outcome::Contradictory),
        (404 | 406, false) => (ActionState::NotSupported, Outcome::FeatureAbsent),
        (_, false) => (ActionState::Failed, Outcome::DeviceRefused),
    };
    Ending { state, outcome, device_status: Some(exec) }
}

/// Seals a value and stores it. It becomes current only when its action is done.
#[expect(clippy::too_many_arguments, reason = "the facts a sealed value is bound to, named one by one")]
fn keep(
    unit: &mut dyn UnitOfWork,
    sealer: &dyn Sealer,
    action: &ActionRecord,
    delivery: &Delivery,
    passcode: &Passcode,
    secret: SecretId,
    current: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    if unit.secrets(action.tenant, action.id)?.len() >= MAX_KEPT_VALUES {
        return Ok(());
    }
    let context = SecretContext {
        tenant: action.tenant,
        device: action.device,
        action: action.id,
        attempt: delivery.attempt,
        kind: SecretKind::Passcode,
    };
    let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    unit.insert_secret(&EscrowedSecret {
        id: secret,
        context,
        envelope: Some(sealer.seal(&context, passcode)?),
        standing: Standing::History,
        received: now,
        expires: now.checked_add(settings.unread_retention()).unwrap_or(Timestamp::MAX),
        disclosed: None,
    })?;
    if !current {
        let event = AuditEvent::new(action.tenant, now, Actor::device(delivery.enrollment), Activity::SecretKept)
            .on_device(action.device)
            .for_action(action.id)
            .with("attempt", delivery.attempt);
        unit.append_audit(&event)?;
    }
    Ok(())
}

/// The newest value that came with that attempt, if any.
fn held_value(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    delivery: &Delivery,
) -> Result<Option<EscrowedSecret>, StoreError> {
    let secrets = unit.secrets(action.tenant, action.id)?;
    Ok(secrets.into_iter().rfind(|secret| secret.context.attempt == delivery.attempt))
}

fn end(
    unit: &mut dyn UnitOfWork,
    action: &mut ActionRecord,
    ending: Ending,
    value: Option<EscrowedSecret>,
    now: Timestamp,
) -> Result<(), Fault> {
    if let (ActionState::Done, Some(mut secret)) = (ending.state, value) {
        secret.standing = Standing::Current;
        unit.update_secret(&secret)?;
    }
    action.state = ending.state;
    action.outcome = Some(ending.outcome);
    action.device_status = ending.device_status;
    action.updated = now;
    unit.update_action(action)?;
    let mut event = AuditEvent::new(action.tenant, now, Actor::system(), Activity::ActionSettled)
        .on_device(action.device)
        .for_action(action.id)
        .with("state", action.state.name())
        .with("outcome", ending.outcome.code())
        .with("attempt", action.attempt);
    if let Some(status) = ending.device_status {
        event = event.with("deviceStatus", status);
    }
    unit.append_audit(&event)?;
    Ok(())
}

/// Queues the next attempt, or ends the action as unknown. Says whether another attempt follows.
fn try_again(
    unit: &mut dyn UnitOfWork,
    action: &mut ActionRecord,
    enrollment: EnrollmentId,
    now: Timestamp,
) -> Result<bool, Fault> {
    if action.attempt >= MAX_ATTEMPTS {
        let ending = Ending { state: ActionState::Failed, outcome: Outcome::OutcomeUnknown, device_status: None };
        end(unit, action, ending, None, now)?;
        return Ok(false);
    }
    action.attempt += 1;
    action.updated = now;
    unit.update_action(action)?;
    let commands = plan(&Recoverable { enrollment, means: Means::RemoteLock });
    unit.insert_delivery(&delivery(action, enrollment, Purpose::Act, commands, now))?;
    Ok(true)
}

/// The delivery will not be answered any more: a new session began, or the device aborted. No passcode
/// of that attempt reached anybody, so asking again is safe; asking first whether the value can still
/// be read is better.
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
    if held_value(unit, &action, &delivery)?.is_some() {
        let ending = Ending { state: ActionState::Failed, outcome: Outcome::Contradictory, device_status: None };
        return end(unit, &mut action, ending, None, now);
    }
    match delivery.purpose {
        Purpose::Act => {
            let probe =
                self::delivery(&action, delivery.enrollment, Purpose::Probe, vec![DeviceCommand::ReadNewPin], now);
            unit.insert_delivery(&probe)?;
        }
        Purpose::Probe => {
            try_again(unit, &mut action, delivery.enrollment, now)?;
        }
        Purpose::SetUp => {}
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
    end(unit, &mut action, Ending { state, outcome, device_status: None }, None, now)
}

/// Ends actions whose device did not come in time, at most `limit` of them; says how many.
pub fn expire(unit: &mut dyn UnitOfWork, now: Timestamp, limit: usize) -> Result<usize, Fault> {
    let mut ended = 0;
    for action in unit.open_actions_before(now, limit)? {
        let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
        let deadline = action.started.checked_add(settings.action_expiry()).unwrap_or(Timestamp::MAX);
        if deadline <= now {
            close(unit, action, Outcome::Expired, now)?;
            ended += 1;
        }
    }
    Ok(ended)
}

#[cfg(test)]
mod tests;
