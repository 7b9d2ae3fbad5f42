//! A Linux device with the agent. It has a candidate in memory, a journal on disk, an account's password, and the key
//! slots that the agent added to a volume.
//!
//! The journal is that of `docs/linux.md`. A power failure in `Apply` leaves the journal after each change; the start
//! takes back the changes that were not proven.

use std::collections::BTreeSet;

use super::channel::{Given, Order, Value, seal, sealed_in};
use super::{Device, How, Mood, World};
use crate::action::Outcome;
use crate::command::DeviceCommand;
use crate::device::Platform;
use crate::digest::sha256_hex;
use crate::escrow::UNTIL_REPLACED;
use crate::id::ActionId;
use crate::lock::{DeviceLock, DeviceReport, Lock, Unpromoted};

/// A candidate that opens nothing yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Candidate {
    serves: (ActionId, u32),
    envelope: Vec<u8>,
}

/// The last record of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Applying,
    Applied,
    Retiring,
}

/// The journal of a recovery that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Journal {
    candidate: Unpromoted,
    passcode: u8,
    former: u8,
    stage: Stage,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Linux {
    password: u8,
    /// The passcodes of the slots that the agent added. A person's own slots stay as they are.
    slots: BTreeSet<u8>,
    journal: Option<Journal>,
    /// The recovery whose passcode the machine knows to be promoted.
    promoted: Option<ActionId>,
    /// The candidate in memory.
    candidate: Option<Candidate>,
    /// The report in memory; that of an applied candidate is in the journal, too.
    report: Option<DeviceReport>,
}

/// Statuses of the agent.
const OK: u16 = 200;
const NOTHING_READY: u16 = 406;
const CONFLICT: u16 = 409;
const FAILED: u16 = 500;

fn report(serves: (ActionId, u32), opens: bool) -> DeviceReport {
    let of = |lock| DeviceLock { lock, subject: String::new() };
    let opens = if opens { vec![of(Lock::Login), of(Lock::Luks2)] } else { Vec::new() };
    DeviceReport { action: serves.0, attempt: serves.1, opens, obstacles: Vec::new() }
}

impl Linux {
    fn prepare(&mut self, order: &Order, how: How) -> u16 {
        let Some(serves) = order.serves else { return FAILED };
        if self.candidate.as_ref().is_some_and(|known| known.serves == serves) {
            return OK;
        }
        self.candidate = None;
        self.report = Some(report(serves, false));
        if self.journal.is_some() {
            return CONFLICT;
        }
        match how.mood {
            Mood::Fails => FAILED,
            Mood::Unable => NOTHING_READY,
            _ => {
                let envelope = seal(serves.0, serves.1, how.fresh);
                self.candidate = Some(Candidate { serves, envelope });
                OK
            }
        }
    }

    fn apply(&mut self, order: &Order, envelope_sha256: &str, how: How) -> u16 {
        let Some((action, attempt)) = order.serves else { return FAILED };
        let asked = Unpromoted { action, attempt, envelope_sha256: envelope_sha256.to_owned() };
        if let Some(journal) = &self.journal {
            let again = journal.candidate == asked && journal.stage == Stage::Applied;
            self.report = (journal.stage == Stage::Applied).then(|| report(proof_of(journal), true));
            return if again { OK } else { CONFLICT };
        }
        let is_it =
            |known: &mut Candidate| known.serves == (action, attempt) && sha256_hex(&known.envelope) == envelope_sha256;
        let Some(candidate) = self.candidate.take_if(is_it) else { return CONFLICT };
        if how.mood == Mood::Unproven {
            self.report = Some(report(candidate.serves, false));
            return OK;
        }
        let (passcode, former) = (sealed_in(&candidate.envelope), self.password);
        self.journal = Some(Journal { candidate: asked, passcode, former, stage: Stage::Applying });
        if how.cut == Some(1) {
            return FAILED;
        }
        self.slots.insert(passcode);
        if how.cut == Some(2) {
            return FAILED;
        }
        self.password = passcode;
        if how.cut == Some(3) {
            return FAILED;
        }
        if how.mood == Mood::Fails {
            self.report = Some(report(candidate.serves, false));
            self.take_back();
            return FAILED;
        }
        if let Some(journal) = &mut self.journal {
            journal.stage = Stage::Applied;
        }
        self.report = Some(report(candidate.serves, true));
        OK
    }

    fn retire(&mut self, action: ActionId, attempt: u32, how: How) -> u16 {
        match self.unpromoted() {
            Some(known) if (known.action, known.attempt) == (action, attempt) => {}
            Some(_) => return CONFLICT,
            None => return if self.promoted == Some(action) { OK } else { CONFLICT },
        }
        if let Some(journal) = &mut self.journal {
            journal.stage = Stage::Retiring;
        }
        if how.cut != Some(1) {
            self.finish_retiring();
        }
        OK
    }

    fn finish_retiring(&mut self) {
        if let Some(journal) = self.journal.take() {
            self.slots.retain(|slot| *slot == journal.passcode);
            self.promoted = Some(journal.candidate.action);
        }
    }

    fn undo(&mut self, action: ActionId, attempt: u32, how: How) -> u16 {
        self.candidate.take_if(|known| known.serves == (action, attempt));
        match &mut self.journal {
            None if self.promoted == Some(action) => CONFLICT,
            None => OK,
            Some(journal) if journal.stage == Stage::Retiring => CONFLICT,
            Some(journal) if (journal.candidate.action, journal.candidate.attempt) == (action, attempt) => {
                // From here on it is not applied any more.
                journal.stage = Stage::Applying;
                if how.cut != Some(1) {
                    self.take_back();
                }
                OK
            }
            Some(_) => CONFLICT,
        }
    }

    fn take_back(&mut self) {
        if let Some(journal) = self.journal.take() {
            self.slots.remove(&journal.passcode);
            if self.password == journal.passcode {
                self.password = journal.former;
            }
        }
    }

    /// Returns true if a permitted person is shown that passcode, or it stays in escrow until that is decided.
    fn is_held(world: &World<Self>, passcode: u8) -> bool {
        world.is_reachable(passcode) || world.sealed(passcode).any(|secret| secret.expires == UNTIL_REPLACED)
    }
}

fn proof_of(journal: &Journal) -> (ActionId, u32) {
    (journal.candidate.action, journal.candidate.attempt)
}

impl Device for Linux {
    const PLATFORM: Platform = Platform::Linux;

    fn new() -> Self {
        Self { password: 0, slots: BTreeSet::new(), journal: None, promoted: None, candidate: None, report: None }
    }

    fn moods(order: &Order) -> &'static [Mood] {
        match order.commands.first() {
            Some(DeviceCommand::PrepareCandidate { .. }) => &[Mood::Honest, Mood::Fails, Mood::Unable, Mood::Withholds],
            Some(DeviceCommand::ApplyCandidate { .. }) => &[Mood::Honest, Mood::Fails, Mood::Unproven],
            _ => &[Mood::Honest],
        }
    }

    fn seams(command: &DeviceCommand) -> u8 {
        match command {
            DeviceCommand::ApplyCandidate { .. } => 4,
            DeviceCommand::RetireOld { .. } | DeviceCommand::UndoCandidate { .. } => 2,
            _ => 1,
        }
    }

    fn run(&mut self, order: &Order, command: &DeviceCommand, how: How, given: &mut Given) {
        // At the first seam nothing of the command has happened.
        if how.cut == Some(0) {
            return;
        }
        let status = match command {
            DeviceCommand::PrepareCandidate { .. } => self.prepare(order, how),
            DeviceCommand::ApplyCandidate { envelope_sha256 } => self.apply(order, envelope_sha256, how),
            DeviceCommand::RetireOld { action, attempt } => self.retire(*action, *attempt, how),
            DeviceCommand::UndoCandidate { action, attempt } => self.undo(*action, *attempt, how),
            DeviceCommand::ReadCandidate => {
                let known = self.candidate.as_ref().filter(|_| how.mood != Mood::Withholds);
                given.value = known.map(|known| Value::Envelope(known.envelope.clone()));
                OK
            }
            DeviceCommand::ReadReport => {
                given.report.clone_from(&self.report);
                OK
            }
            _ => 404,
        };
        given.statuses.push(Some(status));
    }

    fn lose_power(&mut self) {
        (self.candidate, self.report) = (None, None);
    }

    fn resume(&mut self) {
        match self.journal.as_ref().map(|journal| journal.stage) {
            Some(Stage::Applying) => self.take_back(),
            Some(Stage::Retiring) => self.finish_retiring(),
            Some(Stage::Applied) | None => {}
        }
    }

    fn end_session(&mut self) {
        self.candidate = None;
    }

    fn turned_away(&mut self) {
        self.candidate = None;
        match self.journal.as_ref().map(|journal| journal.stage) {
            Some(Stage::Retiring) => self.finish_retiring(),
            Some(_) | None => self.take_back(),
        }
    }

    fn unpromoted(&self) -> Option<Unpromoted> {
        let applied = self.journal.as_ref().filter(|journal| journal.stage == Stage::Applied);
        applied.map(|journal| journal.candidate.clone())
    }

    fn passcode(&self) -> u8 {
        self.password
    }

    fn largest(&self) -> u8 {
        let candidate = self.candidate.iter().map(|known| sealed_in(&known.envelope));
        let journal = self.journal.iter().map(|journal| journal.passcode.max(journal.former));
        self.slots.iter().copied().chain(candidate).chain(journal).chain([self.password]).max().unwrap_or_default()
    }

    /// The password is the one from before, or the escrow holds it: shown to a permitted person, or kept until it is
    /// decided. While the machine takes a candidate back, the former password is in its journal. A slot that was added
    /// opens the volume in the same sense, once there was one.
    fn is_kept(world: &World<Self>) -> bool {
        let Linux { password, slots, journal, promoted, .. } = &world.device;
        // The device answers for it in this session or the next one: it goes back.
        let goes_back = journal.as_ref().is_some_and(|journal| {
            let action = world.store.actions.iter().find(|action| action.id == journal.candidate.action);
            let outcome = action.and_then(|action| action.outcome);
            world.holds(journal.passcode)
                && (journal.former == 0 || Self::is_held(world, journal.former))
                && (journal.stage == Stage::Applying
                    || matches!(outcome, Some(Outcome::Reenrolled | Outcome::Contradictory)))
        });
        let login = *password == 0 || Self::is_held(world, *password) || goes_back;
        let disk = promoted.is_none() || slots.iter().any(|slot| Self::is_held(world, *slot));
        let at_rest = journal.is_some() || *password == 0 || world.is_reachable(*password);
        login && disk && at_rest
    }
}
