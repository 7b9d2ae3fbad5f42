//! One turn of a session, inside one unit of work: what the device says is taken, what waits for it goes out.

use chaveiro_core::actions::recover_passcode::{self, Answer, Value, seal_first};
use chaveiro_core::actions::{restore, retire, take_inventory};
use chaveiro_core::caller::Actor;
use chaveiro_core::command::{Delivery, DeviceCommand, Phase, Purpose, SentIn};
use chaveiro_core::device::{ManagedDevice, ManagementState, Platform};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::SecretId;
use chaveiro_core::keys::require_escrow;
use chaveiro_core::lock::Lock;
use chaveiro_core::ports::{Sealer, StoreError, UnitOfWork};
use chaveiro_core::refusal::Refusal;
use chaveiro_core::secret::Passcode;
use chaveiro_core::{Fault, Timestamp};
use chaveiro_csp::Standing;
use omadm::session::server::{Admission, Expected, Reply, State, is_abort, is_first_package, is_unenrollment};
use omadm::syncml::{Challenge, Element, Message, Verb};
use zeroize::Zeroizing;

use super::identity::{Speaker, bytes_of, speaker, state};
use super::{Fresh, csp};
use crate::DeviceCredentials;

/// What a turn needs beside the store.
pub(super) struct Context<'a> {
    pub(super) sealer: &'a dyn Sealer,
    pub(super) credentials: &'a DeviceCredentials,
    /// Our own URI.
    pub(super) address: &'a str,
    pub(super) now: Timestamp,
}

/// SyncML status: not this device.
const FORBIDDEN: u16 = 403;
/// SyncML status: authentication accepted for this message.
const OK: u16 = 200;
/// SyncML status: wrong credentials.
const UNAUTHORIZED: u16 = 401;
/// SyncML status: credentials are needed.
const CREDENTIALS_REQUIRED: u16 = 407;

/// Takes one message and gives the bytes of the answer. Everything it writes belongs together.
pub(super) fn take(
    unit: &mut dyn UnitOfWork,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    request: &Message,
    body_sha256: [u8; 32],
    fresh: Fresh,
) -> Result<String, Fault> {
    let header = &request.header;
    let reply = |code, challenge| Reply::to(request, context.address, code, challenge);
    let (enrollment, certified) = match speaker(unit, certificate, header)? {
        Speaker::Certified(enrollment) => (enrollment, true),
        Speaker::Named(enrollment) => (enrollment, false),
        Speaker::Refused(reason) => {
            tracing::warn!(reason, "a device message was refused");
            return Ok(reply(FORBIDDEN, None).encode());
        }
        Speaker::OneOf(candidates) => {
            // Nobody learns here whether a name is known: everybody is challenged.
            for candidate in candidates {
                let mut state = state(unit, context.credentials, candidate.id)?;
                state.challenge_with(fresh.nonce);
                unit.put_session(candidate.id, &bytes_of(&state)?)?;
            }
            let challenge = Challenge { nonce: fresh.nonce.to_vec() };
            return Ok(reply(CREDENTIALS_REQUIRED, Some(challenge)).encode());
        }
    };

    let mut state = state(unit, context.credentials, enrollment.id)?;
    if let Some(response) = state.recall(header, &body_sha256) {
        return Ok(response.to_owned());
    }
    let is_new = state.enter(header);
    let user = context.credentials.client_name(enrollment.id);
    let password = context.credentials.client_secret(enrollment.id);
    let expected = Expected { certificate: certified, user: &user, password: &password };
    let response = match state.admit(header, expected, fresh.nonce) {
        Admission::Challenged(code, challenge) => reply(code, Some(challenge)).encode(),
        Admission::Refused => reply(UNAUTHORIZED, None).encode(),
        Admission::Admitted(challenge) => {
            let mut turn = Turn { unit, context, enrollment: &enrollment, request };
            let open = turn.listen(is_new, &fresh)?;
            let acknowledged = reply(OK, challenge).acknowledge(request);
            if open { turn.speak(acknowledged, &state)? } else { acknowledged.encode() }
        }
    };
    state.remember(header, body_sha256, &response);
    // An enrolment that ended in this very turn has no session any more.
    if unit.enrollment(enrollment.id)?.is_some_and(|enrollment| enrollment.closed.is_none()) {
        unit.put_session(enrollment.id, &bytes_of(&state)?)?;
    }
    Ok(response)
}

struct Turn<'a> {
    unit: &'a mut dyn UnitOfWork,
    context: &'a Context<'a>,
    enrollment: &'a Enrollment,
    request: &'a Message,
}

impl Turn<'_> {
    /// Takes everything the message says. Says whether commands may follow.
    fn listen(&mut self, is_new: bool, fresh: &Fresh) -> Result<bool, Fault> {
        let device = self.unit.device(self.enrollment.tenant, self.enrollment.device)?;
        let mut device = device.ok_or_else(|| StoreError::Inconsistent("an enrolment has no device".to_owned()))?;
        let before = device.clone();
        if is_new {
            device.last_sync = self.context.now;
        }
        self.take_information(&mut device);
        self.take_answers(&mut device, &fresh.secrets)?;
        let standing = csp::standing(self.request).filter(|_| device.platform == Platform::Linux);
        if let Some(standing) = &standing {
            device.recoverability.clone_from(&standing.locks);
        }
        if device != before {
            self.unit.update_device(&device)?;
        }
        if standing.is_some() {
            restore::confirm(self.unit, &device, self.context.now)?;
        }
        // What is still in flight now was asked in vain: the device begins again, or ends the session.
        if is_new || is_first_package(self.request) || is_abort(self.request) {
            for delivery in self.unit.deliveries_in_flight(self.enrollment.id)? {
                self.lose(delivery)?;
            }
        }
        if is_unenrollment(self.request) {
            let actor = Actor::device(self.enrollment.id);
            retire::retire(self.unit, device.tenant, device.id, actor, self.context.now)?;
            return Ok(false);
        }
        let open = !is_abort(self.request) && device.management_state == ManagementState::Managed;
        if let Some(standing) = standing.filter(|_| open) {
            self.act_on(&standing, &device, fresh)?;
        }
        Ok(open)
    }

    /// What follows from what the device says of itself.
    fn act_on(&mut self, standing: &Standing, device: &ManagedDevice, fresh: &Fresh) -> Result<(), Fault> {
        let now = self.context.now;
        match &standing.unpromoted {
            // Until it is settled, the device does not count the new passcode as escrowed: another would be one too many.
            Some(unpromoted) => seal_first::reconcile(self.unit, self.enrollment, unpromoted, now)?,
            None => {
                seal_first::keep_disk_escrowed(self.unit, device, self.enrollment, fresh.action, now)?;
            }
        }
        if let Some(entry) = standing.locks.iter().find(|entry| entry.of.lock == Lock::Login) {
            let name = standing.account_name.as_deref();
            take_inventory::take_account(self.unit, device, &entry.of.subject, name, fresh.user, now)?;
        }
        let packages = vec![DeviceCommand::ReadPackages];
        let changed = standing.packages_sha256.is_some()
            && standing.packages_sha256 != device.inventory.packages_sha256
            // A device that never gets as far as answering is not asked once more for each of its sessions.
            && self.unit.deliveries_queued(self.enrollment.id)?.iter().all(|queued| queued.commands != packages);
        if changed {
            let read = Delivery::of_no_action(self.enrollment, Purpose::SetUp, packages, now);
            self.unit.insert_delivery(&read)?;
        }
        Ok(())
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

    /// Matches statuses and results to deliveries, message by message. What matches nothing changes nothing.
    fn take_answers(&mut self, device: &mut ManagedDevice, secrets: &[SecretId]) -> Result<(), Fault> {
        let mut secrets = secrets.iter().copied();
        for message in self.answered_messages() {
            let session = &self.request.header.session;
            let found = self.unit.delivery_sent_in(self.enrollment.id, session, message)?;
            let Some(delivery) = found else {
                tracing::debug!(message, "an answer to a message without commands");
                continue;
            };
            let Some(first) = delivery.phase.sent_in().map(|at| at.first_command) else { continue };
            let statuses = self.statuses(message, first, delivery.commands.len());
            let values = self.values(message, first, &delivery.commands);
            match delivery.purpose {
                Purpose::SetUp | Purpose::Finish => self.take_set_up(delivery, statuses, values, device)?,
                Purpose::Act | Purpose::Probe | Purpose::Prepare | Purpose::Apply => {
                    let answer = answer(&delivery.commands, statuses, values);
                    let secret = secrets.next().unwrap_or(SecretId(uuid::Uuid::nil()));
                    let (sealer, now) = (self.context.sealer, self.context.now);
                    recover_passcode::receive(self.unit, sealer, delivery, answer, secret, now)?;
                }
            }
        }
        Ok(())
    }

    /// Our messages that this one answers, each once, in order.
    fn answered_messages(&self) -> Vec<u32> {
        let mut messages = Vec::new();
        for element in &self.request.body {
            let message = match element {
                Element::Status(status) if status.command_ref != 0 => status.message_ref,
                Element::Results(results) => results.message_ref,
                Element::Status(_)
                | Element::Alert(_)
                | Element::Command(_)
                | Element::Container(_)
                | Element::Unknown { .. } => continue,
            };
            if !messages.contains(&message) {
                messages.push(message);
            }
        }
        messages
    }

    fn statuses(&self, message: u32, first: u32, count: usize) -> Vec<Option<u16>> {
        let mut statuses = vec![None; count];
        for status in self.request.statuses().filter(|status| status.message_ref == message) {
            if let Some(slot) = index_of(status.command_ref, first).and_then(|index| statuses.get_mut(index)) {
                *slot = slot.or(Some(status.code));
            }
        }
        statuses
    }

    fn values(&self, message: u32, first: u32, commands: &[DeviceCommand]) -> Vec<(usize, Zeroizing<String>)> {
        let results = self.request.results().filter(|results| results.message_ref == message);
        let values = results.filter_map(|results| {
            let index = index_of(results.command_ref, first).filter(|index| *index < commands.len())?;
            let value = results.items.iter().find_map(|item| item.value())?;
            Some((index, value.clone()))
        });
        values.collect()
    }

    fn take_set_up(
        &mut self,
        mut delivery: Delivery,
        statuses: Vec<Option<u16>>,
        mut values: Vec<(usize, Zeroizing<String>)>,
        device: &mut ManagedDevice,
    ) -> Result<(), Fault> {
        let Phase::Sent(at) = delivery.phase.clone() else { return Ok(()) };
        // A machine without packages gives an empty list, which SyncML does not tell from no value.
        let is_list = |index: usize| delivery.commands.get(index) == Some(&DeviceCommand::ReadPackages);
        let empty = statuses.iter().enumerate().find(|(index, status)| is_list(*index) && **status == Some(200));
        if let (Some((index, _)), true) = (empty, values.is_empty()) {
            values.push((index, Zeroizing::default()));
        }
        for (known, new) in delivery.statuses.iter_mut().zip(statuses) {
            *known = known.or(new);
        }
        for (index, value) in values {
            match delivery.commands.get(index) {
                Some(DeviceCommand::ReadInventory { field }) => {
                    csp::take_inventory(&mut device.inventory, *field, &value);
                }
                Some(DeviceCommand::ReadPackages) => {
                    take_inventory::take_packages(self.unit, device, &value, self.context.now)?;
                    device.inventory.packages_sha256 = Some(seal_first::sha256_hex(value.as_bytes()));
                }
                Some(_) | None => {}
            }
        }
        if delivery.statuses.iter().all(Option::is_some) {
            delivery.phase = Phase::Settled(at);
        }
        Ok(self.unit.update_delivery(&delivery)?)
    }

    /// A lost set-up is queued again: its commands may be repeated without harm.
    fn lose(&mut self, delivery: Delivery) -> Result<(), Fault> {
        let again = (delivery.purpose == Purpose::SetUp).then(|| Delivery {
            seq: 0,
            phase: Phase::Queued,
            statuses: vec![None; delivery.commands.len()],
            created: self.context.now,
            ..delivery.clone()
        });
        recover_passcode::lost(self.unit, delivery, self.context.now)?;
        if let Some(again) = again {
            self.unit.insert_delivery(&again)?;
        }
        Ok(())
    }

    /// Adds what is queued to the answer, unless something is still waited for.
    fn speak(&mut self, reply: Reply, state: &State) -> Result<String, Fault> {
        if !self.unit.deliveries_in_flight(self.enrollment.id)?.is_empty() {
            return Ok(reply.encode());
        }
        let Some(delivery) = self.unit.next_delivery(self.enrollment.id)? else { return Ok(reply.encode()) };
        // What the device would make could be lost: the command waits until an operator has repaired the escrow.
        if delivery.purpose.may_change()
            && let Err(fault) = require_escrow(self.unit, self.context.sealer, delivery.tenant)
        {
            tracing::error!(error = %fault, "a recovery waits, because the escrow is not ready");
            return Ok(reply.encode());
        }
        let device = self.unit.device(delivery.tenant, delivery.device)?;
        let platform = device.map(|device| device.platform).ok_or(Refusal::DeviceNotFound)?;
        let tenant = self.unit.tenant(delivery.tenant)?;
        let facts = csp::Facts {
            platform,
            delivery: &delivery,
            settings: tenant.map(|tenant| tenant.settings).unwrap_or_default(),
            recipients: match delivery.purpose {
                Purpose::Prepare => self.context.sealer.recipients(delivery.tenant)?,
                Purpose::Act | Purpose::Probe | Purpose::Apply | Purpose::Finish | Purpose::SetUp => Vec::new(),
            },
        };
        let commands = delivery.commands.iter().map(|command| csp::command(command, &facts)).collect();
        let (reply, first_command) = reply.command(commands);
        let at = SentIn { session: state.session.clone(), message: reply.number(), first_command };
        recover_passcode::sent(self.unit, delivery, at, self.context.now)?;
        Ok(reply.encode())
    }
}

/// What the values mean, by the commands that asked for them. A value that is no passcode is as good as none.
fn answer(commands: &[DeviceCommand], statuses: Vec<Option<u16>>, values: Vec<(usize, Zeroizing<String>)>) -> Answer {
    let mut answer = Answer { statuses, value: None, report: None };
    for (index, value) in values {
        match commands.get(index) {
            Some(DeviceCommand::ReadNewPin) => answer.value = Passcode::new(value).map(Value::Passcode),
            Some(DeviceCommand::ReadCandidate) => answer.value = Some(Value::Envelope(value.as_bytes().to_vec())),
            Some(DeviceCommand::ReadReport) => answer.report = csp::report(&value),
            Some(_) | None => {}
        }
    }
    answer
}

fn index_of(command: u32, first: u32) -> Option<usize> {
    command.checked_sub(first).and_then(|index| usize::try_from(index).ok())
}
