//! One turn of a session, inside one unit of work: the device's answers are taken, and its queued commands are sent.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::caller::Actor;
use chaveiro_core::command::{Delivery, DeviceCommand, Phase, Purpose, Receipt};
use chaveiro_core::decisions::check_in::{self, Idle, SetUp};
use chaveiro_core::decisions::retire;
use chaveiro_core::device::{ManagedDevice, ManagementState, Platform};
use chaveiro_core::engine::{self, Answer, Value, escrow};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::{EnrollmentId, SecretId, TenantId};
use chaveiro_core::ports::{Entropy, Replayer, Sealer, StoreError, UnitOfWork};
use chaveiro_core::refused::Reason;
use chaveiro_core::secret::Passcode;
use chaveiro_core::{Fault, Timestamp};
use chaveiro_csp::Standing;
use omadm::Secret;
use omadm::session::server::{self as session, Entered, Moment, Proven, Request, Sent};
use omadm::syncml::{Element, HEADER_REF, Message, Verb, number};
use zeroize::Zeroizing;

use super::csp::Given;
use super::identity::{Speaker, by_digest, certified, speaker, stored};
use super::{Fresh, csp};
use crate::DeviceCredentials;
use crate::check_ins::{CheckIn, CheckIns};
use crate::credentials::CHALLENGE_SECONDS;

/// The input of a turn besides the store.
pub(super) struct Context<'a> {
    pub(super) sealer: &'a dyn Sealer,
    pub(super) replayer: &'a dyn Replayer,
    /// Randomness for secrets that the server makes. A turn that is run again makes a new secret, because the first was
    /// rolled back.
    pub(super) entropy: &'a dyn Entropy,
    pub(super) credentials: &'a DeviceCredentials,
    /// The sessions that wait to be stored.
    pub(super) check_ins: &'a CheckIns,
    /// Our own URI.
    pub(super) address: &'a str,
    pub(super) now: Timestamp,
}

/// SyncML status: not this device.
const FORBIDDEN: u16 = 403;

/// The answer to a message.
pub(super) enum Answered {
    /// An answer to an authenticated device.
    Device(Secret),
    /// An answer to a stranger; the text and the reason are for statistics.
    Stranger(Secret, &'static str, Option<Reason>),
}

/// A message, as far as it is judged without writing.
pub(super) enum Seen {
    /// A message that changes nothing, with its answer: it has no proof, or repeats an answered message.
    Known(Answered),
    /// It begins a session that is over with this answer, and leaves a check-in alone.
    Idle(Secret, Box<CheckIn>),
    /// It is to be taken.
    New(Option<Request>),
}

/// Looks for an answer that needs no unit of work: the turn is carried out where nothing can be written.
pub(super) fn look(
    unit: &mut dyn UnitOfWork,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    request: Request,
    fresh: &Fresh,
) -> Result<Seen, Fault> {
    let speaker = match certificate {
        Some(sha256) => {
            let enrollment = unit.enrollment_by_certificate(&sha256)?;
            // A device that has something to do is judged once, where that can be written.
            if let Some(enrollment) = &enrollment
                && enrollment.closed.is_none()
                && unit.has_open_delivery(enrollment.id)?
            {
                return Ok(Seen::New(Some(request)));
            }
            certified(&*unit, context, enrollment, request)?
        }
        None => by_digest(&*unit, context, request)?,
    };
    let (enrollment, proven) = match speaker {
        Speaker::Proven(proven) => *proven,
        Speaker::Repeated(answer) => return Ok(Seen::Known(Answered::Device(answer))),
        Speaker::Refused(request, why) => return Ok(Seen::Known(refused(context, &request, why))),
        Speaker::Unproven(request) => return Ok(Seen::Known(challenged(context, &request))),
    };
    let name = proven.request().message().header.source.clone();
    if answers_commands(proven.request()) || (certificate.is_none() && unit.has_open_delivery(enrollment.id)?) {
        return Ok(Seen::New(Some(proven.into_request())));
    }
    let turn = match enter(context, proven, fresh) {
        Entered::Turn(turn) => turn,
        Entered::Exhausted(answer) => return Ok(Seen::Known(Answered::Device(answer))),
    };
    if !turn.is_new() || !turn.is_complete() {
        // The device goes on in this session.
        return Ok(Seen::New(turn.into_request()));
    }
    let is_by_digest = !turn.is_by_certificate();
    let heard = Turn { unit, context, enrollment: &enrollment, said: &turn, run: Run::Dry }.listen(fresh);
    let answered = match heard {
        Ok(Heard::Open { .. }) => turn.answer(),
        Ok(Heard::Closed | Heard::Left) => turn.close(),
        // It wants to write.
        Err(Fault::Store(StoreError::ReadOnly(_))) => return Ok(Seen::New(turn.into_request())),
        Err(fault) => return Err(fault),
    };
    let session = stored(answered.session, context.credentials, enrollment.id, fresh.salts)?;
    let idle = Idle {
        tenant: enrollment.tenant,
        device: enrollment.device,
        enrollment: enrollment.id,
        at: context.now,
        session: Some(session),
    };
    Ok(Seen::Idle(answered.text, Box::new(CheckIn { idle, by_digest: is_by_digest, name })))
}

/// Returns true if the message answers commands: that is never idle.
pub(super) fn answers_commands(request: &Request) -> bool {
    let message = request.message();
    message.results().next().is_some() || message.statuses().any(|status| status.command_ref != HEADER_REF)
}

fn refused(context: &Context<'_>, request: &Request, reason: &'static str) -> Answered {
    tracing::debug!(reason, "a device message was refused");
    let refusal = session::refuse(request, context.address, FORBIDDEN);
    Answered::Stranger(refusal, "certificate refused", Some(Reason::Certificate))
}

fn challenged(context: &Context<'_>, request: &Request) -> Answered {
    let header = &request.message().header;
    let challenges = context.credentials.challenges(&header.source, &header.session, context.now);
    let challenge = session::challenge(request, context.address, challenges.first().copied().unwrap_or_default());
    match header.credential {
        Some(_) => Answered::Stranger(challenge, "wrong credential", Some(Reason::Credential)),
        None => Answered::Stranger(challenge, "no credential", None),
    }
}

/// A message that was taken.
pub(super) struct Taken {
    pub(super) answer: Answered,
    /// The enrolment that it proved to be of, and its tenant, if it was new.
    pub(super) of: Option<(EnrollmentId, TenantId)>,
}

impl Taken {
    fn unchanged(answer: Answered) -> Self {
        Self { answer, of: None }
    }
}

/// Takes one message and gives the answer. All its writes belong together; a message without proof writes nothing.
pub(super) fn take(
    unit: &mut dyn UnitOfWork,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    request: Request,
    fresh: &Fresh,
) -> Result<Taken, Fault> {
    let (enrollment, proven) = match speaker(&*unit, context, certificate, request)? {
        Speaker::Proven(proven) => *proven,
        Speaker::Repeated(answer) => return Ok(Taken::unchanged(Answered::Device(answer))),
        Speaker::Refused(request, why) => return Ok(Taken::unchanged(refused(context, &request, why))),
        Speaker::Unproven(request) => return Ok(Taken::unchanged(challenged(context, &request))),
    };
    let turn = match enter(context, proven, fresh) {
        Entered::Turn(turn) => turn,
        Entered::Exhausted(answer) => return Ok(Taken::unchanged(Answered::Device(answer))),
    };
    let heard = Turn { unit: &mut *unit, context, enrollment: &enrollment, said: &turn, run: Run::Written };
    let heard = heard.listen(fresh)?;
    let answered = match heard {
        Heard::Open { platform, quiet } => {
            // What was in flight may have been answered by this message.
            let speaks = turn.message().is_final && (quiet || unit.deliveries_in_flight(enrollment.id)?.is_empty());
            let turn = if speaks { speak(unit, context, &enrollment, platform, turn, fresh)? } else { turn };
            turn.answer()
        }
        Heard::Closed | Heard::Left => turn.close(),
    };
    if !matches!(heard, Heard::Left) {
        let session = stored(answered.session, context.credentials, enrollment.id, fresh.salts)?;
        unit.put_session(enrollment.id, &session)?;
    }
    Ok(Taken { answer: Answered::Device(answered.text), of: Some((enrollment.id, enrollment.tenant)) })
}

/// Takes a message that proved itself into its session.
fn enter(context: &Context<'_>, proven: Proven, fresh: &Fresh) -> Entered {
    proven.enter(Moment::new(context.address, fresh.nonce, context.now.as_second(), CHALLENGE_SECONDS))
}

/// The way in which a turn is carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// In a unit of work.
    Written,
    /// Where nothing can be written. The time of the session is left to the caller, and nothing is queued.
    Dry,
}

/// The sequel of a message that was taken.
enum Heard {
    /// Commands for a device of that platform, unless it has to answer some; `quiet` if none await an answer for certain.
    Open { platform: Platform, quiet: bool },
    /// No commands.
    Closed,
    /// No commands, and no session: the device has ended its enrolment.
    Left,
}

struct Turn<'a> {
    unit: &'a mut dyn UnitOfWork,
    context: &'a Context<'a>,
    enrollment: &'a Enrollment,
    said: &'a session::Turn,
    run: Run,
}

impl<'a> Turn<'a> {
    fn request(&self) -> &'a Message {
        self.said.message()
    }

    /// Takes the whole content of the message.
    fn listen(mut self, fresh: &Fresh) -> Result<Heard, Fault> {
        let device = self.unit.device(self.enrollment.tenant, self.enrollment.device)?;
        let mut device = device.ok_or_else(|| StoreError::Inconsistent("an enrolment has no device".to_owned()))?;
        let before = device.clone();
        let now = self.context.now;
        let (is_new, by_certificate) = (self.said.is_new(), self.said.is_by_certificate());
        let moves_time = is_new && self.run == Run::Written;
        check_in::greet(self.unit, self.enrollment, &mut device, by_certificate, moves_time, now)?;
        let managed = device.management_state == ManagementState::Managed;
        if is_new && managed && !self.request().is_abort() && !self.request().is_unenrollment() {
            check_in::ask_inventory(self.unit, self.enrollment, &mut device, now)?;
        }
        self.take_information(&mut device);
        self.take_answers(&mut device, &fresh.secrets)?;
        let said = csp::standing(self.request()).filter(|_| device.platform == Platform::Linux);
        let said = said.as_ref().map(standing);
        check_in::keep(self.unit, &before, &mut device, said.as_ref(), now)?;
        // Deliveries that are still in flight will get no answer: the device begins again, or ends the session.
        let quiet = is_new || self.request().is_first_package() || self.request().is_abort();
        // A dry run begins with nothing in flight.
        if quiet && self.run == Run::Written {
            for delivery in self.unit.deliveries_in_flight(self.enrollment.id)? {
                engine::lost(self.unit, delivery, now)?;
            }
        }
        if self.request().is_unenrollment() {
            let actor = Actor::device(self.enrollment.id);
            retire::unenroll(self.unit, device, actor, now)?;
            return Ok(Heard::Left);
        }
        let open = !self.request().is_abort() && device.management_state == ManagementState::Managed;
        if let Some(said) = said.filter(|_| open) {
            let fresh = check_in::Fresh { action: fresh.action, user: fresh.user };
            check_in::take_standing(self.unit, self.enrollment, &device, &said, fresh, now)?;
        }
        Ok(if open { Heard::Open { platform: device.platform, quiet } } else { Heard::Closed })
    }

    fn take_information(&self, device: &mut ManagedDevice) {
        for command in self.request().commands().filter(|command| command.verb == Verb::Replace) {
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
                    let answer = answer(statuses, values, self.said.is_complete());
                    let secret = secrets.next().unwrap_or(SecretId(uuid::Uuid::nil()));
                    let (sealer, now) = (self.context.sealer, self.context.now);
                    engine::receive(self.unit, sealer, delivery, answer, secret, now)?;
                }
            }
        }
        Ok(())
    }

    /// The deliveries that this message answers, each once with the number of our message, in the order of the messages.
    fn answered(&self) -> Result<Vec<(u32, Delivery)>, StoreError> {
        let mut found = Vec::new();
        for (message, mut places) in self.answered_messages() {
            let name = receipt(&self.request().header.session, message);
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
        for element in &self.request().body {
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
        for status in self.request().statuses().filter(|status| number(&status.message_ref) == Some(message)) {
            if let Some(slot) = index_of(&status.command_ref, first).and_then(|index| statuses.get_mut(index)) {
                *slot = slot.or(Some(status.code));
            }
        }
        statuses
    }

    /// The values of commands, by their index, as far as they are of the node that the command asked for.
    fn values(&self, message: u32, first: u32, commands: &[DeviceCommand], platform: Platform) -> Vec<(usize, Given)> {
        let results = self.request().results().filter(|results| number(&results.message_ref) == Some(message));
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
        let answer = SetUp { statuses: &statuses, packages, complete: self.said.is_complete() };
        Ok(check_in::take_set_up(self.unit, device, delivery, &answer, self.context.now)?)
    }
}

/// Adds queued commands to the answer.
fn speak(
    unit: &mut dyn UnitOfWork,
    context: &Context<'_>,
    enrollment: &Enrollment,
    platform: Platform,
    mut turn: session::Turn,
    fresh: &Fresh,
) -> Result<session::Turn, Fault> {
    let Some(delivery) = unit.next_delivery(enrollment.id)? else { return Ok(turn) };
    // The passcode that the device would make could be lost, and a secret that it would be given cannot be opened: the
    // command waits until an operator has repaired the escrow.
    if let Err(fault) = escrow::require_for(unit, context.sealer, &delivery) {
        tracing::error!(error = %fault, "a recovery stays queued: the escrow is not ready");
        return Ok(turn);
    }
    let entropy = context.entropy;
    let made = engine::Fresh { id: fresh.made, random: &mut |buffer| entropy.fill(buffer) };
    let provided = engine::provide(unit, context.sealer, delivery, made, context.now)?;
    let Some(delivery) = provided else { return Ok(turn) };
    let preparing = match delivery.purpose {
        Purpose::Prepare => Some(csp::Preparing {
            settings: unit.tenant(delivery.tenant)?.map(|tenant| tenant.settings).unwrap_or_default(),
            recipients: context.sealer.recipients(delivery.tenant)?,
        }),
        Purpose::Act | Purpose::Probe | Purpose::Apply | Purpose::Verify | Purpose::Finish | Purpose::SetUp => None,
    };
    let facts = csp::Facts { platform, delivery: &delivery, preparing };
    let mut commands = Vec::with_capacity(delivery.commands.len());
    for command in &delivery.commands {
        let secret = match engine::open_for(unit, context.replayer, &delivery, command) {
            Err(Fault::Escrow(error)) => {
                tracing::error!(%error, "a command stays queued: the secret that it sends cannot be opened");
                return Ok(turn);
            }
            opened => opened?,
        };
        let Some(said) = csp::command(command, secret.as_ref(), &facts) else {
            tracing::error!(?command, ?platform, "a queued command cannot be encoded for the device");
            return Ok(turn);
        };
        commands.push(said);
    }
    // A device may reuse session numbers: answers to an earlier message of this name are recognised by their commands.
    let message = receipt(turn.session(), turn.number());
    let earlier = unit.delivery_with_receipt(enrollment.id, &message, u32::MAX)?;
    let taken = earlier.as_ref().and_then(|earlier| {
        let count = u32::try_from(earlier.commands.len()).unwrap_or(u32::MAX);
        Some(earlier.phase.receipt()?.first.saturating_add(count))
    });
    let first = match turn.command(commands, taken.unwrap_or_default()) {
        Sent::Now(with, first) => {
            turn = with;
            first
        }
        // The commands stay queued.
        Sent::Next(turn) => return Ok(turn),
        Sent::Never(turn) => {
            tracing::warn!(device = %delivery.device, "the device takes no message long enough for its next command");
            return Ok(turn);
        }
    };
    // An answer that holds a secret is stored sealed.
    if delivery.commands.iter().any(|command| command.secret().is_some()) {
        turn.hold_secret();
    }
    engine::sent(unit, delivery, Receipt { message, first }, context.now)?;
    Ok(turn)
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
