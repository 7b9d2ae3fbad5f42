//! The agent slot: added once with a secret that a person gives, removed when the machine leaves.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chaveiro_keyfile as keyfile;
use zeroize::Zeroizing;

use super::header::{CHEAP_ITERATIONS, Header};
use crate::config::Kdf;

use super::{LuksError, Role, Volume, token};

/// The name that cryptsetup takes for its standard input.
const STDIN: &str = "-";

/// The derivation for 64 random bytes, which cannot be guessed and need no slow one.
pub(super) const CHEAP: Kdf = Kdf::Pbkdf2 { iterations: Some(CHEAP_ITERATIONS) };

impl Volume {
    /// Makes a volume of a file of a few mebibytes, for a demonstration: the derivation is so quick that its passphrase
    /// could be guessed. The former content of the file is lost.
    pub(crate) fn format(&self, passphrase: &[u8]) -> Result<(), LuksError> {
        let mut options = ["--type=luks2", "--luks2-keyslots-size=4m", "--key-file=-"].map(str::to_owned).to_vec();
        options.extend(CHEAP.options());
        let made = self.run("luksFormat", &options, &[], passphrase)?;
        self.authorised_by(made)
    }

    /// Adds the agent slot, opened by `random`, which is kept in `agent_key`. `unlock` opens the volume now. A copy of
    /// the header is kept in `backup` before it is changed.
    ///
    /// A working agent slot stays. A slot that an interrupted enrolment left is finished or replaced.
    pub(crate) fn enroll(
        &self,
        unlock: &Zeroizing<Vec<u8>>,
        agent_key: &Path,
        backup: &Path,
        random: &[u8; 64],
    ) -> Result<(), LuksError> {
        if self.agent_key_opens(agent_key)? {
            return Ok(());
        }
        // First of all, so that a mistyped passphrase changes nothing.
        if !self.tries(None, unlock)? {
            return Err(LuksError::WrongPassphrase(self.path.clone()));
        }
        self.backup_header(backup)?;
        self.sweep()?;
        let header = self.header()?;
        if let Some(slot) = self.without_note(agent_key, &header)? {
            return self.note_agent(slot);
        }
        // Agent slots that no key opens any more. The secret at hand opens another one: cryptsetup makes sure.
        for lost in token::owned(&header).iter().filter(|owned| owned.role == Role::Agent) {
            self.kill_slot(Path::new(STDIN), lost.slot, unlock)?;
        }
        self.sweep()?;
        let slot = self.free_slot()?.ok_or_else(|| LuksError::NoFreeSlot(self.path.clone()))?;
        keyfile::create_directory(agent_key.parent().unwrap_or(Path::new("/")))?;
        // The key before the slot, so that there never is a slot without one. A key that was there opens nothing.
        keyfile::replace(agent_key, random)?;
        self.add_key(Path::new(STDIN), agent_key, slot, CHEAP, unlock)?;
        self.note_agent(slot)?;
        self.authorised(agent_key)
    }

    /// Removes every slot of ours, and the key of the agent. The slots of people stay.
    pub(crate) fn leave(&self, agent_key: &Path) -> Result<(), LuksError> {
        // First of all: without a slot of a person no user could open the volume any more.
        self.has_slot_of_a_person()?;
        // Those that open with the key of the agent, too: which of them goes below would be chance.
        for slot in self.left_behind(agent_key, |_| false)? {
            self.kill(agent_key, slot, true)?;
        }
        let header = self.header()?;
        let agent = match super::agent_slot(&header) {
            None => self.without_note(agent_key, &header)?,
            Some(slot) => {
                self.authorised(agent_key)?;
                Some(slot)
            }
        };
        if let Some(slot) = agent {
            if header.slots.len() == 1 {
                return Err(LuksError::LastSlot(slot));
            }
            // `luksKillSlot` wants the key of another slot, and the agent has none: this removes the slot that its key
            // opens.
            let removed = self.run("luksRemoveKey", &["--key-file".as_ref(), agent_key.as_os_str()], &[], &[])?;
            self.authorised_by(removed)?;
        }
        self.sweep()?;
        match fs::remove_file(agent_key) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(LuksError::Io { file: agent_key.to_owned(), error })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a volume on which every slot is the agent's own.
    pub(crate) fn has_slot_of_a_person(&self) -> Result<(), LuksError> {
        let header = self.header()?;
        let ours = token::owned(&header);
        let agent = super::agent_slot(&header).unwrap_or_default();
        let is_persons = |slot: &u8| ours.iter().all(|owned| owned.slot != *slot);
        match header.slots.keys().any(is_persons) {
            true => Ok(()),
            false => Err(LuksError::LastSlot(agent)),
        }
    }

    /// Copies the header with all its slots, for root only, durable when this returns. An older copy is replaced by a
    /// whole one or stays.
    pub(crate) fn backup_header(&self, to: &Path) -> Result<(), LuksError> {
        let directory = to.parent().unwrap_or(Path::new("/"));
        keyfile::create_directory(directory)?;
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = to.with_file_name(name);
        // cryptsetup overwrites nothing, not even what an interrupted copy left.
        let _ = fs::remove_file(&temporary);
        self.run("luksHeaderBackup", &["--header-backup-file".as_ref(), temporary.as_os_str()], &[], &[])?;
        fs::set_permissions(&temporary, Permissions::from_mode(0o600))
            .and_then(|()| File::open(&temporary)?.sync_all())
            .and_then(|()| fs::rename(&temporary, to))
            .and_then(|()| File::open(directory)?.sync_all())
            .map_err(|error| LuksError::Io { file: to.to_owned(), error })
    }

    /// The slot without a token that the key of the agent opens.
    fn without_note(&self, agent_key: &Path, header: &Header) -> Result<Option<u8>, LuksError> {
        if !agent_key.exists() {
            return Ok(None);
        }
        let key = keyfile::read(agent_key)?;
        for slot in header.slots.keys().filter(|slot| !token::is_named(header, **slot)) {
            if self.tries(Some(*slot), &key)? {
                return Ok(Some(*slot));
            }
        }
        Ok(None)
    }

    /// Marks the agent slot, and has cryptsetup try it before all others. Authorising a replacement then skips the slow
    /// derivations of other slots.
    fn note_agent(&self, slot: u8) -> Result<(), LuksError> {
        self.note(slot, Role::Agent, None)?;
        self.run("config", &["--priority", "prefer", "--key-slot", &slot.to_string()], &[], &[]).map(|_| ())
    }
}
