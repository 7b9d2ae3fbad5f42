//! One turn of a session, inside one unit of work: the device's answers are taken, and its queued commands are sent.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::caller::Actor;
use chaveiro_core::command::{Delivery, DeviceCommand, Phase, Purpose, Receipt};
use chaveiro_core::decisions::check_in::{self, SetUp};
use chaveiro_core::decisions::retire;
use chaveiro_core::device::{ManagedDevice, ManagementState, Platform};
use chaveiro_core::engine::{self, Answer, Value, escrow};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::SecretId;
use chaveiro_core::ports::{Entropy, Replayer, Sealer, StoreError, UnitOfWork, View};
use chaveiro_core::refusal::DeviceRefusal;
use chaveiro_core::refused::Reason;
use chaveiro_core::secret::Passcode;
use chaveiro_core::{Fault, Timestamp};
use chaveiro_csp::Standing;
use omadm::session::large::{Assembled, assemble};
use omadm::session::server::{Proof, Reply, Sent, State, is_abort, is_first_package, is_unenrollment, unproven};
use omadm::syncml::{Element, HEADER_REF, Message, Verb, number};
use zeroize::Zeroizing;

use super::csp::Given;
use super::identity::{Proven, Session, Speaker, speaker};
use super::{Fresh, csp};
use crate::DeviceCredentials;
use crate::credentials::CHALLENGE_SECONDS;

/// The input of a turn besides the store.
pub(super) struct Context<'a> {
    pub(super) sealer: &'a dyn Sealer,
    pub(super) replayer: &'a dyn Replayer,
    /// Randomness for secrets that the server makes. A turn that is run again makes a new secret, because the first was
    /// rolled back.
    pub(super) entropy: &'a dyn Entropy,
    pub(super) credentials: &'a DeviceCredentials,
    /// Our own URI.
    pub(super) address: &'a str,
    pub(super) now: Timestamp,
}

/// SyncML status: not this device.
const FORBIDDEN: u16 = 403;
/// SyncML status: authentication accepted for this message.
const OK: u16 = 200;
/// SyncML status: the session has had more messages than any session needs.
const UNAVAILABLE: u16 = 503;

/// The answer to a message.
pub(super) enum Answered {
    /// An answer to an authenticated device.
    Device(String),
    /// An answer to a stranger; the text and the reason are for statistics.
    Stranger(String, &'static str, Option<Reason>),
}

/// Answers a message that changes nothing: one without proof, or a repeat of an answered one. `None` if the message
/// must be taken.
pub(super) fn look(
    view: &dyn View,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    request: &Message,
    body_sha256: &[u8; 32],
) -> Result<Option<Answered>, Fault> {
    let Proven { session, .. } = match recognise(view, context, certificate, request)? {
        Recognised::Device(proven) => *proven,
        Recognised::Stranger(answer) => return Ok(Some(answer)),
    };
    let known = session.recall(&request.header, body_sha256);
    Ok(known.map(|response| Answered::Device(response.to_owned())))
}

/// The sender of a message.
enum Recognised {
    /// An authenticated device.
    Device(Box<Proven>),
    /// A stranger, with the answer to it.
    Stranger(Answered),
}

fn recognise(
    view: &dyn View,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    request: &Message,
) -> Result<Recognised, Fault> {
    let reply = |code, challenge| Reply::to(request, context.address, code, challenge);
    Ok(match speaker(view, context, certificate, &request.header)? {
        Speaker::Proven(proven) => Recognised::Device(proven),
        Speaker::Refused(reason) => {
            tracing::debug!(reason, "a device message was refused");
            let refusal = reply(FORBIDDEN, None).encode();
            Recognised::Stranger(Answered::Stranger(refusal, "certificate refused", Some(Reason::Certificate)))
        }
        Speaker::Unproven => {
            let header = &request.header;
            let challenges = context.credentials.challenges(&header.source, &header.session, context.now);
            let answer = unproven(header, challenges.first().copied().unwrap_or_default());
            let (why, reason) = match header.credential {
                Some(_) => ("wrong credential", Some(Reason::Credential)),
                None => ("no credential", None),
            };
            let refusal = reply(answer.code, answer.challenge).refuse(request, answer.code);
            Recognised::Stranger(Answered::Stranger(refusal.encode(), why, reason))
        }
    })
}

/// Takes one message and returns the answer. Its writes form one unit; a message without proof causes none.
pub(super) fn take(
    unit: &mut dyn UnitOfWork,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    mut request: Message,
    body_sha256: [u8; 32],
    fresh: &Fresh,
) -> Result<Answered, Fault> {
    let Proven { enrollment, session, proof } = match recognise(&*unit, context, certificate, &request)? {
        Recognised::Device(proven) => *proven,
        Recognised::Stranger(answer) => return Ok(answer),
    };
    if let Some(response) = session.recall(&request.header, &body_sha256) {
        return Ok(Answered::Device(response.to_owned()));
    }
    let Session { mut state, unfinished, .. } = session;
    let seconds = context.now.as_second();
    let Ok(admitted) = state.admit(&request, proof, fresh.nonce, seconds, CHALLENGE_SECONDS) else {
        let reply = Reply::to(&request, context.address, UNAVAILABLE, None);
        return Ok(Answered::Device(reply.encode()));
    };
    let values = assemble(unfinished.filter(|_| !admitted.is_new), &mut request);
    let reply = Reply::numbered(&request, admitted.number, context.address, OK, admitted.challenge)
        .within(state.max_message())
        .acknowledge(&request)
        .values(&request, &values.statuses, values.end_missing);
    let mut turn = Turn { unit: &mut *unit, context, enrollment: &enrollment, request: &request, values: &values };
    let open = turn.listen(admitted.is_new, proof, fresh)?;
    let Said { text, secret } = match (open, request.is_final) {
        (false, _) => Said::plain(&reply),
        (true, false) => Said::plain(&reply.ask_for_more()),
        (true, true) => turn.speak(reply, &state, fresh)?,
    };
    // An answer that holds a secret is stored sealed.
    state.remember(&request.header, body_sha256, if secret { "" } else { &text });
    let answer = secret.then(|| Zeroizing::new(text.clone()));
    // An enrolment that ended in this very turn no longer has a session.
    if unit.enrollment(enrollment.id)?.is_some_and(|enrollment| enrollment.closed.is_none()) {
        let session = Session { state, unfinished: values.unfinished, answer };
        unit.put_session(enrollment.id, &session.bytes(context.credentials, enrollment.id, fresh.salts)?)?;
    }
    Ok(Answered::Device(text))
}

/// An answer as it is sent.
struct Said {
    text: String,
    /// Set if the answer holds the value of a secret.
    secret: bool,
}

impl Said {
    fn plain(reply: &Reply) -> Self {
        Self { text: reply.encode(), secret: false }
    }
}

struct Turn<'a> {
    unit: &'a mut dyn UnitOfWork,
    context: &'a Context<'a>,
    enrollment: &'a Enrollment,
    request: &'a Message,
    values: &'a Assembled,
}

impl Turn<'_> {
    /// Takes the whole content of the message. Returns whether commands may follow.
    fn listen(&mut self, is_new: bool, proof: Proof, fresh: &Fresh) -> Result<bool, Fault> {
        let device = self.unit.device(self.enrollment.tenant, self.enrollment.device)?;
        let mut device = device.ok_or_else(|| StoreError::Inconsistent("an enrolment has no device".to_owned()))?;
        let before = device.clone();
        let now = self.context.now;
        check_in::greet(self.unit, self.enrollment, &mut device, proof == Proof::Certificate, is_new, now)?;
        let managed = device.management_state == ManagementState::Managed;
        if is_new && managed && !is_abort(self.request) && !is_unenrollment(self.request) {
            check_in::ask_inventory(self.unit, self.enrollment, &mut device, now)?;
        }
        self.take_information(&mut device);
        self.take_answers(&mut device, &fresh.secrets)?;
        let said = csp::standing(self.request).filter(|_| device.platform == Platform::Linux);
        let said = said.as_ref().map(standing);
        check_in::keep(self.unit, &before, &mut device, said.as_ref(), now)?;
        // Deliveries that are still in flight will get no answer: the device begins again, or ends the session.
        if is_new || is_first_package(self.request) || is_abort(self.request) {
            for delivery in self.unit.deliveries_in_flight(self.enrollment.id)? {
                engine::lost(self.unit, delivery, now)?;
            }
        }
        if is_unenrollment(self.request) {
            let actor = Actor::device(self.enrollment.id);
            retire::retire(self.unit, device.tenant, device.id, actor, now)?;
            return Ok(false);
        }
        let open = !is_abort(self.request) && device.management_state == ManagementState::Managed;
        if let Some(said) = said.filter(|_| open) {
            let fresh = check_in::Fresh { action: fresh.action, user: fresh.user };
            check_in::take_standing(self.unit, self.enrollment, &device, &said, fresh, now)?;
        }
        Ok(open)
    }

    fn take_information(&self, device: &mut ManagedDevice) {
        for command in self.request.commands().filter(|command| command.verb == Verb::Replace) {
            for item in &command.items {
                if let (Some(node), Some(value)) = (&item.source, item.value()) {
                    csp::take_information(&mut device.inventory, node, value);
                }
            }
        }
    }

    /// Matches statuses and results to deliveries, message by message. Anything without a match is ignored.
    fn take_answers(&mut self, device: &mut ManagedDevice, secrets: &[SecretId]) -> Result<(), Fault> {
        let mut secrets = secrets.iter().copied();
        for (message, delivery) in self.answered()? {
            let Some(first) = delivery.phase.receipt().map(|receipt| receipt.first) else { continue };
            let statuses = self.statuses(message, first, delivery.commands.len());
            let values = self.values(message, first, &delivery.commands, device.platform);
            match delivery.purpose {
                Purpose::SetUp | Purpose::Finish => self.take_set_up(delivery, statuses, values, device)?,
                Purpose::Act | Purpose::Probe | Purpose::Prepare | Purpose::Apply | Purpose::Verify => {
                    let values = values.into_iter().filter_map(|(index, given)| {
                        Some((csp::form(delivery.commands.get(index)?, device.platform), given))
                    });
                    let answer = answer(statuses, values, self.is_complete());
                    let secret = secrets.next().unwrap_or(SecretId(uuid::Uuid::nil()));
                    let (sealer, now) = (self.context.sealer, self.context.now);
                    engine::receive(self.unit, sealer, delivery, answer, secret, now)?;
                }
            }
        }
        Ok(())
    }

    /// Returns whether the device has finished its package.
    fn is_complete(&self) -> bool {
        self.request.is_final && self.values.unfinished.is_none()
    }

    /// The deliveries that this message answers, each once with the number of our message, in the order of the messages.
    fn answered(&self) -> Result<Vec<(u32, Delivery)>, StoreError> {
        let mut found = Vec::new();
        for (message, mut places) in self.answered_messages() {
            let name = receipt(&self.request.header.session, message);
            // One message can answer commands of several deliveries if the device reuses session numbers.
            while let Some(place) = places.pop_last() {
                let Some(delivery) = self.unit.delivery_with_receipt(self.enrollment.id, &name, place)? else {
                    tracing::debug!(message, "an answer to a message without commands");
                    break;
                };
                let first = delivery.phase.receipt().map(|receipt| receipt.first).unwrap_or_default();
                places.retain(|place| *place < first);
                found.push((message, delivery));
            }
        }
        Ok(found)
    }

    /// Our messages that this one answers, each once, in order, with the numbers of the commands.
    fn answered_messages(&self) -> Vec<(u32, BTreeSet<u32>)> {
        let mut messages: Vec<(u32, BTreeSet<u32>)> = Vec::new();
        for element in &self.request.body {
            let (message, command) = match element {
                Element::Status(status) if status.command_ref != HEADER_REF => {
                    (&status.message_ref, &status.command_ref)
                }
                Element::Results(results) => (&results.message_ref, &results.command_ref),
                _ => continue,
            };
            // A reference that is not a number matches none of our messages and commands.
            let (Some(message), Some(command)) = (number(message), number(command)) else { continue };
            match messages.iter_mut().find(|(known, _)| *known == message) {
                Some((_, commands)) => drop(commands.insert(command)),
                None => messages.push((message, BTreeSet::from([command]))),
            }
        }
        messages
    }

    fn statuses(&self, message: u32, first: u32, count: usize) -> Vec<Option<u16>> {
        let mut statuses = vec![None; count];
        for status in self.request.statuses().filter(|status| number(&status.message_ref) == Some(message)) {
            if let Some(slot) = index_of(&status.command_ref, first).and_then(|index| statuses.get_mut(index)) {
                *slot = slot.or(Some(status.code));
            }
        }
        statuses
    }

    /// The values of commands, by their index, as far as they are of the node that the command asked for.
    fn values(&self, message: u32, first: u32, commands: &[DeviceCommand], platform: Platform) -> Vec<(usize, Given)> {
        let results = self.request.results().filter(|results| number(&results.message_ref) == Some(message));
        let values = results.flat_map(|results| results.items.iter().map(move |item| (results, item)));
        let values = values.filter_map(|(results, item)| {
            let index = index_of(&results.command_ref, first)?;
            Some((index, csp::given(commands.get(index)?, platform, results, item)?))
        });
        values.collect()
    }

    fn take_set_up(
        &mut self,
        delivery: Delivery,
        statuses: Vec<Option<u16>>,
        values: Vec<(usize, Given)>,
        device: &mut ManagedDevice,
    ) -> Result<(), Fault> {
        let mut packages = None;
        if !matches!(delivery.phase, Phase::Sent(_)) {
            return Ok(());
        }
        for (index, given) in values {
            match (delivery.commands.get(index), given) {
                (Some(DeviceCommand::ReadInventory { field }), Given::Value(value)) => {
                    csp::take_inventory(&mut device.inventory, *field, &value);
                }
                // A machine without packages returns an empty list.
                (Some(DeviceCommand::ReadPackages), given @ (Given::Value(_) | Given::Empty)) => {
                    packages = Some(given.value());
                }
                (Some(_) | None, _) => {}
            }
        }
        let packages = packages.as_ref().map(|packages| packages.as_str());
        let answer = SetUp { statuses: &statuses, packages, complete: self.is_complete() };
        Ok(check_in::take_set_up(self.unit, device, delivery, &answer, self.context.now)?)
    }

    /// Adds queued commands to the answer, unless an answer is still awaited.
    fn speak(&mut self, reply: Reply, state: &State, fresh: &Fresh) -> Result<Said, Fault> {
        if !self.unit.deliveries_in_flight(self.enrollment.id)?.is_empty() {
            return Ok(Said::plain(&reply));
        }
        let Some(delivery) = self.unit.next_delivery(self.enrollment.id)? else { return Ok(Said::plain(&reply)) };
        // The passcode that the device would make could be lost: the command waits until an operator has repaired the
        // escrow.
        if delivery.purpose.may_change()
            && let Err(fault) = escrow::require(self.unit, self.context.sealer, delivery.tenant)
        {
            tracing::error!(error = %fault, "a recovery stays queued: the escrow is not ready");
            return Ok(Said::plain(&reply));
        }
        let entropy = self.context.entropy;
        let made = engine::Fresh { id: fresh.made, random: &mut |buffer| entropy.fill(buffer) };
        let provided = engine::provide(self.unit, self.context.sealer, delivery, made, self.context.now)?;
        let Some(delivery) = provided else { return Ok(Said::plain(&reply)) };
        let device = self.unit.device(delivery.tenant, delivery.device)?;
        let platform = device.map(|device| device.platform).ok_or(DeviceRefusal::NotFound)?;
        let tenant = self.unit.tenant(delivery.tenant)?;
        let facts = csp::Facts {
            platform,
            delivery: &delivery,
            settings: tenant.map(|tenant| tenant.settings).unwrap_or_default(),
            recipients: match delivery.purpose {
                Purpose::Prepare => self.context.sealer.recipients(delivery.tenant)?,
                Purpose::Act | Purpose::Probe | Purpose::Apply | Purpose::Verify | Purpose::Finish | Purpose::SetUp => {
                    Vec::new()
                }
            },
        };
        let mut commands = Vec::with_capacity(delivery.commands.len());
        for command in &delivery.commands {
            let secret = match engine::open_for(self.unit, self.context.replayer, &delivery, command) {
                Err(Fault::Escrow(error)) => {
                    tracing::error!(%error, "a command stays queued: the secret that it sends cannot be opened");
                    return Ok(Said::plain(&reply));
                }
                opened => opened?,
            };
            let Some(said) = csp::command(command, secret.as_ref(), &facts) else {
                tracing::error!(?command, ?platform, "a queued command cannot be encoded for the device");
                return Ok(Said::plain(&reply));
            };
            commands.push(said);
        }
        // A device may reuse session numbers: answers to an earlier message of this name are recognised by their
        // commands.
        let message = receipt(&state.session, reply.number());
        let earlier = self.unit.delivery_with_receipt(self.enrollment.id, &message, u32::MAX)?;
        let taken = earlier.as_ref().and_then(|earlier| {
            let count = u32::try_from(earlier.commands.len()).unwrap_or(u32::MAX);
            Some(earlier.phase.receipt()?.first.saturating_add(count))
        });
        let (reply, first) = match reply.command(commands, taken.unwrap_or_default()) {
            Sent::Now(reply, first) => (reply, first),
            // The commands stay queued.
            Sent::Next(reply) => return Ok(Said::plain(&reply)),
            Sent::Never(reply) => {
                tracing::warn!(device = %delivery.device, "the device takes no message long enough for its next command");
                return Ok(Said::plain(&reply));
            }
        };
        let secret = delivery.commands.iter().any(|command| command.secret().is_some());
        engine::sent(self.unit, delivery, Receipt { message, first }, self.context.now)?;
        Ok(Said { text: reply.encode(), secret })
    }
}

/// Converts the standing of a device to the words of the domain.
fn standing(said: &Standing) -> check_in::Standing<'_> {
    check_in::Standing {
        locks: &said.locks,
        unpromoted: said.unpromoted.as_ref(),
        packages_sha256: said.packages_sha256.as_deref(),
        account_name: said.account_name.as_deref(),
    }
}

/// Interprets the values by the commands that asked for them. A value that is not a passcode counts as missing, and so
/// does an invalid document of the agent.
fn answer(statuses: Vec<Option<u16>>, values: impl Iterator<Item = (csp::Form, Given)>, complete: bool) -> Answer {
    let mut answer = Answer { statuses, value: None, report: None, complete };
    for (form, given) in values {
        match (form, given) {
            (csp::Form::Passcode, Given::Value(value)) => {
                answer.value = Passcode::new(value).map(Value::Passcode).or(answer.value);
            }
            (csp::Form::Passcode, Given::Doubtful(value)) => {
                answer.value = answer.value.or_else(|| Passcode::new(value).map(Value::Doubtful));
            }
            (csp::Form::Envelope, Given::Value(value)) => {
                answer.value = Some(Value::Envelope(value.as_bytes().to_vec()));
            }
            (csp::Form::Base64, Given::Value(value)) => {
                answer.value =
                    STANDARD.decode(value.trim()).ok().map(Zeroizing::new).map(Value::Bytes).or(answer.value);
            }
            (csp::Form::Report, Given::Value(value)) => answer.report = csp::report(&value),
            (_, _) => {}
        }
    }
    answer
}

/// The name of one of our messages, by which its deliveries are found again. A device refers to a message by its
/// number, within the same session.
fn receipt(session: &str, message: u32) -> String {
    format!("session {session} message {message}")
}

fn index_of(command: &str, first: u32) -> Option<usize> {
    number(command)?.checked_sub(first).and_then(|index| usize::try_from(index).ok())
}
