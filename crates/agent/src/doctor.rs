//! Whether this machine is ready for each recovery: before anybody is locked out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chaveiro_core::lock::{DeviceLock, Lock};
use serde_json::{Value, json};

use crate::complaint::Complaint;
use crate::config::Config;
use crate::locks::{Found, Locks, Proven};
use crate::login::Accounts;
use crate::state::State;
use crate::text::verdict;
use chaveiro_lang::Lang;

/// What stands in the way of a recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// `/etc/shadow` cannot be read.
    NotRoot,
    /// Nobody's account is here.
    NoAccount,
    /// Not a local account.
    Directory,
    /// Managed by systemd-homed: the password also opens the home.
    Homed,
    /// `passwd -l`.
    Locked,
    /// The account has expired.
    Expired,
    /// It has no password and never had: it signs in another way.
    Passwordless,
    /// Its shell lets nobody in.
    NoShell,
    /// A program is missing: its name and the Debian package that has it.
    Missing(&'static str, &'static str),
    /// `/etc/crypttab` names no volume, and none was given.
    NoVolume,
    /// The volume cannot be used: why.
    Volume(String),
    /// Every key slot is taken, and a replacement needs a spare one.
    NoFreeSlot,
    /// The agent has no key slot of its own there, or not the key to it.
    NotEscrowed,
}

impl Obstacle {
    /// What machines read; it stays the same for ever.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotRoot => "notRoot",
            Self::NoAccount => "noAccount",
            Self::Directory => "directory",
            Self::Homed => "homed",
            Self::Locked => "locked",
            Self::Expired => "expired",
            Self::Passwordless => "passwordless",
            Self::NoShell => "noShell",
            Self::Missing(..) => "missingProgram",
            Self::NoVolume => "noVolume",
            Self::Volume(_) => "volumeUnusable",
            Self::NoFreeSlot => "noFreeSlot",
            Self::NotEscrowed => "notEscrowed",
        }
    }
}

/// One lock, and what stands in the way of recovering it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The lock; its subject is empty when there is none.
    pub(crate) of: DeviceLock,
    pub(crate) obstacle: Option<Obstacle>,
}

impl Finding {
    pub(crate) fn row(&self, lang: Lang) -> [String; 4] {
        let (what, hint) = verdict(lang, self.obstacle.as_ref());
        [self.of.lock.name().to_owned(), self.of.subject.clone(), what, hint]
    }

    pub(crate) fn to_json(&self, lang: Lang) -> Value {
        let (reason, hint) = verdict(lang, self.obstacle.as_ref());
        let (recovery, subject) = (self.of.lock.name(), &self.of.subject);
        match &self.obstacle {
            None => json!({"recovery": recovery, "subject": subject, "ready": true}),
            Some(obstacle) => json!({
                "recovery": recovery,
                "subject": subject,
                "ready": false,
                "code": obstacle.code(),
                "reason": reason,
                "hint": hint,
            }),
        }
    }
}

/// Looks at the system below `root`. `today` is the day, counted from 1970.
pub(crate) fn examine(
    root: &Path,
    state: &State,
    config: &Config,
    named: Option<&str>,
    volumes: &[PathBuf],
    today: i64,
) -> Result<Vec<Finding>> {
    let mut config = config.clone();
    if let Some(name) = named {
        config.account = Some(name.to_owned());
    }
    if !volumes.is_empty() {
        config.volumes = volumes.to_vec();
    }
    Accounts { root }.passwd().with_context(|| Complaint::NoSystem(root.to_owned()))?;
    let locks = Locks { root, config: &config, keys: &state.volumes(), proven: &Proven::default() };
    let found = [Lock::Login, Lock::Luks2].into_iter().flat_map(|lock| locks.find(lock, today));
    Ok(found.map(|Found { of, obstacle }| Finding { of, obstacle }).collect())
}
