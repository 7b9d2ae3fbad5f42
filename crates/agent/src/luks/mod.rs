//! Key slots of an encrypted volume (LUKS2), changed with cryptsetup(8).
//!
//! Two kinds of slot are the agent's own, and tokens in the header say which. The agent slot opens with a random key
//! that only root may read. With it the agent adds and removes the others while no user is there to type anything. Each
//! escrow slot opens with one recovery passcode. A replacement adds a slot and never overwrites one, so that the newest
//! promoted passcode opens the volume at every moment. The agent never touches the slots of people.

mod cryptsetup;
mod disk;
mod enrol;
mod error;
mod header;
mod slots;
#[cfg(test)]
mod tests;
mod token;

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cryptsetup::PLACES;
pub(crate) use disk::is_on_encrypted_disk;
pub(crate) use error::LuksError;
pub(crate) use header::of_crypttab;
pub(crate) use token::{Mark, Owned, Role};

use crate::config::Kdf;
use crate::obstacle::Obstacle;
use header::{Header, HeaderError};

/// An encrypted volume: a device or file, already below the root.
pub(crate) struct Volume {
    pub(crate) path: PathBuf,
}

/// Returns true if this machine has the program that changes key slots.
pub(crate) fn has_cryptsetup() -> bool {
    PLACES.iter().any(|place| Path::new("/").join(place).exists())
}

impl Volume {
    pub(crate) fn uuid(&self) -> Result<String, LuksError> {
        Ok(self.header()?.uuid)
    }

    /// The obstacle to a recovery, by the header alone.
    pub(crate) fn obstacle(&self, agent_key: Option<&Path>, has_cryptsetup: bool) -> Option<Obstacle> {
        let header = match header::read(&self.path) {
            Err(HeaderError::Unreadable(error)) if error.kind() == ErrorKind::PermissionDenied => {
                return Some(Obstacle::NotRoot);
            }
            Err(error) => return Some(Obstacle::Volume(error.text())),
            Ok(header) => header,
        };
        if header.free_slot().is_none() {
            return Some(Obstacle::NoFreeSlot);
        }
        if !has_cryptsetup {
            return Some(Obstacle::Missing("cryptsetup", "cryptsetup-bin"));
        }
        let has_key = agent_key.is_some_and(Path::exists) && agent_slot(&header).is_some();
        (!has_key).then_some(Obstacle::NotEscrowed)
    }

    /// The fingerprint of the agent slot with everything that decides whether its key opens it; `None` without such a
    /// slot.
    pub(crate) fn agent_fingerprint(&self) -> Result<Option<String>, LuksError> {
        agent_slot(&self.header()?).map(|slot| self.fingerprint(slot)).transpose()
    }

    /// Returns true if any slot opens with that secret.
    pub(crate) fn is_opened_by(&self, secret: &[u8]) -> Result<bool, LuksError> {
        self.tries(None, secret)
    }

    /// The number of slots that the volume can still have.
    pub(crate) fn free_slots(&self) -> Result<u64, LuksError> {
        Ok(self.header()?.free_slots())
    }

    /// The slots that no token of ours names: those of people and of other programs, and those that recoveries left
    /// behind.
    pub(crate) fn not_named(&self) -> Result<Vec<u8>, LuksError> {
        let header = self.header()?;
        let ours = token::owned(&header);
        Ok(header.slots.keys().copied().filter(|slot| ours.iter().all(|owned| owned.slot != *slot)).collect())
    }

    pub(crate) fn owned(&self) -> Result<Vec<Owned>, LuksError> {
        Ok(token::owned(&self.header()?))
    }

    /// Returns true if the key file of the agent exists and opens the agent slot.
    pub(crate) fn agent_key_opens(&self, agent_key: &Path) -> Result<bool, LuksError> {
        match agent_slot(&self.header()?) {
            Some(slot) if agent_key.exists() => self.tries(Some(slot), &chaveiro_keyfile::read(agent_key)?),
            _ => Ok(false),
        }
    }

    fn header(&self) -> Result<Header, LuksError> {
        header::read(&self.path).map_err(|why| LuksError::Header { volume: self.path.clone(), why })
    }

    /// Returns true if the secret opens the slot, or any slot; the volume itself stays as it is.
    ///
    /// Before the secret, cryptsetup tries every token, and says that the volume opens when one of them does. A chip or
    /// the keyring of the kernel would then prove any passcode. Restricted to our own type of token, it finds none that
    /// it could use.
    fn tries(&self, slot: Option<u8>, secret: &[u8]) -> Result<bool, LuksError> {
        if secret.is_empty() {
            // cryptsetup takes it for a mistake of the caller.
            return Ok(false);
        }
        let slot = slot.map(|slot| slot.to_string());
        let mut options = vec!["--test-passphrase", "--token-type", token::TYPE, "--key-file", "-"];
        options.extend(slot.iter().flat_map(|slot| ["--key-slot", slot]));
        self.run("open", &options, &[], secret)
    }

    /// Adds a slot that opens with `new`, a file or `-`.
    fn add_key(&self, authority: &Path, new: &Path, slot: u8, kdf: Kdf, input: &[u8]) -> Result<(), LuksError> {
        let (slot, kdf) = (slot.to_string(), kdf.options());
        let mut options: Vec<&OsStr> = ["--key-slot", &slot, "--key-file"].map(OsStr::new).to_vec();
        options.push(authority.as_os_str());
        options.extend(kdf.iter().map(OsStr::new));
        let added = self.run("luksAddKey", &options, &[new.as_os_str()], input)?;
        self.authorised_by(added)
    }

    /// Makes the slot open with `new` instead of the key that is in the file. Its number and its token stay.
    fn change_key(&self, key: &Path, slot: u8, kdf: Kdf, new: &[u8]) -> Result<(), LuksError> {
        let (slot, kdf) = (slot.to_string(), kdf.options());
        let mut options: Vec<&OsStr> = ["--key-slot", &slot, "--key-file"].map(OsStr::new).to_vec();
        options.push(key.as_os_str());
        options.extend(kdf.iter().map(OsStr::new));
        let changed = self.run("luksChangeKey", &options, &[OsStr::new("-")], new)?;
        self.authorised_by(changed)
    }

    /// Removes a slot, authorised by a secret of another slot. `authority` is a file or `-`.
    fn kill_slot(&self, authority: &Path, slot: u8, input: &[u8]) -> Result<(), LuksError> {
        let slot = slot.to_string();
        let options = [OsStr::new("--key-file"), authority.as_os_str()];
        let killed = self.run("luksKillSlot", &options, &[OsStr::new(&slot)], input)?;
        self.authorised_by(killed)
    }

    fn authorised_by(&self, right: bool) -> Result<(), LuksError> {
        right.then_some(()).ok_or_else(|| LuksError::WrongPassphrase(self.path.clone()))
    }

    /// Notes in the header that the slot is ours.
    fn note(&self, slot: u8, role: Role, mark: Option<&Mark>) -> Result<(), LuksError> {
        let token = token::to_json(slot, role, mark).to_string();
        self.run_token(&["import", "--json-file", "-"], token.as_bytes())
    }

    /// Removes our notes whose slot is gone.
    fn sweep(&self) -> Result<(), LuksError> {
        for token in token::stale(&self.header()?) {
            self.run_token(&["remove", "--token-id", &token.to_string()], &[])?;
        }
        Ok(())
    }

    fn run_token(&self, arguments: &[&str], input: &[u8]) -> Result<(), LuksError> {
        self.run("token", arguments, &[], input).map(|_| ())
    }

    /// Runs `cryptsetup VERB OPTIONS -- PATH MORE`.
    fn run<S: AsRef<OsStr>>(
        &self,
        verb: &'static str,
        options: &[S],
        more: &[&OsStr],
        input: &[u8],
    ) -> Result<bool, LuksError> {
        let mut arguments: Vec<&OsStr> = options.iter().map(AsRef::as_ref).collect();
        arguments.extend([OsStr::new("--"), self.path.as_os_str()]);
        arguments.extend(more);
        cryptsetup::run(verb, &arguments, input)
    }
}

impl Kdf {
    fn options(self) -> Vec<String> {
        match self {
            Self::Default => Vec::new(),
            Self::Argon2id => vec!["--pbkdf=argon2id".to_owned()],
            Self::Pbkdf2 { iterations } => {
                let iterations = iterations.map(|count| format!("--pbkdf-force-iterations={count}"));
                std::iter::once("--pbkdf=pbkdf2".to_owned()).chain(iterations).collect()
            }
        }
    }
}

fn agent_slot(header: &Header) -> Option<u8> {
    token::owned(header).iter().find(|owned| owned.role == Role::Agent).map(|owned| owned.slot)
}
