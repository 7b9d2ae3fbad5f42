//! The locks of this machine. Each has its obstacle to a recovery, if any, and the test of the escrowed passcode.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chaveiro_core::lock::{DeviceLock, EscrowTest, Lock, Recoverability};

use crate::config::Config;
use crate::escrowed::Escrowed;
use crate::login::Accounts;
use crate::luks::{self, LuksError, Volume, of_crypttab};
use crate::obstacle::Obstacle;

/// The places in which the locks are looked for.
pub(crate) struct Locks<'a> {
    /// The system below this directory.
    pub(crate) root: &'a Path,
    /// The configuration, which may name the account and the volumes.
    pub(crate) config: &'a Config,
    /// The directory of the agent's keys of volumes.
    pub(crate) keys: &'a Path,
    /// The proofs that are known already.
    pub(crate) proven: &'a Proven,
}

/// Agent slots that a key file has opened, by volume, each with its fingerprint. While the fingerprint stays the same,
/// the key still opens the slot. A woken machine does not derive a key again before it says its first word.
pub(crate) type Proven = RefCell<BTreeMap<PathBuf, String>>;

/// One lock.
pub(crate) struct Found {
    pub(crate) of: DeviceLock,
    pub(crate) obstacle: Option<Obstacle>,
}

impl Locks<'_> {
    /// Every lock of that kind.
    pub(crate) fn find(&self, lock: Lock, today: i64) -> Vec<Found> {
        match lock {
            Lock::Screen => Vec::new(),
            Lock::Login => vec![self.login(today)],
            Lock::Luks2 => self.disks(),
        }
    }

    fn login(&self, today: i64) -> Found {
        let accounts = Accounts { root: self.root };
        let of = |subject: String| DeviceLock { lock: Lock::Login, subject };
        match accounts.choose(self.config.account.as_deref()) {
            None => Found { of: of(String::new()), obstacle: Some(Obstacle::NoAccount) },
            Some(name) => Found { obstacle: accounts.obstacle(&name, today), of: of(name) },
        }
    }

    fn disks(&self) -> Vec<Found> {
        let has_cryptsetup = luks::has_cryptsetup();
        let mut seen = Vec::new();
        let mut paths = self.volumes();
        // One volume may have two names; it has one passcode.
        paths.retain(|path| match self.volume(path).uuid() {
            Ok(uuid) if seen.contains(&uuid) => false,
            Ok(uuid) => {
                seen.push(uuid);
                true
            }
            Err(_) => true,
        });
        let found = paths.iter().map(|path| Found {
            of: DeviceLock { lock: Lock::Luks2, subject: path.display().to_string() },
            obstacle: self.volume_obstacle(path, has_cryptsetup),
        });
        let mut found: Vec<_> = found.collect();
        if found.is_empty() {
            let of = DeviceLock { lock: Lock::Luks2, subject: String::new() };
            found.push(Found { of, obstacle: Some(Obstacle::NoVolume) });
        }
        found
    }

    fn volume_obstacle(&self, path: &Path, has_cryptsetup: bool) -> Option<Obstacle> {
        let volume = self.volume(path);
        let key = self.key(&volume);
        let obstacle = volume.obstacle(key.as_deref(), has_cryptsetup);
        // A key that does not open is no key: better known now than when a user is locked out.
        obstacle.or_else(|| match key.map(|key| self.agent_key_opens(path, &volume, &key)) {
            Some(Ok(true)) => None,
            Some(Ok(false)) | None => Some(Obstacle::NotEscrowed),
            Some(Err(error)) => Some(Obstacle::Volume(error.text())),
        })
    }

    fn agent_key_opens(&self, path: &Path, volume: &Volume, key: &Path) -> Result<bool, LuksError> {
        let fingerprint = volume.agent_fingerprint()?;
        if fingerprint.is_some() && self.proven.borrow().get(path) == fingerprint.as_ref() {
            return Ok(true);
        }
        let opens = volume.agent_key_opens(key)?;
        if let Some(fingerprint) = fingerprint.filter(|_| opens) {
            self.proven.borrow_mut().insert(path.to_owned(), fingerprint);
        }
        Ok(opens)
    }

    /// The volumes of the configuration, or else of crypttab(5).
    pub(crate) fn volumes(&self) -> Vec<PathBuf> {
        match self.config.volumes.is_empty() {
            false => self.config.volumes.clone(),
            true => of_crypttab(&std::fs::read_to_string(self.root.join("etc/crypttab")).unwrap_or_default()),
        }
    }

    /// The volume of that name in this system.
    pub(crate) fn volume(&self, path: &Path) -> Volume {
        Volume { path: self.root.join(path.strip_prefix("/").unwrap_or(path)) }
    }

    /// The file with the agent's key of a volume; `None` if the volume has no readable UUID.
    pub(crate) fn key(&self, volume: &Volume) -> Option<PathBuf> {
        // The name comes from the header: nothing in it may lead elsewhere.
        let uuid =
            volume.uuid().ok().filter(|uuid| uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))?;
        Some(self.keys.join(format!("{uuid}.key")))
    }

    /// The report on each lock to the server.
    pub(crate) fn test(&self, escrowed: &[Escrowed], today: i64) -> Vec<Recoverability> {
        let found = [Lock::Login, Lock::Luks2].into_iter().flat_map(|lock| self.find(lock, today));
        let tested = found.map(|Found { of, obstacle }| {
            let known = escrowed.iter().find(|known| known.of == of);
            let escrow = match known {
                None => EscrowTest::Never,
                Some(known) if self.fingerprint(known).as_ref() == Some(&known.fingerprint) => EscrowTest::Opens,
                Some(_) => EscrowTest::Changed,
            };
            let obstacle = obstacle.map(|obstacle| obstacle.code().to_owned());
            Recoverability { of, obstacle, escrow, action: known.map(|known| known.action) }
        });
        tested.collect()
    }

    /// The fingerprint of a lock as it is now; `None` if it cannot be taken.
    fn fingerprint(&self, known: &Escrowed) -> Option<String> {
        match known.of.lock {
            Lock::Screen => None,
            Lock::Login => Accounts { root: self.root }.fingerprint(&known.of.subject).ok(),
            Lock::Luks2 => self.volume(Path::new(&known.of.subject)).fingerprint(known.slot?).ok(),
        }
    }
}
