//! Whether this machine is ready for each recovery: before anybody is locked out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::account::{self, Account, Password};
use crate::luks::{self, Volume};
use crate::state::State;
use crate::text::Lang;

/// The program that proves a password (pam_unix).
const UNIX_CHKPWD: &[&str] = &["usr/sbin/unix_chkpwd", "sbin/unix_chkpwd"];

/// Shells that let nobody in.
const NO_SHELL: [&str; 2] = ["/nologin", "/false"];

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
    /// The agent has no key slot of its own there, or not the key to it.
    NotEscrowed,
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
pub(crate) fn examine(
    root: &Path,
    state: &State,
    named: Option<&str>,
    volumes: &[PathBuf],
    today: i64,
) -> Result<Vec<Finding>> {
    let mut findings = vec![login(root, named, today)?];
    let volumes = match volumes.is_empty() {
        true => luks::of_crypttab(&optional(root, "etc/crypttab")?),
        false => volumes.to_vec(),
    };
    if volumes.is_empty() {
        let obstacle = Some(Obstacle::NoVolume);
        findings.push(Finding { recovery: Recovery::Luks2, subject: String::new(), obstacle });
    }
    let has_cryptsetup = has(root, luks::CRYPTSETUP);
    findings.extend(volumes.iter().map(|path| Finding {
        recovery: Recovery::Luks2,
        subject: path.display().to_string(),
        obstacle: volume_obstacle(below(root, path), state, has_cryptsetup),
    }));
    Ok(findings)
}

fn login(root: &Path, named: Option<&str>, today: i64) -> Result<Finding> {
    let passwd = std::fs::read_to_string(root.join("etc/passwd"))
        .with_context(|| format!("{} has no readable etc/passwd", root.display()))?;
    let lastlog = std::fs::read(root.join("var/log/lastlog")).unwrap_or_default();
    let name = named.or_else(|| account::most_recent(&passwd, &lastlog)).map(str::to_owned);
    let finding =
        |subject: &str, obstacle| Finding { recovery: Recovery::Login, subject: subject.to_owned(), obstacle };
    let Some(name) = name else { return Ok(finding("", Some(Obstacle::NoAccount))) };
    let homed = root.join("var/lib/systemd/home").join(format!("{name}.identity")).exists();
    let obstacle = match std::fs::read_to_string(root.join("etc/shadow")) {
        _ if homed => Some(Obstacle::Homed),
        Err(_) => Some(Obstacle::NotRoot),
        Ok(shadow) => match account::find(&passwd, &shadow, &name) {
            None => Some(Obstacle::Directory),
            Some(account) => account_obstacle(&account, today, has(root, UNIX_CHKPWD)),
        },
    };
    Ok(finding(&name, obstacle))
}

/// The first thing that must be dealt with, from what concerns the account to what is missing on the machine.
fn account_obstacle(account: &Account, today: i64, has_unix_chkpwd: bool) -> Option<Obstacle> {
    match account.password {
        Password::Elsewhere => return Some(Obstacle::Directory),
        Password::Locked => return Some(Obstacle::Locked),
        Password::Unusable | Password::Empty => return Some(Obstacle::Passwordless),
        Password::Hashed => {}
    }
    if account.expires.is_some_and(|day| day <= today) {
        return Some(Obstacle::Expired);
    }
    if NO_SHELL.iter().any(|shell| account.shell.ends_with(shell)) {
        return Some(Obstacle::NoShell);
    }
    (!has_unix_chkpwd).then_some(Obstacle::Missing("unix_chkpwd", "libpam-modules-bin"))
}

fn volume_obstacle(path: PathBuf, state: &State, has_cryptsetup: bool) -> Option<Obstacle> {
    let volume = Volume { path };
    let agent_key = volume.uuid().ok().map(|uuid| state.volume_key(&uuid));
    volume.obstacle(agent_key.as_deref(), has_cryptsetup)
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
