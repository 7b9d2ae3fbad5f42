//! Steps on their way to the device: queued, sent, lost.

use jiff::Timestamp;

use super::end::{Grounds, Holdings, end};
use super::{action_of, declared, give, way_of};
use crate::action::{ActionRecord, ActionState};
use crate::audit::Activity;
use crate::caller::Actor;
use crate::command::{Delivery, Phase, Purpose, Receipt};
use crate::device::ManagedDevice;
use crate::id::{ActionId, EnrollmentId};
use crate::lock::{DeviceReport, Lock};
use crate::ports::{Fault, StoreError, UnitOfWork};
use crate::remote_action::{Ending, Held, OnLoss, RemoteAction, Step, Way};

/// An action that is to be opened: the request, and the device.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// The id of the action.
    pub id: ActionId,
    /// The action.
    pub action: &'static RemoteAction,
    /// The way of the device's platform.
    pub way: &'static Way,
    /// The device.
    pub device: &'a ManagedDevice,
    /// The enrolment by which the device comes.
    pub enrollment: EnrollmentId,
    /// The locks that are asked for.
    pub locks: &'a [Lock],
    /// The party that asks.
    pub requested_by: Actor,
    /// The caller's own id of the request.
    pub client_request_id: Option<String>,
}

/// Stores a fresh action with its first step queued.
pub fn open(unit: &mut dyn UnitOfWork, opening: Opening<'_>, now: Timestamp) -> Result<ActionRecord, StoreError> {
    let (of, name) = ((opening.device.tenant, opening.device.id), opening.action.name);
    let action = ActionRecord {
        locks: opening.locks.to_vec(),
        client_request_id: opening.client_request_id,
        ..ActionRecord::pending(opening.id, of, name, opening.requested_by, now)
    };
    unit.insert_action(&action)?;
    queue(unit, &action, opening.enrollment, (opening.way.first)(&action), now)?;
    Ok(action)
}

/// Queues a step of an action.
pub(super) fn queue(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    enrollment: EnrollmentId,
    step: Step,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Step { purpose, commands } = step;
    let delivery = Delivery {
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
    };
    unit.insert_delivery(&delivery).map(drop)
}

/// Records that a delivery goes out. Call it before the message leaves.
pub fn sent(unit: &mut dyn UnitOfWork, mut delivery: Delivery, receipt: Receipt, now: Timestamp) -> Result<(), Fault> {
    let message = receipt.message.clone();
    delivery.phase = Phase::Sent(receipt);
    unit.update_delivery(&delivery)?;
    // Read again where a secret was provided a moment before: what was provided may have ended the action.
    if let Some(mut action) = action_of(unit, &delivery)? {
        action.state = ActionState::Active;
        action.updated = now;
        unit.update_action(&action)?;
        let event = super::event(&action, now, Actor::system(), Activity::ActionSent)?
            .with("attempt", delivery.attempt)
            .with("sentIn", &message);
        unit.append_audit(&event)?;
        for secret in give::sent_with(unit, &delivery)? {
            let event = super::event(&action, now, Actor::system(), Activity::SecretUsed)?
                .with("secret", secret.id)
                .with("kind", secret.context.kind.name())
                .with("attempt", delivery.attempt)
                .with("sentIn", &message);
            unit.append_audit(&event)?;
        }
    }
    Ok(())
}

/// Records that a delivery gets no answer any more, because a new session began or the device aborted. The way decides what
/// follows. A set-up is queued again, because its commands may be repeated without harm.
pub fn lost(unit: &mut dyn UnitOfWork, mut delivery: Delivery, now: Timestamp) -> Result<(), Fault> {
    let Phase::Sent(receipt) = delivery.phase else { return Ok(()) };
    delivery.phase = Phase::Lost(receipt);
    unit.update_delivery(&delivery)?;
    let again = |delivery: Delivery| Delivery {
        seq: 0,
        phase: Phase::Queued,
        statuses: vec![None; delivery.commands.len()],
        created: now,
        ..delivery
    };
    if delivery.purpose == Purpose::SetUp {
        return Ok(unit.insert_delivery(&again(delivery)).map(drop)?);
    }
    let Some(mut action) = action_of(unit, &delivery)? else { return Ok(()) };
    if !action.state.is_open() {
        return Ok(());
    }
    let event = super::event(&action, now, Actor::system(), Activity::ActionAnswerLost)?;
    unit.append_audit(&event.with("attempt", delivery.attempt))?;
    let Some(way) = way_of(unit, declared(&action)?, &delivery)? else { return Ok(()) };
    let mut holdings = Holdings::default();
    let value = holdings.value(unit, &action, &delivery)?;
    match (way.lost)(delivery.purpose, Held::of(value.as_ref())) {
        OnLoss::Resend => unit.insert_delivery(&again(delivery)).map(drop)?,
        OnLoss::Next(step) => queue(unit, &action, delivery.enrollment, step, now)?,
        OnLoss::TryAgain => {
            try_again(unit, &mut holdings, &mut action, way, delivery.enrollment, None, now).map(drop)?
        }
        OnLoss::Ended(ending) => {
            let grounds = Grounds { value, way: Some(way), ..Grounds::default() };
            end(unit, &mut holdings, &mut action, ending, grounds, now)?
        }
        OnLoss::Nothing => {}
    }
    Ok(())
}

/// Queues the next attempt, or ends the action. Returns true if another attempt follows.
pub(super) fn try_again(
    unit: &mut dyn UnitOfWork,
    holdings: &mut Holdings,
    action: &mut ActionRecord,
    way: &Way,
    enrollment: EnrollmentId,
    report: Option<DeviceReport>,
    now: Timestamp,
) -> Result<bool, Fault> {
    if action.attempt >= way.max_attempts {
        let ending = Ending { state: ActionState::Failed, outcome: way.exhausted, device_status: None };
        end(unit, holdings, action, ending, Grounds { report, ..Grounds::default() }, now)?;
        return Ok(false);
    }
    action.attempt += 1;
    action.updated = now;
    unit.update_action(action)?;
    let step = (way.first)(action);
    queue(unit, action, enrollment, step, now)?;
    Ok(true)
}
