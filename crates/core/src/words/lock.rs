//! What a passcode opens, and what a device says of its locks: before anybody is locked out
//! ([`Recoverability`]) and about one recovery ([`DeviceReport`]).

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
    /// Its kind.
    pub lock: Lock,
    /// Which: the account, or the volume; empty where a device has one of that kind.
    pub subject: String,
}

/// `login:ana`.
impl std::fmt::Display for DeviceLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.lock.name())?;
        if self.subject.is_empty() { Ok(()) } else { write!(f, ":{}", self.subject) }
    }
}

/// Whether one lock could be recovered today, as the device last tested it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recoverability {
    /// Which lock.
    #[serde(flatten)]
    pub of: DeviceLock,
    /// What stands in the way: a stable code of the device; nothing when it is ready.
    pub obstacle: Option<String>,
    /// Whether what the escrow holds opens it.
    pub escrow: EscrowTest,
    /// The action whose passcode that is.
    pub action: Option<ActionId>,
}

/// What a device found when it tested an escrowed passcode, without having it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EscrowTest {
    /// Nothing was recovered yet.
    Never,
    /// The lock is byte for byte what it was when the passcode opened it: it still does.
    Opens,
    /// The lock has changed since: somebody gave it another password, or the key slot is gone.
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

/// A lock that could not be recovered, and why: a stable code of the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// Which lock.
    #[serde(flatten)]
    pub of: DeviceLock,
    /// Why.
    pub code: String,
}

/// What a device says about one recovery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceReport {
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
    /// What the candidate opens: proven by the device, once it is applied.
    pub opens: Vec<DeviceLock>,
    /// What it does not open, and why.
    pub obstacles: Vec<Obstacle>,
}

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 300;

impl DeviceReport {
    /// The obstacles in one line, `login:ana directory; luks2:/dev/sda3 noFreeSlot`.
    pub fn reason(&self) -> Option<String> {
        let obstacles = self.obstacles.iter().map(|obstacle| format!("{} {}", obstacle.of, obstacle.code));
        let text = obstacles.collect::<Vec<_>>().join("; ");
        let text: String = text.chars().filter(|character| !character.is_control()).take(MAX_REASON).collect();
        (!text.is_empty()).then_some(text)
    }
}

/// A candidate that opens its locks on the device and that the server has not promoted yet, as far as the device knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unpromoted {
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
    /// Lower-case hex SHA-256 of its envelope.
    pub envelope_sha256: String,
}
