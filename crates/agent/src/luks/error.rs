//! What can go wrong with a volume, and what to do about it. No variant holds a secret.

use std::path::PathBuf;

use chaveiro_keyfile::KeyFileError;
use thiserror::Error;

use super::header::HeaderError;

#[derive(Debug, Error)]
pub(crate) enum LuksError {
    #[error("{} cannot be used: {why}; see cryptsetup luksDump {}, which also repairs one copy of the header from the other", volume.display(), volume.display())]
    Header { volume: PathBuf, why: HeaderError },
    #[error("cryptsetup is missing; run: apt-get install cryptsetup-bin")]
    NoCryptsetup,
    #[error("no key slot of {} opens with what was given; give what is typed when the machine starts, without a newline at the end", .0.display())]
    WrongPassphrase(PathBuf),
    #[error("the passphrase or key file is longer than {0} bytes; give one that is shorter")]
    TooLong(usize),
    #[error("the agent has no key that opens {}; run: chaveiro-agent escrow {}", .0.display(), .0.display())]
    NotEscrowed(PathBuf),
    #[error("every key slot of {} is taken, or there is no room for another; free one with cryptsetup luksKillSlot", .0.display())]
    NoFreeSlot(PathBuf),
    #[error("key slot {0} is in use and is left as it is; take a free one")]
    SlotTaken(u8),
    #[error("there is no key slot {0} with a sound area; see cryptsetup luksDump")]
    NoSuchSlot(u8),
    #[error(
        "key slot {0} was not added by a recovery and is left as it is; remove it with cryptsetup luksKillSlot if it should go"
    )]
    NotOurs(u8),
    #[error(
        "key slot {0} is the last one: without it nothing opens the volume; add a passphrase with cryptsetup luksAddKey first"
    )]
    LastSlot(u8),
    #[error("cryptsetup {verb} failed with {code}: {words}; deal with that, then try again")]
    Failed { verb: &'static str, code: i32, words: String },
    #[error(
        "cryptsetup {0} did not end in time and was stopped; see whether the machine is short of memory, then try again"
    )]
    Stuck(&'static str),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("{}: {error}", file.display())]
    Io { file: PathBuf, error: std::io::Error },
}
