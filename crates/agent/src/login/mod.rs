//! The login password of a local account: the obstacles to replacing it, its replacement, and the proof.
//!
//! Nothing here calls passwd(1) or chpasswd(8): those cannot put a former hash back, and cannot refuse when another
//! program changed the password meanwhile. `shadow` edits the file under the lock that those programs take, `hash` makes
//! what crypt(5) accepts, and `system` asks the programs of the machine.

mod account;
mod entry;
mod error;
mod hash;
mod shadow;
mod system;
#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use chaveiro_core::secret::Passcode;
use zeroize::Zeroizing;

use crate::obstacle::Obstacle;
use account::{Account, Password};
pub(crate) use entry::Entry;
pub(crate) use error::LoginError;
use hash::Scheme;
use shadow::Shadow;

/// Shells that refuse every sign-in.
const NO_SHELL: [&str; 2] = ["/nologin", "/false"];

/// Display managers at which a person can change a password that has expired. At others, such as SDDM, the sign-in only fails.
const CHANGING: [&str; 3] = ["gdm", "gdm3", "lightdm"];

/// The directories of units, first to last as systemd.unit(5) reads them.
const UNITS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

/// The time that lckpwdf(3) waits for the lock.
const PATIENCE: Duration = Duration::from_secs(15);

/// The accounts of the system below `root`: `/` or a directory.
pub(crate) struct Accounts<'a> {
    pub(crate) root: &'a Path,
}

impl Accounts<'_> {
    /// Reads passwd(5). Names of people may be in any encoding; those of accounts are ASCII.
    pub(crate) fn passwd(&self) -> std::io::Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.root.join("etc/passwd"))?).into_owned())
    }

    /// The named account, or else that of the person who signed in most recently.
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

    /// The first obstacle to a recovery of that account. `today` is the day, counted from 1970.
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

    /// The line that makes `passcode` the password, hashed as this system hashes; `must_change` demands another at the next
    /// login, where the person can give one.
    pub(crate) fn make_entry(
        &self,
        old: &Entry,
        passcode: &Passcode,
        salt: &[u8; 16],
        must_change: bool,
        today: i64,
    ) -> Result<Entry, LoginError> {
        let hash = Scheme::of(self.root, old.hash_text()).hash(passcode, salt)?;
        let last_change = match must_change && self.changes_at_sign_in() {
            true => "0".to_owned(),
            // A clock that stands at 1970 must not demand a change: no day is no ageing, as passwd(1) does it.
            false if today <= 0 => String::new(),
            false => today.to_string(),
        };
        Ok(Entry::new(hash, last_change))
    }

    /// Returns true if a person can change an expired password while signing in: at a console or at the display manager. One
    /// that is not known cannot.
    fn changes_at_sign_in(&self) -> bool {
        let can_change =
            |program: &Path| CHANGING.iter().any(|name| program.file_stem().is_some_and(|stem| stem == *name));
        for units in UNITS {
            match std::fs::read_link(self.root.join(units).join("display-manager.service")) {
                // A unit that links there is masked: the machine begins at a console.
                Ok(unit) if unit == Path::new("/dev/null") => return true,
                Ok(unit) => return can_change(&unit),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                // A unit that is a file of its own.
                Err(_) => return false,
            }
        }
        // Debian's choice, which counts without systemd too.
        match std::fs::read_to_string(self.root.join("etc/X11/default-display-manager")) {
            Ok(program) => can_change(Path::new(program.trim())),
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    /// Puts `new` in the place of `expected`, durably; the rest of the file stays as it is, byte by byte.
    pub(crate) fn replace(&self, name: &str, expected: &Entry, new: &Entry) -> Result<(), LoginError> {
        let shadow = Shadow::below(self.root)?;
        let lock = shadow.lock(PATIENCE)?;
        shadow.write(&lock, &shadow::edit(&shadow.read()?, name, expected, new)?)
    }

    /// Returns true if the passcode is the password. This machine's own program decides; for the root of another system, which
    /// that program cannot read, the agent computes the hash.
    pub(crate) fn opens(&self, name: &str, passcode: &Passcode) -> Result<bool, LoginError> {
        let entry = self.entry(name)?;
        match self.is_this_machine() {
            true => system::opens(name, passcode),
            false => hash::verify(entry.hash_text(), passcode),
        }
    }

    /// Forgets failed attempts, which would keep even the right password out. Succeeds also if there are none.
    pub(crate) fn clear_lockout(&self, name: &str) -> Result<(), LoginError> {
        system::clear_lockout(self.root, name, self.is_this_machine())
    }

    /// Locks the screens where this account is signed in, and returns their number: 0 without logind.
    pub(crate) fn lock_sessions(&self, name: &str) -> Result<usize, LoginError> {
        if self.is_this_machine() { system::lock_sessions(name) } else { Ok(0) }
    }

    /// Returns a name of the account's hash that does not reveal it, so that a later call can compare.
    pub(crate) fn fingerprint(&self, name: &str) -> Result<String, LoginError> {
        Ok(self.entry(name)?.fingerprint())
    }

    fn is_this_machine(&self) -> bool {
        self.root == Path::new("/")
    }
}

/// Returns the first obstacle of an account: its own state comes before what the machine lacks.
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
