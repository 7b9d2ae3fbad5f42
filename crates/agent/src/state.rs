//! The files that the agent keeps between runs, in files that only root may read.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use chaveiro_keyfile as keyfile;
use chaveiro_lang::{Explain, text};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The file of the certificate and the private key, in PEM.
const IDENTITY: &str = "identity.pem";
/// The file whose lock an agent holds while it runs.
const LOCK: &str = "agent.lock";
/// The file with the locks that the promoted passcode opens; another enrolment does not use it.
const ESCROWED: &str = "escrowed.json";
/// The file of everything else.
const ENROLMENT: &str = "enrolment.json";
/// The directory of the agent's keys to encrypted volumes, by their UUID.
const VOLUMES: &str = "volumes";

/// The state directory.
pub(crate) struct State(PathBuf);

/// An enrolment.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Enrolment {
    /// The address of sessions.
    pub(crate) address: String,
    /// The id of the enrolment, which is also the common name in the certificate.
    pub(crate) enrollment_id: String,
    /// The name of this machine towards the server.
    pub(crate) oma_device_id: String,
    /// The only trusted root, in PEM; `None` for the roots of the system.
    pub(crate) root_pem: Option<String>,
    /// Sessions begun.
    pub(crate) sessions: u32,
    /// The end of the last session that succeeded.
    pub(crate) last_sync: Option<jiff::Timestamp>,
}

impl State {
    pub(crate) fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    /// Takes the lock of the one process that speaks for this machine.
    pub(crate) fn lock(&self) -> Result<File> {
        let file = self.0.join(LOCK);
        let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file);
        let opened = options.explain(|| text!("agent-needs-root", file = &file))?;
        match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(opened),
            Err(_) => bail!(text!("agent-running")),
        }
    }

    pub(crate) fn is_enrolled(&self) -> bool {
        self.0.join(ENROLMENT).exists()
    }

    /// Keeps a new enrolment. The identity comes first, so that an enrolment without a key never exists.
    pub(crate) fn create(&self, enrolment: &Enrolment, identity: &str) -> Result<()> {
        keyfile::create_directory(&self.0)?;
        // A key that is left of an enrolment that was never finished is of no use.
        keyfile::replace(&self.0.join(IDENTITY), identity.as_bytes())?;
        keyfile::create(&self.0.join(ENROLMENT), &serde_json::to_vec_pretty(enrolment)?)?;
        Ok(())
    }

    /// Replaces the enrolment. The identity comes first, because the server accepts the new one alone. The list of escrowed locks
    /// goes: it belongs to the old enrolment.
    pub(crate) fn renew(&self, enrolment: &Enrolment, identity: &str) -> Result<()> {
        keyfile::replace(&self.0.join(IDENTITY), identity.as_bytes())?;
        self.update(enrolment)?;
        match std::fs::remove_file(self.0.join(ESCROWED)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).explain(|| text!("agent-not-removed", file = self.0.join(ESCROWED)))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn load(&self) -> Result<(Enrolment, Zeroizing<String>)> {
        if !self.is_enrolled() {
            bail!(text!("not-enrolled"));
        }
        let file = self.0.join(ENROLMENT);
        let enrolment = serde_json::from_slice(&keyfile::read(&file)?);
        let enrolment = enrolment.explain(|| text!("agent-enrolment-damaged", file = &file))?;
        let identity = keyfile::read(&self.0.join(IDENTITY))?;
        let identity = std::str::from_utf8(&identity).explain(|| text!("agent-identity-damaged"))?;
        Ok((enrolment, Zeroizing::new(identity.to_owned())))
    }

    pub(crate) fn update(&self, enrolment: &Enrolment) -> Result<()> {
        Ok(keyfile::replace(&self.0.join(ENROLMENT), &serde_json::to_vec_pretty(enrolment)?)?)
    }

    /// The directory of the agent's keys to encrypted volumes.
    pub(crate) fn volumes(&self) -> PathBuf {
        self.0.join(VOLUMES)
    }

    /// Forgets the enrolment. Its own file goes first, so that the remaining files are never taken for an enrolment.
    pub(crate) fn remove(&self) -> Result<()> {
        for name in [ENROLMENT, IDENTITY, ESCROWED] {
            let file = self.0.join(name);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).explain(|| text!("agent-not-removed", file = &file));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_enrolment_comes_back_as_it_was_kept_and_only_its_owner_may_read_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State::at(&directory.path().join("agent"));
        let enrolment = Enrolment {
            address: "https://mdm.example/dm".to_owned(),
            enrollment_id: "1".to_owned(),
            oma_device_id: "A1".to_owned(),
            root_pem: None,
            sessions: 3,
            last_sync: None,
        };
        assert!(state.load().err().expect("refused").to_string().contains("chaveiro-agent enroll"));
        state.create(&enrolment, "PEM").expect("kept");
        assert!(state.create(&enrolment, "PEM").is_err(), "an enrolment is never overwritten");
        let (read, identity) = state.load().expect("read");
        assert_eq!((read.sessions, read.address, identity.as_str()), (3, enrolment.address.clone(), "PEM"));
        for name in [IDENTITY, ENROLMENT] {
            let mode =
                std::fs::metadata(directory.path().join("agent").join(name)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        state.renew(&Enrolment { enrollment_id: "2".to_owned(), ..enrolment }, "NEW").expect("renewed");
        let (read, identity) = state.load().expect("read");
        assert_eq!((read.enrollment_id.as_str(), identity.as_str()), ("2", "NEW"));
        state.remove().expect("removed");
        assert!(!state.is_enrolled());
        state.remove().expect("removing twice is no error");
    }
}
