//! One recovery on this machine: sealed first, then applied, proven, promoted by the server, and only then the old
//! secret goes.
//!
//! | order | what happens here | what opens the machine |
//! |---|---|---|
//! | [`Recovery::prepare`] | a candidate is made in memory and sealed; nothing changes | the old secret |
//! | [`Recovery::apply`] | new key slots, then the new password; each is proven to open | both disks' secrets, the new password |
//! | [`Recovery::retire`] | the old key slots go, the former hash is forgotten | the candidate |
//! | [`Recovery::undo`] | the new key slots go, the former password is put back | the old secret |
//!
//! The candidate in clear is in memory alone, from `prepare` to the end of `apply`. An agent that dies before everything is
//! proven takes back at its next start what it had begun. One that dies later asks the server, which knows whether it promoted
//! the candidate. Every order may be repeated.

use std::path::{Path, PathBuf};

use anyhow::Result;
use chaveiro_core::digest::sha256_hex;
use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::id::ActionId;
use chaveiro_core::lock::{DeviceLock, DeviceReport, Lock, Obstacle, Unpromoted};
use chaveiro_core::secret::Passcode;
use chaveiro_csp::{Apply, Finish, Prepare, Standing};
use chaveiro_escrow::Recipient;
use chaveiro_lang::{Explain, text};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::escrowed::{self, Escrowed};
use crate::journal::{Journal, Record};
use crate::locks::{Locks, Proven};
use crate::login::{Accounts, Entry, LoginError};
use crate::luks::{LuksError, Mark, Owned, Role};
use crate::passcode::{self, kernel_random};
use crate::steps::{is_spoiled, reached};

/// SyncML status: done.
pub(crate) const OK: u16 = 200;
/// SyncML status: the order is not readable.
pub(crate) const BAD_FORMAT: u16 = 400;
/// SyncML status: nothing here can be recovered; the report says why.
pub(crate) const NOTHING_READY: u16 = 406;
/// SyncML status: the order is about another candidate.
pub(crate) const CONFLICT: u16 = 409;
/// SyncML status: the recovery failed and was taken back; the report says why.
pub(crate) const FAILED: u16 = 500;

/// A candidate that nothing opens with yet.
struct Candidate {
    action: ActionId,
    attempt: u32,
    envelope: Vec<u8>,
    passcode: Passcode,
    /// The account, and its password as it was when the candidate was made.
    login: Option<(String, Entry)>,
    volumes: Vec<PathBuf>,
    obstacles: Vec<Obstacle>,
    must_change: bool,
    lock_sessions: bool,
}

/// The reason why a candidate was not applied: the lock, and a stable code.
struct Failure(Obstacle);

/// Key slots of a volume that are gone.
pub(crate) struct Cleared {
    pub(crate) volume: PathBuf,
    pub(crate) slots: Vec<u8>,
}

/// The recovery of this machine.
pub(crate) struct Recovery {
    root: PathBuf,
    config: Config,
    /// The directory of the agent's keys of volumes.
    keys: PathBuf,
    proven: Proven,
    escrowed: PathBuf,
    journal: Journal,
    candidate: Option<Candidate>,
    report: Option<DeviceReport>,
}

impl Recovery {
    /// Opens the files of an earlier process, and finishes or takes back its recovery.
    pub(crate) fn open(root: &Path, state: &Path, config: Config) -> Result<Self> {
        let file = state.join("recovery.journal");
        let journal = Journal::open(&file).explain(|| text!("agent-journal-unreadable", file = &file))?;
        let report = journal.applied().cloned();
        Ok(Self {
            root: root.to_owned(),
            config,
            keys: state.join("volumes"),
            proven: Proven::default(),
            escrowed: state.join("escrowed.json"),
            journal,
            candidate: None,
            report,
        })
    }

    /// Finishes or takes back an interrupted recovery. Call this before every session: it tries again what failed the
    /// last time.
    pub(crate) fn resume(&mut self) -> Result<()> {
        let settled = self.settle();
        self.clear_slots();
        settled
    }

    /// Finishes or takes back an interrupted recovery, as far as that needs no answer of the server.
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.journal.is_retiring() {
            self.finish_retiring()
        } else if self.journal.applied().is_some() {
            Ok(())
        } else {
            self.take_back(None)
        }
    }

    /// The key slots of that volume that a recovery left behind: no recovery under way and no escrowed passcode needs them.
    pub(crate) fn slots_left(&self, path: &Path) -> Result<Vec<u8>, LuksError> {
        let volume = self.locks().volume(path);
        let Some(key) = self.locks().key(&volume) else { return Ok(Vec::new()) };
        let escrowed = escrowed::load(&self.escrowed).unwrap_or_default();
        let current =
            escrowed.iter().find(|known| known.of.lock == Lock::Luks2 && Path::new(&known.of.subject) == path);
        let owned = volume.owned()?;
        let is_current = |owned: &Owned| {
            let action = owned.mark.as_ref().map(|mark| &mark.action);
            current.is_some_and(|known| known.slot == Some(owned.slot) && action == Some(&known.action.to_string()))
        };
        // Without the slot of the current passcode, any other may be all that the escrow has.
        let has_current = owned.iter().any(is_current);
        let left = volume.left_behind(&key, |owned| !has_current || is_current(owned))?;
        let under_way = |slot: &u8| {
            let claims = |record: &Record| matches!(record, Record::Adding { volume, slot: added } if volume == path && added == slot);
            self.journal.records().iter().any(claims)
        };
        Ok(left.into_iter().filter(|slot| !under_way(slot)).collect())
    }

    /// Removes the slots that recoveries left behind, and returns them by volume. A slot that stays is tried again before the
    /// next session.
    pub(crate) fn clear_slots(&self) -> Vec<Cleared> {
        let clear = |path: PathBuf| {
            let volume = self.locks().volume(&path);
            let mut slots = self.slots_left(&path).unwrap_or_default();
            let key = self.locks().key(&volume);
            slots.retain(|slot| key.as_ref().is_some_and(|key| volume.kill(key, *slot, true).is_ok()));
            Cleared { volume: path, slots }
        };
        self.locks().volumes().into_iter().map(clear).collect()
    }

    /// The report to the server at the beginning of a session.
    pub(crate) fn standing(&self, today: i64) -> Standing {
        let escrowed = escrowed::load(&self.escrowed).unwrap_or_default();
        Standing {
            locks: self.locks().test(&escrowed, today),
            unpromoted: self.journal.applied().and(self.journal.candidate()).cloned(),
            ..Standing::default()
        }
    }

    /// The report on the last candidate.
    pub(crate) fn report(&self) -> Option<&DeviceReport> {
        self.report.as_ref()
    }

    /// The sealed candidate.
    pub(crate) fn envelope(&self) -> Option<&[u8]> {
        self.candidate.as_ref().map(|candidate| candidate.envelope.as_slice())
    }

    pub(crate) fn locks(&self) -> Locks<'_> {
        Locks { root: &self.root, config: &self.config, keys: &self.keys, proven: &self.proven }
    }

    /// Makes and seals a candidate for those of the asked locks that can be recovered.
    pub(crate) fn prepare(&mut self, order: &Prepare, today: i64) -> u16 {
        let known = self.candidate.as_ref();
        if known.is_some_and(|known| known.action == order.action && known.attempt == order.attempt) {
            return OK;
        }
        self.candidate = None;
        let mut report =
            DeviceReport { action: order.action, attempt: order.attempt, opens: Vec::new(), obstacles: Vec::new() };
        let status = self.make_candidate(order, today, &mut report);
        self.report = Some(report);
        if status == OK {
            reached("prepared");
        }
        status
    }

    fn make_candidate(&mut self, order: &Prepare, today: i64, report: &mut DeviceReport) -> u16 {
        let whole = |code: &str| Obstacle {
            of: DeviceLock { lock: order.locks.first().copied().unwrap_or(Lock::Login), subject: String::new() },
            code: code.to_owned(),
        };
        if !self.journal.records().is_empty() {
            report.obstacles.push(whole("earlierRecoveryUnfinished"));
            return CONFLICT;
        }
        for lock in &order.locks {
            for found in self.locks().find(*lock, today) {
                match found.obstacle {
                    None => report.opens.push(found.of),
                    Some(obstacle) => {
                        report.obstacles.push(Obstacle { of: found.of, code: obstacle.code().to_owned() })
                    }
                }
            }
        }
        let account = report.opens.iter().find(|of| of.lock == Lock::Login).map(|of| of.subject.clone());
        let login = match account.map(|name| (Accounts { root: &self.root }.entry(&name), name)) {
            None => None,
            Some((Ok(entry), name)) => Some((name, entry)),
            Some((Err(_), _)) => {
                report.opens.retain(|of| of.lock != Lock::Login);
                report.obstacles.push(whole("noAccount"));
                None
            }
        };
        if report.opens.is_empty() {
            return NOTHING_READY;
        }
        let recipients: Option<Vec<Recipient>> = order.recipients.iter().map(|line| Recipient::parse(line)).collect();
        let Some(recipients) = recipients.filter(|recipients| !recipients.is_empty()) else {
            report.obstacles.push(whole("recipientsUnusable"));
            return BAD_FORMAT;
        };
        let Some(passcode) = passcode::make(order.passcode, &mut kernel_random) else {
            report.obstacles.push(whole("passcodePolicyUnusable"));
            return BAD_FORMAT;
        };
        let context = SecretContext {
            tenant: order.tenant,
            device: order.device,
            action: order.action,
            attempt: order.attempt,
            kind: SecretKind::Passcode,
        };
        let Ok(envelope) = chaveiro_escrow::seal(&recipients, &context, &passcode) else {
            report.obstacles.push(whole("recipientsUnusable"));
            return BAD_FORMAT;
        };
        let disks = report.opens.iter().filter(|of| of.lock == Lock::Luks2);
        self.candidate = Some(Candidate {
            action: order.action,
            attempt: order.attempt,
            envelope,
            passcode,
            login,
            volumes: disks.map(|of| PathBuf::from(&of.subject)).collect(),
            obstacles: report.obstacles.clone(),
            must_change: order.must_change,
            lock_sessions: order.lock_sessions,
        });
        OK
    }

    /// Makes everything open with the candidate, and proves it; or takes everything back.
    pub(crate) fn apply(&mut self, order: &Apply, today: i64) -> u16 {
        let asked =
            Unpromoted { action: order.action, attempt: order.attempt, envelope_sha256: order.envelope_sha256.clone() };
        if let Some(known) = self.journal.candidate() {
            let again = *known == asked && self.journal.applied().is_some();
            self.report = self.journal.applied().cloned();
            return if again { OK } else { CONFLICT };
        }
        let is_it = |candidate: &Candidate| {
            candidate.action == order.action
                && candidate.attempt == order.attempt
                && sha256_hex(&candidate.envelope) == order.envelope_sha256
        };
        // It is used once: whatever happens, the passcode in clear ends here.
        let Some(candidate) = self.candidate.take_if(|candidate| is_it(candidate)) else { return CONFLICT };
        let mut report = DeviceReport {
            action: candidate.action,
            attempt: candidate.attempt,
            opens: Vec::new(),
            obstacles: candidate.obstacles.clone(),
        };
        let carried_out = self.carry_out(&candidate, asked, &mut report, today);
        let status = match carried_out {
            Ok(()) => {
                self.make_way(&candidate);
                OK
            }
            Err(Failure(obstacle)) => {
                report.opens.clear();
                report.obstacles.push(obstacle);
                if self.take_back(Some(&candidate.passcode)).is_err() {
                    // The journal stays; the next session tries again.
                    let of = DeviceLock { lock: Lock::Login, subject: String::new() };
                    report.obstacles.push(Obstacle { of, code: "notTakenBackYet".to_owned() });
                }
                FAILED
            }
        };
        self.report = Some(report);
        status
    }

    fn carry_out(
        &mut self,
        candidate: &Candidate,
        asked: Unpromoted,
        report: &mut DeviceReport,
        today: i64,
    ) -> Result<(), Failure> {
        let of = DeviceLock { lock: Lock::Login, subject: String::new() };
        self.write(Record::Applying { candidate: asked }, &of)?;
        reached("applying");
        for path in &candidate.volumes {
            self.add_slot(candidate, path, report)?;
        }
        if let Some((name, old)) = &candidate.login {
            self.set_password(candidate, name, old, report, today)?;
        }
        self.write(Record::Applied { report: report.clone() }, &of)?;
        reached("applied");
        Ok(())
    }

    fn add_slot(&mut self, candidate: &Candidate, path: &Path, report: &mut DeviceReport) -> Result<(), Failure> {
        let of = DeviceLock { lock: Lock::Luks2, subject: path.display().to_string() };
        let failed = |code: &str| Failure(Obstacle { of: of.clone(), code: code.to_owned() });
        let volume = self.locks().volume(path);
        let key = self.locks().key(&volume).ok_or_else(|| failed("volumeUnusable"))?;
        let free = volume.free_slot().map_err(|_| failed("volumeUnusable"))?;
        let slot = free.ok_or_else(|| failed("noFreeSlot"))?;
        self.write(Record::Adding { volume: path.to_owned(), slot }, &of)?;
        reached("adding");
        let mark = Mark { action: candidate.action.to_string(), attempt: candidate.attempt };
        let added = volume.add(&key, &candidate.passcode, self.config.kdf, &mark, slot);
        added.map_err(|_| failed("slotNotAdded"))?;
        reached("added");
        match volume.opens(slot, &candidate.passcode) {
            Ok(true) if !is_spoiled("opened") => {}
            Ok(_) | Err(_) => return Err(failed("notProven")),
        }
        reached("opened");
        report.opens.push(of);
        Ok(())
    }

    fn set_password(
        &mut self,
        candidate: &Candidate,
        name: &str,
        old: &Entry,
        report: &mut DeviceReport,
        today: i64,
    ) -> Result<(), Failure> {
        let of = DeviceLock { lock: Lock::Login, subject: name.to_owned() };
        let failed = |code: &str| Failure(Obstacle { of: of.clone(), code: code.to_owned() });
        let mut salt = Zeroizing::new([0; 16]);
        kernel_random(salt.as_mut());
        let root = self.root.clone();
        let accounts = Accounts { root: &root };
        let new = accounts.make_entry(old, &candidate.passcode, &salt, candidate.must_change, today);
        let new = new.map_err(|error| failed(error.code()))?;
        let record = Record::Setting {
            account: name.to_owned(),
            old_hash: Zeroizing::new(old.hash_text().to_owned()),
            old_last_change: old.last_change().to_owned(),
            new_fingerprint: new.fingerprint(),
        };
        self.write(record, &of)?;
        reached("setting");
        accounts.replace(name, old, &new).map_err(|error| failed(error.code()))?;
        reached("set");
        match accounts.opens(name, &candidate.passcode) {
            Ok(true) if !is_spoiled("proven") => {}
            Ok(_) => return Err(failed("notProven")),
            Err(error) => return Err(failed(error.code())),
        }
        reached("proven");
        report.opens.push(of);
        Ok(())
    }

    fn write(&mut self, record: Record, of: &DeviceLock) -> Result<(), Failure> {
        let failed = |_| Failure(Obstacle { of: of.clone(), code: "journalUnwritable".to_owned() });
        self.journal.append(record).map_err(failed)
    }

    /// Removes other obstacles between a person and the account. Its failures do not fail the recovery: the passcode opens
    /// already.
    fn make_way(&self, candidate: &Candidate) {
        if let Some((name, _)) = &candidate.login {
            let accounts = Accounts { root: &self.root };
            let _ = accounts.clear_lockout(name);
            if candidate.lock_sessions {
                let _ = accounts.lock_sessions(name);
            }
        }
    }

    /// Retires the old secrets, because the server has promoted the candidate.
    pub(crate) fn retire(&mut self, order: &Finish) -> u16 {
        let is_it = |known: &Unpromoted| known.action == order.action && known.attempt == order.attempt;
        match self.journal.applied().and(self.journal.candidate()) {
            Some(known) if is_it(known) => {}
            Some(_) => return CONFLICT,
            None => return if self.is_promoted(order.action) { OK } else { CONFLICT },
        }
        if self.journal.append(Record::Retiring).is_err() {
            return FAILED;
        }
        reached("retiring");
        if self.finish_retiring().is_ok() { OK } else { FAILED }
    }

    fn is_promoted(&self, action: ActionId) -> bool {
        let kept = escrowed::load(&self.escrowed).unwrap_or_default();
        kept.iter().any(|known| known.action == action)
    }

    fn finish_retiring(&mut self) -> Result<()> {
        let candidate = self.journal.candidate().explain(|| text!("agent-journal-incomplete"))?;
        let action = candidate.action;
        let mark = Mark { action: action.to_string(), attempt: candidate.attempt };
        let mut newer = Vec::new();
        for record in self.journal.records() {
            match record {
                Record::Adding { volume: path, slot } => {
                    self.retire_slots(path, *slot, &mark);
                    let volume = self.locks().volume(path);
                    reached("retired");
                    let of = DeviceLock { lock: Lock::Luks2, subject: path.display().to_string() };
                    // Without a fingerprint the next test says that the slot has changed, and it is escrowed anew.
                    let fingerprint = volume.fingerprint(*slot).unwrap_or_default();
                    newer.push(Escrowed { of, action, slot: Some(*slot), fingerprint });
                }
                Record::Setting { account, new_fingerprint, .. } => {
                    // The process that applied it may have died before this.
                    let _ = Accounts { root: &self.root }.clear_lockout(account);
                    let of = DeviceLock { lock: Lock::Login, subject: account.clone() };
                    newer.push(Escrowed { of, action, slot: None, fingerprint: new_fingerprint.clone() });
                }
                Record::Applying { .. } | Record::Applied { .. } | Record::Retiring | Record::TakingBack => {}
            }
        }
        escrowed::replace(&self.escrowed, &newer)?;
        reached("kept");
        self.journal.remove()?;
        reached("finished");
        Ok(())
    }

    /// Removes the escrow slots of earlier recoveries, as long as the promoted one is there. The next recovery removes a slot
    /// that stays: the current one opens all the same.
    fn retire_slots(&self, path: &Path, slot: u8, mark: &Mark) {
        let volume = self.locks().volume(path);
        let Some(key) = self.locks().key(&volume) else { return };
        let owned = volume.owned().unwrap_or_default();
        let is_promoted = |owned: &Owned| owned.role == Role::Escrow && owned.mark.as_ref() == Some(mark);
        if owned.iter().any(|owned| owned.slot == slot && is_promoted(owned)) {
            for old in owned.iter().filter(|owned| owned.role == Role::Escrow && !is_promoted(owned)) {
                let _ = volume.kill(&key, old.slot, false);
            }
        }
    }

    /// Takes the candidate back, because the server will not promote it.
    pub(crate) fn undo(&mut self, order: &Finish) -> u16 {
        self.candidate.take_if(|known| known.action == order.action && known.attempt == order.attempt);
        match self.journal.candidate() {
            // What is promoted stays: there is no way back from it, and none is pretended.
            None if self.is_promoted(order.action) => CONFLICT,
            None => OK,
            Some(_) if self.journal.is_retiring() => CONFLICT,
            Some(known) if known.action == order.action && known.attempt == order.attempt => match self.take_back(None)
            {
                Ok(()) => OK,
                Err(_) => FAILED,
            },
            Some(_) => CONFLICT,
        }
    }

    /// Takes back a candidate that no server will promote: the server refuses this machine, or the machine leaves.
    pub(crate) fn give_up(&mut self) -> Result<()> {
        self.candidate = None;
        if self.journal.is_retiring() { self.finish_retiring() } else { self.take_back(None) }
    }

    /// Forgets a candidate that its session did not apply: its passcode need not stay in memory.
    pub(crate) fn forget_candidate(&mut self) {
        self.candidate = None;
    }

    /// Undoes the records, the newest first. The agent knows a slot that no token names yet by what opens it: the
    /// passcode, if it is at hand, or its own key.
    fn take_back(&mut self, passcode: Option<&Passcode>) -> Result<()> {
        if self.journal.applied().is_some() {
            // From here on it is not applied any more, however far this comes.
            self.journal.append(Record::TakingBack)?;
        }
        for record in self.journal.records().iter().rev() {
            match record {
                Record::Adding { volume: path, slot } => {
                    let volume = self.locks().volume(path);
                    if let Some(key) = self.locks().key(&volume) {
                        let is_ours = passcode.is_some_and(|passcode| volume.opens(*slot, passcode).unwrap_or(false))
                            || volume.is_of_agent(*slot, &key).unwrap_or(false);
                        // A slot that stays must not stand in the way of giving a user their password back; it is
                        // removed before the next session.
                        let _ = volume.kill(&key, *slot, is_ours);
                    }
                }
                Record::Setting { account, old_hash, old_last_change, new_fingerprint } => {
                    let accounts = Accounts { root: &self.root };
                    match accounts.entry(account) {
                        // There is no account to put a password back for.
                        Err(LoginError::NoAccount(_)) => {}
                        Err(error) => return Err(error.into()),
                        Ok(now) if now.fingerprint() == *new_fingerprint => {
                            let old = Entry::new(old_hash.clone(), old_last_change.clone());
                            accounts.replace(account, &now, &old)?;
                        }
                        // A newer password of another program stays.
                        Ok(_) => {}
                    }
                }
                Record::Applying { .. } | Record::Applied { .. } | Record::Retiring | Record::TakingBack => {}
            }
        }
        Ok(self.journal.remove()?)
    }
}

#[cfg(test)]
mod tests;
