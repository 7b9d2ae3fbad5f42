//! The channel of the model: messages, and the turn of the server, which is one unit of work.
//!
//! It does with the functions of production what the device channel does. Answers are matched by their receipt. A new
//! session loses what was in flight, and the channel sends queued deliveries one at a time.

use jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Server;
use super::store::{Db, enrollment_id};
use crate::command::{Delivery, DeviceCommand, Phase, Purpose, Receipt};
use crate::decisions::standing;
use crate::engine::{self, Answer};
use crate::escrow::SecretContext;
use crate::id::{ActionId, SecretId, TenantId};
use crate::keys::EscrowKeys;
use crate::lock::{DeviceReport, Unpromoted};
use crate::ports::{EscrowError, Fault, Replayer, Sealer, UnitOfWork, View};
use crate::secret::{Passcode, SecretBytes};

/// A message of the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Upload {
    pub(super) enrollment: u8,
    pub(super) session: u8,
    /// The number in its session, from 1.
    pub(super) number: u8,
    pub(super) says: Says,
}

/// The content of a message of the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Says {
    /// A session begins, with the candidate that works and was not seen promoted.
    Hello(Option<Unpromoted>),
    /// The answer to the commands of that message of the server.
    Answer(String, Given),
}

/// The answers of a device to the commands of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Given {
    pub(super) statuses: Vec<Option<u16>>,
    pub(super) value: Option<Value>,
    pub(super) report: Option<DeviceReport>,
}

/// A value that a device gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Passcode(u8),
    Doubtful(u8),
    Envelope(Vec<u8>),
    Bytes(u8),
}

impl Value {
    /// The passcode that it is or holds.
    pub(super) fn number(&self) -> u8 {
        match self {
            Self::Passcode(number) | Self::Doubtful(number) | Self::Bytes(number) => *number,
            Self::Envelope(envelope) => sealed_in(envelope),
        }
    }
}

/// The answer of the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reply {
    /// The enrolment is closed.
    Refused,
    /// Nothing waits.
    Nothing,
    /// Commands.
    Order(Order),
}

/// Commands on their way to the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Order {
    /// The name of the message.
    pub(super) message: String,
    /// The action and the attempt that they serve.
    pub(super) serves: Option<(ActionId, u32)>,
    pub(super) commands: Vec<DeviceCommand>,
    /// The secret in clear that they give the device.
    pub(super) secret: Option<u8>,
}

/// The envelope of a passcode: its binding, and the passcode. Keys are not modelled.
pub(super) fn seal(action: ActionId, attempt: u32, passcode: u8) -> Vec<u8> {
    vec![action.0.as_u128() as u8, attempt as u8, passcode]
}

/// The passcode in an envelope.
pub(super) fn sealed_in(envelope: &[u8]) -> u8 {
    envelope.last().copied().unwrap_or_default()
}

/// Seals into envelopes that the model can see through.
pub(crate) struct Glass;

impl Sealer for Glass {
    fn seal(&self, context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError> {
        let number = passcode.expose_secret().parse().map_err(|_| EscrowError::Unopenable("no number".to_owned()))?;
        Ok(seal(context.action, context.attempt, number))
    }
    fn seal_bytes(&self, context: &SecretContext, value: &SecretBytes) -> Result<Vec<u8>, EscrowError> {
        Ok(seal(context.action, context.attempt, number_of(value)))
    }
    fn recipients(&self, _: TenantId) -> Result<Vec<String>, EscrowError> {
        Ok(Vec::new())
    }
    fn prove(&self, _: TenantId, _: &EscrowKeys) -> Result<(), EscrowError> {
        Ok(())
    }
    fn check(&self, _: TenantId, _: &[u8]) -> Result<(), EscrowError> {
        Ok(())
    }
}

impl Replayer for Glass {
    fn replay(&self, context: &SecretContext, envelope: &[u8]) -> Result<SecretBytes, EscrowError> {
        let number = sealed_in(envelope);
        let is_bound = seal(context.action, context.attempt, number) == envelope;
        let value = SecretBytes::new(context.kind, Zeroizing::new(vec![number])).filter(|_| is_bound);
        value.ok_or_else(|| EscrowError::Unopenable("the envelope of another secret".to_owned()))
    }
}

/// The number that a secret in bytes is.
fn number_of(value: &SecretBytes) -> u8 {
    value.expose_secret().first().copied().unwrap_or_default()
}

/// The name of a message of the server, which the device's answer repeats. It is unique, as [`Receipt`] promises: a message
/// under a number that was used before has another name.
fn name(unit: &Db, upload: &Upload, server: Server) -> String {
    let name = |again: u8| format!("{}.{}.{again}", upload.session, upload.number);
    let is_used =
        |name: &String| unit.deliveries.iter().any(|it| it.phase.receipt().is_some_and(|at| at.message == *name));
    let mut names = (0..u8::MAX).map(name).skip_while(|name| server != Server::RepeatsNames && is_used(name));
    names.next().unwrap_or_default()
}

/// Takes one message and gives the answer: one unit of work. A secret that the server makes in it is the number `fresh`.
pub(super) fn turn(unit: &mut Db, upload: &Upload, server: Server, fresh: u8, now: Timestamp) -> Result<Reply, Fault> {
    let Some(enrollment) = unit.open().filter(|open| open.id == enrollment_id(upload.enrollment)) else {
        return Ok(Reply::Refused);
    };
    if unit.session == Some((upload.session, upload.number)) {
        // The repeat of the last message is answered from memory.
        return Ok(Reply::Nothing);
    }
    let is_new = upload.number == 1 || unit.session.is_none_or(|(session, _)| session != upload.session);
    unit.session = Some((upload.session, upload.number));
    if let Says::Answer(message, given) = &upload.says
        && let Some(delivery) = unit.delivery_with_receipt(enrollment.id, message, u32::MAX)?
    {
        take(unit, delivery, given, now)?;
    }
    if is_new {
        for delivery in unit.deliveries_in_flight(enrollment.id)? {
            engine::lost(unit, delivery, now)?;
        }
    }
    if let Says::Hello(Some(unpromoted)) = &upload.says {
        standing::reconcile(unit, &enrollment, unpromoted, now)?;
    }
    if !unit.deliveries_in_flight(enrollment.id)?.is_empty() {
        return Ok(Reply::Nothing);
    }
    let Some(delivery) = unit.next_delivery(enrollment.id)? else { return Ok(Reply::Nothing) };
    let made = engine::Fresh { id: next_secret(unit), random: &mut |buffer| buffer.fill(fresh) };
    let Some(delivery) = engine::provide(unit, &Glass, delivery, made, now)? else { return Ok(Reply::Nothing) };
    let mut secret = None;
    for command in &delivery.commands {
        secret = secret.or(engine::open_for(unit, &Glass, &delivery, command)?.as_ref().map(number_of));
    }
    let message = name(unit, upload, server);
    let serves = delivery.action.map(|action| (action, delivery.attempt));
    let order = Order { message: message.clone(), serves, commands: delivery.commands.clone(), secret };
    engine::sent(unit, delivery, Receipt { message, first: 1 }, now)?;
    Ok(Reply::Order(order))
}

/// The id of the next secret.
fn next_secret(unit: &Db) -> SecretId {
    SecretId(Uuid::from_u128(unit.secrets.len() as u128 + 1))
}

fn take(unit: &mut Db, mut delivery: Delivery, given: &Given, now: Timestamp) -> Result<(), Fault> {
    if matches!(delivery.purpose, Purpose::SetUp | Purpose::Finish) {
        if let Phase::Sent(at) = delivery.phase.clone() {
            delivery.phase = Phase::Settled(at);
            unit.update_delivery(&delivery)?;
        }
        return Ok(());
    }
    let passcode = |number: u8| Passcode::new(Zeroizing::new(number.to_string()));
    let value = given.value.as_ref().and_then(|value| match value {
        Value::Passcode(number) => passcode(*number).map(engine::Value::Passcode),
        Value::Doubtful(number) => passcode(*number).map(engine::Value::Doubtful),
        Value::Envelope(envelope) => Some(engine::Value::Envelope(envelope.clone())),
        Value::Bytes(number) => Some(engine::Value::Bytes(Zeroizing::new(vec![*number]))),
    });
    let answer = Answer { statuses: given.statuses.clone(), value, report: given.report.clone(), complete: true };
    let secret = next_secret(unit);
    engine::receive(unit, &Glass, delivery, answer, secret, now).map(drop)
}
