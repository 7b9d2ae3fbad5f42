//! The agent inside another program: the demonstration drives the very same code in its own process, on a system below
//! a directory of its own.

use std::path::{Path, PathBuf};

use anyhow::Result;
use chaveiro_core::secret::Passcode;
use chaveiro_lang::{Explain, text};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::agent::{self, Agent};
use crate::config;
use crate::enrolment::{Invitation, Trust, enroll};
use crate::locks::{Locks, Proven};
use crate::login::{Accounts, Entry};
use crate::luks::{self, Volume};
use crate::passcode::kernel_random;
use crate::state::State;

/// A Linux machine below a directory.
pub struct Embedded {
    root: PathBuf,
    agent: Agent,
}

impl Embedded {
    /// Enrols the system below `root`, keeping the agent's state in `state`. `root_certificate` is a PEM file.
    pub async fn enroll(root: &Path, state: &Path, server: &str, token: &str, root_certificate: &Path) -> Result<Self> {
        let invitation = Invitation {
            server,
            user: "root@localhost",
            token,
            again: false,
            trust: Trust::Certificate(root_certificate),
        };
        enroll(&State::at(state), root, &invitation).await?;
        Ok(Self { root: root.to_owned(), agent: Agent::open(root, State::at(state))? })
    }

    /// The second field that a line of shadow(5) must have for that password, as the system below `root` hashes.
    pub fn password_hash(root: &Path, password: &str) -> Result<Zeroizing<String>> {
        let none = Entry::new(Zeroizing::default(), String::new());
        let mut salt = [0; 16];
        kernel_random(&mut salt);
        let made = Accounts { root }.make_entry(&none, &passcode(password)?, &salt, false, 0)?;
        Ok(Zeroizing::new(made.hash_text().to_owned()))
    }

    /// Makes an encrypted volume of an existing file of at least six mebibytes. Its passphrase could be guessed
    /// quickly: it is for demonstrations alone.
    pub fn make_volume(file: &Path, passphrase: &str) -> Result<()> {
        Ok(Volume { path: file.to_owned() }.format(passphrase.as_bytes())?)
    }

    /// Gives the agent a key slot of that volume, before it is opened for recoveries. `unlock` opens the volume now.
    pub fn escrow(root: &Path, state: &Path, volume: &Path, unlock: &str) -> Result<()> {
        let unlock = Zeroizing::new(unlock.as_bytes().to_vec());
        agent::escrow(root, &State::at(state), volume, &unlock, true)
    }

    /// Runs one session, and returns the number of the server's commands that it ran.
    pub async fn sync(&mut self, now: Timestamp) -> Result<usize> {
        Ok(self.agent.sync(now).await?.commands)
    }

    /// Returns true if that is the password of that account.
    pub fn password_opens(&self, account: &str, password: &str) -> Result<bool> {
        Ok(Accounts { root: &self.root }.opens(account, &passcode(password)?)?)
    }

    /// Returns true if that passphrase opens that volume, as cryptsetup says.
    pub fn passphrase_opens(&self, volume: &Path, passphrase: &str) -> Result<bool> {
        let config = config::load(&self.root)?;
        let locks = Locks { root: &self.root, config: &config, keys: Path::new(""), proven: &Proven::default() };
        Ok(locks.volume(volume).is_opened_by(passphrase.as_bytes())?)
    }

    /// Returns true if `cryptsetup` is on this machine.
    pub fn has_cryptsetup() -> bool {
        luks::has_cryptsetup()
    }
}

fn passcode(password: &str) -> Result<Passcode> {
    Passcode::new(Zeroizing::new(password.to_owned())).explain(|| text!("agent-not-a-password"))
}
