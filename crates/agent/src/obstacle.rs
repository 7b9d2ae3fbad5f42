//! Obstacles to a recovery on this machine.

use chaveiro_lang::Text;

/// The reason for which a recovery cannot work, or soon may not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Obstacle {
    /// `/etc/shadow` cannot be read.
    NotRoot,
    /// The machine has no account of a user.
    NoAccount,
    /// The account is not local.
    Directory,
    /// systemd-homed manages the account: its password also opens the home.
    Homed,
    /// `passwd -l` has locked the account.
    Locked,
    /// The account has expired.
    Expired,
    /// The account has no password and never had: it signs in another way.
    Passwordless,
    /// The shell of the account does not allow signing in.
    NoShell,
    /// A program is missing: its name and the Debian package that has it.
    Missing(&'static str, &'static str),
    /// `/etc/crypttab` names no volume, and none was given.
    NoVolume,
    /// The volume cannot be used, for this reason.
    Volume(Text),
    /// Every key slot is taken, and a replacement needs a spare one.
    NoFreeSlot,
    /// Few key slots are free; a recovery works now, and the next one may not.
    FewFreeSlots,
    /// The agent has no key slot of its own on the volume, or lacks the key to it.
    NotEscrowed,
}

impl Obstacle {
    /// The code that machines read; it never changes.
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
            Self::FewFreeSlots => "fewFreeSlots",
            Self::NotEscrowed => "notEscrowed",
        }
    }
}
