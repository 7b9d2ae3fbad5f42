//! Secrets that the server sends by itself: made and sealed before they go out, referred to, and recorded when they are used.

use jiff::Timestamp;

use super::end::{Grounds, Holdings, end};
use super::{action_of, context, declared, escrow, way_of};
use crate::action::{ActionRecord, ActionState, Outcome};
#[cfg(test)]
use crate::actions::planted::{Fault as Planted, is_planted};
use crate::command::{Delivery, DeviceCommand, Phase, SecretRef};
use crate::escrow::{EscrowedSecret, SecretKind, Standing, UNTIL_REPLACED};
use crate::id::SecretId;
use crate::ports::{Fault, Replayer, Sealer, StoreError, UnitOfWork, View};
use crate::remote_action::{Ending, Make};
use crate::secret::SecretBytes;

/// The ingredients of a secret that is made now: a fresh id, and a source of random bytes.
pub struct Fresh<'a> {
    /// The id.
    pub id: SecretId,
    /// Fills a buffer.
    pub random: &'a mut dyn FnMut(&mut [u8]),
}

/// Gives the commands of a delivery their secrets, by reference. First comes the secret of their attempt: if the way makes it and
/// the escrow lacks it, it is made and sealed now. Otherwise it is the newest result of that kind that the device has. Call it in
/// the unit of work of [`super::sent`]. Returns `None` if there is no such secret; then the action has ended.
pub fn provide(
    unit: &mut dyn UnitOfWork,
    sealer: &dyn Sealer,
    mut delivery: Delivery,
    fresh: Fresh<'_>,
    now: Timestamp,
) -> Result<Option<Delivery>, Fault> {
    let waiting = delivery.commands.iter().find_map(|command| match command {
        DeviceCommand::Give { kind, secret: None, .. } => Some(*kind),
        _ => None,
    });
    let Some(kind) = waiting else { return Ok(Some(delivery)) };
    let nothing = || StoreError::Inconsistent("a command gives the secret of no action".to_owned());
    let mut action = action_of(unit, &delivery)?.ok_or_else(nothing)?;
    let declared = declared(&action)?;
    let make = way_of(unit, declared, &delivery)?.and_then(|way| way.makes).filter(|_| declared.keeps == Some(kind));
    let mut holdings = Holdings::default();
    let of_attempt = holdings.value(unit, &action, &delivery)?.filter(|held| held.context.kind == kind);
    let found = match (of_attempt, make) {
        (Some(held), _) => Some(held),
        (None, Some(make)) => Some(made(unit, sealer, (&action, &delivery), (make, kind), fresh, now)?),
        (None, None) => unit.unreplaced_result(delivery.tenant, delivery.device, kind)?,
    };
    let Some(found) = found else {
        delivery.phase = Phase::Withdrawn;
        unit.update_delivery(&delivery)?;
        let ending = Ending { state: ActionState::NotSupported, outcome: Outcome::NoSecret, device_status: None };
        end(unit, &mut holdings, &mut action, ending, Grounds::default(), now)?;
        return Ok(None);
    };
    let reference = SecretRef { action: found.context.action, id: found.id };
    for command in &mut delivery.commands {
        if let DeviceCommand::Give { secret: secret @ None, .. } = command {
            *secret = Some(reference);
        }
    }
    Ok(Some(delivery))
}

/// Makes the secret of an attempt. It stays while its action is open, because it may open the device.
fn made(
    unit: &mut dyn UnitOfWork,
    sealer: &dyn Sealer,
    (action, delivery): (&ActionRecord, &Delivery),
    (make, kind): (Make, SecretKind),
    fresh: Fresh<'_>,
    now: Timestamp,
) -> Result<EscrowedSecret, Fault> {
    escrow::require_open(unit, sealer, action.tenant)?;
    let context = context(action, delivery, kind);
    let value = make(fresh.random);
    let value = value.ok_or_else(|| StoreError::Inconsistent(format!("{} makes no secret", action.name)))?;
    let secret = EscrowedSecret {
        id: fresh.id,
        context,
        envelope: Some(sealer.seal_bytes(&context, &value)?),
        standing: Standing::History,
        received: now,
        expires: UNTIL_REPLACED,
        disclosed: None,
    };
    #[cfg(test)]
    let secret = match is_planted(Planted::RetainedTooShort) {
        true => EscrowedSecret { expires: now, ..secret },
        false => secret,
    };
    unit.insert_secret(&secret)?;
    Ok(secret)
}

/// The secret in escrow that a command refers to.
fn referred(view: &dyn View, delivery: &Delivery, reference: SecretRef) -> Result<EscrowedSecret, StoreError> {
    let found = view.secrets(delivery.tenant, reference.action)?.into_iter().find(|secret| secret.id == reference.id);
    // The secret of another device would be the key of another door.
    let found = found.filter(|secret| secret.context.device == delivery.device);
    found.ok_or_else(|| StoreError::Inconsistent(format!("the secret {} is not in escrow", reference.id)))
}

/// The secrets that a delivery sends.
pub(super) fn sent_with(view: &dyn View, delivery: &Delivery) -> Result<Vec<EscrowedSecret>, StoreError> {
    let references = delivery.commands.iter().filter_map(DeviceCommand::secret);
    references.map(|reference| referred(view, delivery, reference)).collect()
}

/// The value in clear that a command sends, for the message that it is written into and for nothing else. `None` if the command
/// sends none.
pub fn open_for(
    view: &dyn View,
    replayer: &dyn Replayer,
    delivery: &Delivery,
    command: &DeviceCommand,
) -> Result<Option<SecretBytes>, Fault> {
    let Some(reference) = command.secret() else { return Ok(None) };
    let secret = referred(view, delivery, reference)?;
    let gone = || StoreError::Inconsistent(format!("the secret {} is shredded", reference.id));
    let envelope = secret.envelope.as_deref().ok_or_else(gone)?;
    Ok(Some(replayer.replay(&secret.context, envelope)?))
}
