//! Whether this machine is ready for each recovery: before anybody is locked out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::login::Accounts;
use crate::text::Lang;
use crate::volume::{self, HeaderError, SLOTS};

/// The program that changes key slots.
const CRYPTSETUP: &[&str] = &["usr/sbin/cryptsetup", "sbin/cryptsetup"];

/// A recovery that the agent knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// The password of a local account.
    Login,
    /// A key slot of an encrypted volume.
    Luks2,
}

impl Recovery {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Luks2 => "luks2",
        }
    }
}

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
        }
    }
}

/// One recovery of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) recovery: Recovery,
    /// The account or the volume; empty when there is none.
    pub(crate) subject: String,
    pub(crate) obstacle: Option<Obstacle>,
}

impl Finding {
    pub(crate) fn row(&self, lang: Lang) -> [String; 4] {
        let (what, hint) = lang.verdict(self.obstacle.as_ref());
        [self.recovery.name().to_owned(), self.subject.clone(), what, hint]
    }

    pub(crate) fn to_json(&self, lang: Lang) -> Value {
        let (reason, hint) = lang.verdict(self.obstacle.as_ref());
        match &self.obstacle {
            None => json!({"recovery": self.recovery.name(), "subject": self.subject, "ready": true}),
            Some(_) => json!({
                "recovery": self.recovery.name(),
                "subject": self.subject,
                "ready": false,
                "reason": reason,
                "hint": hint,
            }),
        }
    }
}

/// Looks at the system below `root`. `today` is the day, counted from 1970.
pub(crate) fn examine(root: &Path, named: Option<&str>, volumes: &[PathBuf], today: i64) -> Result<Vec<Finding>> {
    let mut findings = vec![login(root, named, today)?];
    let volumes = match volumes.is_empty() {
        true => volume::of_crypttab(&optional(root, "etc/crypttab")?),
        false => volumes.to_vec(),
    };
    if volumes.is_empty() {
        let obstacle = Some(Obstacle::NoVolume);
        findings.push(Finding { recovery: Recovery::Luks2, subject: String::new(), obstacle });
    }
    let has_cryptsetup = has(root, CRYPTSETUP);
    findings.extend(volumes.iter().map(|path| Finding {
        recovery: Recovery::Luks2,
        subject: path.display().to_string(),
        obstacle: volume_obstacle(&below(root, path), has_cryptsetup),
    }));
    Ok(findings)
}

fn login(root: &Path, named: Option<&str>, today: i64) -> Result<Finding> {
    let accounts = Accounts { root };
    accounts.passwd().with_context(|| format!("{} has no readable etc/passwd", root.display()))?;
    let name = accounts.choose(named);
    let obstacle = match &name {
        None => Some(Obstacle::NoAccount),
        Some(name) => accounts.obstacle(name, today),
    };
    Ok(Finding { recovery: Recovery::Login, subject: name.unwrap_or_default(), obstacle })
}

fn volume_obstacle(path: &Path, has_cryptsetup: bool) -> Option<Obstacle> {
    match volume::read(path) {
        Err(HeaderError::Unreadable(error)) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Some(Obstacle::NotRoot)
        }
        Err(error) => Some(Obstacle::Volume(error.to_string())),
        Ok(header) if header.used >= SLOTS => Some(Obstacle::NoFreeSlot),
        Ok(_) => (!has_cryptsetup).then_some(Obstacle::Missing("cryptsetup", "cryptsetup-bin")),
    }
}

/// An absolute path of that system, below its root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn has(root: &Path, places: &[&str]) -> bool {
    places.iter().any(|place| root.join(place).exists())
}

/// A file that need not be there.
fn optional(root: &Path, name: &str) -> Result<String> {
    match std::fs::read_to_string(root.join(name)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        other => other.with_context(|| format!("/{name} cannot be read")),
    }
}
