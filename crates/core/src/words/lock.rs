//! Locks, and what a device reports about them: before a person is locked out ([`Recoverability`]), and about one
//! recovery ([`DeviceReport`]).

use serde::{Deserialize, Serialize};

use crate::id::ActionId;

/// A kind of lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lock {
    /// The screen of a Windows device: its PIN.
    Screen,
    /// A local account of a Linux machine: its password.
    Login,
    /// An encrypted volume of a Linux machine: a LUKS2 key slot.
    Luks2,
}

impl Lock {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Login => "login",
            Self::Luks2 => "luks2",
        }
    }
}

/// One lock of one device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceLock {
    /// The kind.
    pub lock: Lock,
    /// The account or the volume; empty where a device has only one lock of that kind.
    pub subject: String,
}

/// `login:ana`.
impl std::fmt::Display for DeviceLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.lock.name())?;
        if self.subject.is_empty() { Ok(()) } else { write!(f, ":{}", self.subject) }
    }
}

/// The device's last test of the question whether one lock could be recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recoverability {
    /// The lock.
    #[serde(flatten)]
    pub of: DeviceLock,
    /// The obstacle to a recovery, as a stable code of the device; `None` if it is ready.
    pub obstacle: Option<String>,
    /// The result of testing the escrowed passcode against the lock.
    pub escrow: EscrowTest,
    /// The action whose passcode was tested.
    pub action: Option<ActionId>,
}

/// The result of a device's test of an escrowed passcode, which the device itself does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EscrowTest {
    /// Nothing has been recovered yet.
    Never,
    /// The lock is byte for byte what it was when the passcode opened it, so the passcode still does.
    Opens,
    /// The lock has changed since: it got another password, or the key slot is gone.
    Changed,
}

impl EscrowTest {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Opens => "opens",
            Self::Changed => "changed",
        }
    }
}

/// A lock that could not be recovered, and the reason as a stable code of the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// The lock.
    #[serde(flatten)]
    pub of: DeviceLock,
    /// The reason.
    pub code: String,
}

/// A device's report on one recovery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceReport {
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
    /// The locks that the candidate opens, proven by the device once it is applied.
    pub opens: Vec<DeviceLock>,
    /// The locks that the candidate does not open, and the reasons.
    pub obstacles: Vec<Obstacle>,
}

/// Most characters of a reason that is kept.
const MAX_REASON: usize = 300;

impl DeviceReport {
    /// Returns the obstacles in one line: `login:ana directory; luks2:/dev/sda3 noFreeSlot`.
    pub fn reason(&self) -> Option<String> {
        let obstacles = self.obstacles.iter().map(|obstacle| format!("{} {}", obstacle.of, obstacle.code));
        let text = obstacles.collect::<Vec<_>>().join("; ");
        let text: String = text.chars().filter(|character| !character.is_control()).take(MAX_REASON).collect();
        (!text.is_empty()).then_some(text)
    }
}

/// A candidate that opens its locks on the device but that the server, as far as the device knows, has not promoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unpromoted {
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
    /// The SHA-256 of its envelope, in lower-case hex.
    pub envelope_sha256: String,
}
