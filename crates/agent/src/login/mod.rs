//! The login password of a local account: what stands in the way of replacing it, its replacement, and the proof.
//!
//! Nothing here calls passwd(1) or chpasswd(8): those cannot put a former hash back, and cannot refuse when somebody
//! else changed the password meanwhile. `shadow` edits the file under the lock that those programs take, `hash` makes
//! what crypt(5) accepts, and `system` asks the programs of the machine.

mod account;
mod hash;
mod shadow;
mod system;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chaveiro_core::digest::sha256_hex;
use chaveiro_core::secret::Passcode;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::doctor::Obstacle;
use account::{Account, Password};
use hash::Scheme;
use shadow::Shadow;

/// Shells that let nobody in.
const NO_SHELL: [&str; 2] = ["/nologin", "/false"];

/// As long as lckpwdf(3) waits for the lock.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a password is not replaced or not proven, and what to do. No variant holds a hash or a passcode.
#[derive(Debug, Error)]
pub(crate) enum LoginError {
    #[error("{} cannot be used: {error}; run it as root", file.display())]
    Unusable { file: PathBuf, error: std::io::Error },
    #[error("{} is a link out of the system that was named; name the one that the link leads to", .0.display())]
    Outside(PathBuf),
    #[error("{0} has no password on this machine; name an account that has one")]
    NoAccount(String),
    #[error("the line of {0} in shadow is damaged; look at it with pwck -r")]
    Damaged(String),
    #[error("another program has been changing passwords all the while; try again when it is done")]
    Busy,
    #[error("the password was changed meanwhile and stays as it is; begin again")]
    ChangedMeanwhile,
    #[error("what should be put into shadow does not belong there, and shadow is as it was; begin again")]
    NotAnEntry,
    #[error("shadow cannot be written and is as it was: {0}; make room on the disk, then try again")]
    Unwritten(std::io::Error),
    #[error("shadow was replaced, but the disk did not confirm it: {0}; see which password opens the account")]
    Unconfirmed(std::io::Error),
    #[error("this passcode cannot be typed at a login: {} bytes at most, no line breaks; make another", hash::LONGEST)]
    Passcode,
    #[error("the hash of this account is of a kind that only its own system can check; check it there")]
    Scheme,
    #[error("{program} {what}; apt-get install --reinstall {package}")]
    Program { program: &'static str, what: String, package: &'static str },
}

impl LoginError {
    /// What the server is told; it stays the same for ever.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "notRoot",
            Self::Outside(_) => "shadowOutside",
            Self::NoAccount(_) => "noAccount",
            Self::Damaged(_) => "shadowDamaged",
            Self::Busy => "shadowBusy",
            Self::ChangedMeanwhile => "changedMeanwhile",
            Self::NotAnEntry | Self::Passcode => "passcodeUnusable",
            Self::Unwritten(_) | Self::Unconfirmed(_) => "shadowUnwritable",
            Self::Scheme => "hashUnknown",
            Self::Program { .. } => "missingProgram",
        }
    }
}

/// Accounts of the system below `root`: `/` or a directory.
pub(crate) struct Accounts<'a> {
    pub(crate) root: &'a Path,
}

/// Fields 2 and 3 of a line of shadow(5): the hash, and the day of the last change as it stands there. A hash can be
/// attacked offline, so that the type has no `Debug`, `Clone` or `Serialize`.
pub(crate) struct Entry {
    hash: Zeroizing<String>,
    last_change: String,
}

impl Entry {
    pub(crate) fn new(hash: Zeroizing<String>, last_change: String) -> Self {
        Self { hash, last_change }
    }

    /// The hash. Call it only to keep it where nobody but root reads.
    pub(crate) fn hash_text(&self) -> &str {
        &self.hash
    }

    pub(crate) fn last_change(&self) -> &str {
        &self.last_change
    }

    /// Names the hash without giving it away.
    pub(crate) fn fingerprint(&self) -> String {
        sha256_hex(self.hash.as_bytes())
    }
}

impl Accounts<'_> {
    /// passwd(5). Names of people may be in any encoding; those of accounts are ASCII.
    pub(crate) fn passwd(&self) -> std::io::Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.root.join("etc/passwd"))?).into_owned())
    }

    /// The account that was named, or else the person's who signed in most recently.
    pub(crate) fn choose(&self, named: Option<&str>) -> Option<String> {
        if let Some(name) = named {
            return Some(name.to_owned());
        }
        let mut lastlog = Vec::new();
        if let Ok(file) = std::fs::File::open(self.root.join("var/log/lastlog")) {
            // Sparse, and as long as the highest user id makes it: people's are at its beginning.
            let _ = file.take(account::LASTLOG_OF_PEOPLE).read_to_end(&mut lastlog);
        }
        account::most_recent(&self.passwd().ok()?, &lastlog).map(str::to_owned)
    }

    /// The name of the person, the first part of the comment field of passwd(5).
    pub(crate) fn full_name(&self, name: &str) -> Option<String> {
        let passwd = self.passwd().ok()?;
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let person = line.split(':').nth(4)?.split(',').next()?.trim();
        (!person.is_empty()).then(|| person.to_owned())
    }

    /// The first thing that must be dealt with. `today` is the day, counted from 1970.
    pub(crate) fn obstacle(&self, name: &str, today: i64) -> Option<Obstacle> {
        if self.root.join("var/lib/systemd/home").join(format!("{name}.identity")).exists() {
            return Some(Obstacle::Homed);
        }
        let Ok(shadow) = Shadow::below(self.root).and_then(|shadow| shadow.read()) else {
            return Some(Obstacle::NotRoot);
        };
        let shadow = Zeroizing::new(String::from_utf8_lossy(&shadow).into_owned());
        match account::find(&self.passwd().unwrap_or_default(), &shadow, name) {
            None => Some(Obstacle::Directory),
            Some(account) => account_obstacle(&account, today, system::has_unix_chkpwd(self.root)),
        }
    }

    pub(crate) fn entry(&self, name: &str) -> Result<Entry, LoginError> {
        shadow::entry(&Shadow::below(self.root)?.read()?, name)
    }

    /// What makes `passcode` the password, hashed as this system hashes; `must_change` demands another at the next
    /// login.
    pub(crate) fn make_entry(
        &self,
        old: &Entry,
        passcode: &Passcode,
        salt: &[u8; 16],
        must_change: bool,
        today: i64,
    ) -> Result<Entry, LoginError> {
        let hash = Scheme::of(self.root, &old.hash).hash(passcode, salt)?;
        let last_change = match must_change {
            true => "0".to_owned(),
            // A clock that stands at 1970 must not demand a change: no day is no ageing, as passwd(1) does it.
            false if today <= 0 => String::new(),
            false => today.to_string(),
        };
        Ok(Entry { hash, last_change })
    }

    /// Puts `new` in the place of `expected`, durably; the rest of the file stays as it is, byte by byte.
    pub(crate) fn replace(&self, name: &str, expected: &Entry, new: &Entry) -> Result<(), LoginError> {
        let shadow = Shadow::below(self.root)?;
        let lock = shadow.lock(PATIENCE)?;
        shadow.write(&lock, &shadow::edit(&shadow.read()?, name, expected, new)?)
    }

    /// Whether the passcode is the password: by the word of this machine's own program, or computed here for another
    /// system, into which that program cannot look.
    pub(crate) fn opens(&self, name: &str, passcode: &Passcode) -> Result<bool, LoginError> {
        let entry = self.entry(name)?;
        match self.is_this_machine() {
            true => system::opens(name, passcode),
            false => hash::verify(&entry.hash, passcode),
        }
    }

    /// Forgets failed attempts, which would keep even the right password out. Nothing to forget is no error.
    pub(crate) fn clear_lockout(&self, name: &str) -> Result<(), LoginError> {
        system::clear_lockout(self.root, name, self.is_this_machine())
    }

    /// Locks the screens where this account is signed in; says how many. None without logind.
    pub(crate) fn lock_sessions(&self, name: &str) -> Result<usize, LoginError> {
        if self.is_this_machine() { system::lock_sessions(name) } else { Ok(0) }
    }

    /// Names the hash without giving it away: whether it is still the same can be asked later.
    pub(crate) fn fingerprint(&self, name: &str) -> Result<String, LoginError> {
        Ok(self.entry(name)?.fingerprint())
    }

    fn is_this_machine(&self) -> bool {
        self.root == Path::new("/")
    }
}

/// From what concerns the account to what is missing on the machine.
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
