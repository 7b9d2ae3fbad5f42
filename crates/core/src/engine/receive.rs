//! Answers of devices.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::deliver::{queue, try_again};
use super::end::{Grounds, Holdings, end};
use super::{action_of, context, declared, escrow, way_of};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::audit::Activity;
use crate::caller::Actor;
use crate::command::{Delivery, Phase, Purpose};
use crate::escrow::{EscrowedSecret, SecretKind, Standing, UNTIL_REPLACED};
use crate::id::SecretId;
use crate::lock::DeviceReport;
use crate::ports::{EscrowError, Fault, Sealer, UnitOfWork};
use crate::remote_action::{Ending, Evidence, Held, Settlement, Way};
use crate::secret::{Passcode, SecretBytes};

/// The number of values of one action that are kept: a device that repeats itself with ever new values must not fill the
/// store.
const MAX_KEPT_VALUES: usize = 8;

/// The part of a device's message that answers a delivery.
pub struct Answer {
    /// A status for each command of the delivery that this message has one for.
    pub statuses: Vec<Option<u16>>,
    /// The value, if there is one.
    pub value: Option<Value>,
    /// The device's report about the recovery, if there is one.
    pub report: Option<DeviceReport>,
    /// True if the device has nothing more to say for now: its package has ended.
    pub complete: bool,
}

/// A value that a device gives.
pub enum Value {
    /// A passcode in clear: the server seals it before anything else.
    Passcode(Passcode),
    /// A passcode in clear, without a name or in another form than the server asked for.
    Doubtful(Passcode),
    /// A value that the device sealed.
    Envelope(Vec<u8>),
    /// Bytes of any kind in clear: the server seals them before anything else.
    Bytes(Zeroizing<Vec<u8>>),
}

/// The use that was made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The answer decided the action.
    Settled(ActionState),
    /// More must come: statuses are missing, or another delivery follows.
    Waiting,
    /// The answer belongs to no current attempt; a value in it is kept as history.
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
    let declared = declared(&action)?;
    let Some(way) = way_of(unit, declared, &delivery)? else { return Ok(Received::Late) };
    let current = action.state.is_open() && matches!(delivery.phase, Phase::Sent(_));
    let mut holdings = Holdings::default();
    if let (Some(value), Some(kind)) = (answer.value, declared.keeps) {
        let keeping = Keeping { action: &action, delivery: &delivery, secret, kind, current, now };
        keeping.keep(unit, &mut holdings, sealer, value)?;
    }
    if !current {
        if way.keeps_uncertain_values {
            take_late(unit, &mut holdings, &mut action, &delivery, now)?;
        }
        return Ok(Received::Late);
    }

    for (known, new) in delivery.statuses.iter_mut().zip(&answer.statuses) {
        *known = known.or(*new);
    }
    let value = holdings.value(unit, &action, &delivery)?;
    let report = answer.report.filter(|report| report.action == action.id && report.attempt == delivery.attempt);
    let evidence = Evidence {
        attempt: delivery.attempt,
        statuses: &delivery.statuses,
        value: Held::of(value.as_ref()),
        envelope: value.as_ref().and_then(|value| value.envelope.as_deref()),
        report: report.as_ref(),
        complete: answer.complete,
    };
    let Some(settlement) = (way.settle)(delivery.purpose, evidence) else {
        unit.update_delivery(&delivery)?;
        return Ok(Received::Waiting);
    };
    if let Phase::Sent(receipt) = delivery.phase {
        delivery.phase = Phase::Settled(receipt);
    }
    unit.update_delivery(&delivery)?;
    match settlement {
        Settlement::Ended(ending) => {
            let grounds = Grounds { report, value, way: Some(way), answered: Some(delivery.purpose) };
            end(unit, &mut holdings, &mut action, ending, grounds, now)?;
            afterwards(unit, &action, way, &delivery, now)?;
            Ok(Received::Settled(action.state))
        }
        Settlement::Next(step) => {
            queue(unit, &action, delivery.enrollment, step, now)?;
            Ok(Received::Waiting)
        }
        Settlement::TryAgain => {
            match try_again(unit, &mut holdings, &mut action, way, delivery.enrollment, report, now)? {
                true => Ok(Received::Waiting),
                false => Ok(Received::Settled(action.state)),
            }
        }
    }
}

/// Queues the command that follows a done action. It belongs to no action, so no action waits for its answer.
fn afterwards(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    way: &Way,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Fault> {
    let command = Some(action).filter(|action| action.state == ActionState::Done).and_then(way.afterwards);
    let Some(command) = command else { return Ok(()) };
    let finish = delivery.follow_up(Purpose::Finish, vec![command], now);
    Ok(unit.insert_delivery(&finish).map(drop)?)
}

/// A value that arrived, and its action.
struct Keeping<'a> {
    action: &'a ActionRecord,
    delivery: &'a Delivery,
    secret: SecretId,
    kind: SecretKind,
    /// True if the value answers the current attempt.
    current: bool,
    now: Timestamp,
}

impl Keeping<'_> {
    /// Stores a value, sealed. It becomes current only when its action is done.
    fn keep(
        &self,
        unit: &mut dyn UnitOfWork,
        holdings: &mut Holdings,
        sealer: &dyn Sealer,
        value: Value,
    ) -> Result<(), Fault> {
        let (action, delivery) = (self.action, self.delivery);
        let kept = holdings.secrets(unit, action)?;
        if kept.len() >= MAX_KEPT_VALUES {
            return Ok(());
        }
        // With wrong recipients the value would be lost: the device keeps it and sends it again.
        escrow::require(unit, sealer, action.tenant)?;
        let context = context(action, delivery, self.kind);
        let standing = match value {
            Value::Doubtful(_) if self.current => Standing::Uncertain,
            Value::Doubtful(_) | Value::Passcode(_) | Value::Envelope(_) | Value::Bytes(_) => Standing::History,
        };
        let envelope = match value {
            Value::Passcode(passcode) | Value::Doubtful(passcode) => sealer.seal(&context, &passcode)?,
            Value::Bytes(bytes) => match SecretBytes::new(self.kind, bytes) {
                Some(bytes) => sealer.seal_bytes(&context, &bytes)?,
                None => return Ok(()),
            },
            // An envelope that is known is not kept twice; one that cannot be checked counts as none.
            Value::Envelope(envelope) if kept.iter().any(|known| known.envelope.as_ref() == Some(&envelope)) => {
                return Ok(());
            }
            Value::Envelope(envelope) => match sealer.check(action.tenant, &envelope) {
                Ok(()) => envelope,
                Err(EscrowError::Unopenable(_)) => return Ok(()),
                // The server cannot read its own keys: the device keeps the value and sends it again.
                Err(fault @ EscrowError::NoKey(_)) => return Err(fault.into()),
            },
        };
        // While its action is open, a candidate may be what opens the device, also one that came late: retention
        // begins with the end.
        let may_open = action.state.is_open() && delivery.purpose == Purpose::Prepare;
        let expires = match may_open || !self.kind.is_for_people() {
            true => UNTIL_REPLACED,
            false => holdings.unread(unit, action, self.now)?,
        };
        let secret = EscrowedSecret {
            id: self.secret,
            context,
            envelope: Some(envelope),
            standing,
            received: self.now,
            expires,
            disclosed: None,
        };
        unit.insert_secret(&secret)?;
        holdings.secrets(unit, action)?.push(secret);
        let activity = match (self.current, delivery.purpose) {
            (false, _) => Activity::SecretKept,
            (true, Purpose::Prepare) => Activity::CandidateEscrowed,
            (true, _) => return Ok(()),
        };
        let event = super::event(action, self.now, Actor::device(delivery.enrollment), activity)?
            .with("attempt", delivery.attempt);
        Ok(unit.append_audit(&event)?)
    }
}

/// Shows a value that came after its action had failed, in place of one of an earlier attempt. The device may open with it and
/// with nothing else.
fn take_late(
    unit: &mut dyn UnitOfWork,
    holdings: &mut Holdings,
    action: &mut ActionRecord,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Fault> {
    let is_shown = |secret: &&EscrowedSecret| secret.standing == Standing::Uncertain;
    let shown = holdings.secrets(unit, action)?.iter().find(is_shown).map(|secret| secret.context.attempt);
    if action.state != ActionState::Failed || shown.is_some_and(|attempt| attempt >= delivery.attempt) {
        return Ok(());
    }
    let Some(value) = holdings.value(unit, action, delivery)? else { return Ok(()) };
    let (state, device_status) = (ActionState::Failed, action.device_status);
    let ending = Ending { state, outcome: Outcome::Uncertain, device_status };
    let grounds = Grounds { value: Some(value), ..Grounds::default() };
    Ok(end(unit, holdings, action, ending, grounds, now)?)
}
