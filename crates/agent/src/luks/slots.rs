//! Escrow slots: added, proved, compared and removed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use chaveiro_core::secret::Passcode;
use serde_json::Value;

use super::header::Header;
use crate::config::Kdf;

use super::{LuksError, Mark, Role, Volume, token};

/// The largest area of a slot that is read. The usual one has 252 KiB: a key of 64 bytes in 4000 stripes.
const MAX_AREA: u64 = 16 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

impl Volume {
    /// The lowest slot that a replacement can take. Whoever calls [`Volume::add`] notes it down before, so that after a
    /// crash it is known whose the slot is.
    pub(crate) fn free_slot(&self) -> Result<Option<u8>, LuksError> {
        Ok(self.header()?.free_slot())
    }

    /// Adds a slot that opens with the passcode, and marks it.
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
        self.add_key(agent_key, Path::new("-"), slot, kdf, passcode.expose_secret().as_bytes())?;
        // A token can only name a slot that is there, so it comes second.
        self.note(slot, Role::Escrow, Some(mark))
    }

    /// Whether this passcode opens this slot.
    pub(crate) fn opens(&self, slot: u8, passcode: &Passcode) -> Result<bool, LuksError> {
        match self.header()?.slots.contains_key(&slot) {
            true => self.tries(Some(slot), passcode.expose_secret().as_bytes()),
            false => Ok(false),
        }
    }

    /// Removes an escrow slot, or one that no token names and that the caller `claimed` for an addition that never
    /// ended. One that is gone already is fine.
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

    /// Stands for everything that decides whether a passphrase opens this slot: as long as it stays the same, a
    /// passcode that opened the slot still does. Hexadecimal SHA-256.
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
        Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
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

    /// That the agent slot opens, and that its key file is nobody else's to read.
    pub(super) fn authorised(&self, agent_key: &Path) -> Result<(), LuksError> {
        match self.agent_key_opens(agent_key)? {
            true => Ok(()),
            false => Err(LuksError::NotEscrowed(self.path.clone())),
        }
    }
}

/// The digests that prove the key from this slot, without the list of slots: that one changes with every other slot.
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
