//! Escrow slots: added, proved, compared and removed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use chaveiro_core::digest::hex;
use chaveiro_core::secret::Passcode;
use serde_json::Value;

use super::enrol::CHEAP;
use super::header::Header;
use crate::config::Kdf;
use crate::steps::reached;

use super::{LuksError, Mark, Owned, Role, Volume, token};

/// The largest area of a slot that is read. The usual one has 252 KiB: a key of 64 bytes in 4000 stripes.
const MAX_AREA: u64 = 16 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

impl Volume {
    /// The slot that a replacement takes. The caller of [`Volume::add`] notes it down before, so that the slot has a
    /// known owner after a crash.
    pub(crate) fn free_slot(&self) -> Result<Option<u8>, LuksError> {
        Ok(self.header()?.free_slot())
    }

    /// Adds a slot that opens with the passcode, and marks it. A token can name only a slot that exists, so the new slot opens
    /// with the agent's key until it has its mark. The agent can therefore tell at every moment that the slot is its own.
    pub(crate) fn add(
        &self,
        agent_key: &Path,
        passcode: &Passcode,
        kdf: Kdf,
        mark: &Mark,
        slot: u8,
    ) -> Result<(), LuksError> {
        if self.header()?.slots.contains_key(&slot) {
            return Err(LuksError::SlotTaken(slot));
        }
        self.authorised(agent_key)?;
        self.add_key(agent_key, agent_key, slot, CHEAP, &[])?;
        reached("slotAdded");
        self.note(slot, Role::Escrow, Some(mark))?;
        reached("slotMarked");
        self.change_key(agent_key, slot, kdf, passcode.expose_secret().as_bytes())
    }

    /// The slots that the agent added and no escrowed passcode needs. These are slots that opened with its key when it
    /// was interrupted, and escrow slots that `is_kept` does not want.
    pub(crate) fn left_behind(&self, agent_key: &Path, is_kept: impl Fn(&Owned) -> bool) -> Result<Vec<u8>, LuksError> {
        let header = self.header()?;
        let escrow = token::owned(&header).into_iter().filter(|owned| owned.role == Role::Escrow && !is_kept(owned));
        let mut left: Vec<u8> = escrow.map(|owned| owned.slot).collect();
        // Without a slot that is marked as the agent's own, such a slot is to become that.
        let has_own = super::agent_slot(&header).is_some();
        // Others are not even tried: no person's slot is derived as cheaply.
        let is_candidate = |slot: &u8| has_own && !token::is_named(&header, *slot) && header.is_cheap(*slot);
        for slot in header.slots.keys().filter(|slot| is_candidate(slot)) {
            if self.is_of_agent(*slot, agent_key)? {
                left.push(*slot);
            }
        }
        Ok(left)
    }

    /// Returns true if the slot opens with the key of the agent.
    pub(crate) fn is_of_agent(&self, slot: u8, agent_key: &Path) -> Result<bool, LuksError> {
        match agent_key.exists() && self.header()?.slots.contains_key(&slot) {
            true => self.tries(Some(slot), &chaveiro_keyfile::read(agent_key)?),
            false => Ok(false),
        }
    }

    /// Returns true if this passcode opens this slot.
    pub(crate) fn opens(&self, slot: u8, passcode: &Passcode) -> Result<bool, LuksError> {
        match self.header()?.slots.contains_key(&slot) {
            true => self.tries(Some(slot), passcode.expose_secret().as_bytes()),
            false => Ok(false),
        }
    }

    /// Removes an escrow slot, or one that no token names and that the caller `claimed` for an addition that never
    /// ended. An absent slot is fine.
    pub(crate) fn kill(&self, agent_key: &Path, slot: u8, claimed: bool) -> Result<(), LuksError> {
        let header = self.header()?;
        if header.slots.contains_key(&slot) {
            let is_escrow = token::owned(&header).iter().any(|owned| owned.slot == slot && owned.role == Role::Escrow);
            let is_orphan = claimed && !token::is_named(&header, slot);
            if !is_escrow && !is_orphan {
                return Err(LuksError::NotOurs(slot));
            }
            if header.slots.len() == 1 {
                return Err(LuksError::LastSlot(slot));
            }
            self.authorised(agent_key)?;
            self.kill_slot(agent_key, slot, &[])?;
        }
        self.sweep()
    }

    /// The fingerprint of everything that decides whether a passphrase opens this slot. While it stays the same, a
    /// passcode that opened the slot still does. It is a SHA-256 in hexadecimal.
    pub(crate) fn fingerprint(&self, slot: u8) -> Result<String, LuksError> {
        let header = self.header()?;
        let area = header.area(slot).filter(|area| area.size <= MAX_AREA).ok_or(LuksError::NoSuchSlot(slot))?;
        let mut context = Context::new(&SHA256);
        for part in std::iter::once(header.slots[&slot].clone()).chain(digests_of(&header, slot)) {
            context.update(part.to_string().as_bytes());
            context.update(b"\n");
        }
        self.hash_area(&mut context, area.offset, area.offset + area.size)
            .map_err(|error| LuksError::Io { file: self.path.clone(), error })?;
        Ok(hex(context.finish().as_ref()))
    }

    fn hash_area(&self, context: &mut Context, mut at: u64, end: u64) -> std::io::Result<()> {
        let file = File::open(&self.path)?;
        let mut chunk = vec![0; CHUNK];
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            file.read_exact_at(&mut chunk[..length], at)?;
            context.update(&chunk[..length]);
            at += length as u64;
        }
        Ok(())
    }

    /// Checks that the agent slot opens, and that no other user can read its key file.
    pub(super) fn authorised(&self, agent_key: &Path) -> Result<(), LuksError> {
        match self.agent_key_opens(agent_key)? {
            true => Ok(()),
            false => Err(LuksError::NotEscrowed(self.path.clone())),
        }
    }
}

/// The digests that prove the key from this slot, without their list of slots, which changes with every other slot.
fn digests_of(header: &Header, slot: u8) -> impl Iterator<Item = Value> {
    let slot = Value::from(slot.to_string());
    let proves = move |digest: &&Value| {
        digest.get("keyslots").and_then(Value::as_array).is_some_and(|slots| slots.contains(&slot))
    };
    header.digests.iter().filter(proves).cloned().map(|mut digest| {
        if let Some(digest) = digest.as_object_mut() {
            digest.shift_remove("keyslots");
        }
        digest
    })
}
