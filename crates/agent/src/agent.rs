//! The agent of one machine: its enrolment, its recovery, its sessions.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_csp::{self as csp, RETURN_WITHIN, STANDING_ALERT};
use chaveiro_device::enroll::expires;
use chaveiro_device::https::Https;
use chaveiro_lang::{Explain, text};
use jiff::Timestamp;
use omadm::session::device::Event;
use omadm::syncml::alert;
use zeroize::Zeroizing;

use crate::config::{self, Config};
use crate::inventory;
use crate::login::Accounts;
use crate::luks::{self, Volume};
use crate::nodes::Nodes;
use crate::packages;
use crate::recovery::{Cleared, Recovery};
use crate::session::{self, Refused};
use crate::state::{Enrolment, State};

/// The path below the address of the server where a device waits to be woken.
const WAKE_PATH: &str = "/ManagementServer/Wake";

/// The end of a wait.
pub(crate) struct Waited {
    pub(crate) after: After,
    /// The time within which to come back if the next wait breaks.
    pub(crate) return_within: Option<Duration>,
}

/// The step that follows a wait.
pub(crate) enum After {
    /// The server has something, or says in a session why this machine is not welcome.
    Session,
    /// There is nothing.
    Nothing,
    /// The server lets every device go, and asks to be left alone for that long.
    Pause(Duration),
}

/// The work of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    /// Messages sent.
    pub(crate) messages: usize,
    /// Commands of the server that were run.
    pub(crate) commands: usize,
}

/// An enrolled machine. A state directory has one at a time.
pub(crate) struct Agent {
    root: PathBuf,
    state: State,
    config: Config,
    enrolment: Enrolment,
    transport: Https,
    certificate_expires: Option<Timestamp>,
    recovery: Recovery,
    _lock: File,
}

impl Agent {
    /// Opens the enrolment, and finishes or takes back what an earlier process left.
    pub(crate) fn open(root: &Path, state: State) -> Result<Self> {
        // That there is none is said before anything is locked; what counts is read under the lock.
        state.load()?;
        let lock = state.lock()?;
        let (enrolment, identity) = state.load()?;
        let config = config::load(root)?;
        let transport = Https::trusting(enrolment.root_pem.as_deref(), Some(&identity))?;
        let certificate_expires = expires(&identity).and_then(|end| Timestamp::from_second(end).ok());
        let mut recovery = Recovery::open(root, state.directory(), config.clone())?;
        // An interrupted recovery that cannot be taken back yet is tried again before each session. The server must hear of this
        // machine in any case.
        let _ = recovery.resume();
        Ok(Self {
            root: root.to_owned(),
            state,
            config,
            enrolment,
            transport,
            certificate_expires,
            recovery,
            _lock: lock,
        })
    }

    /// The time between two reports of an agent that is not woken.
    pub(crate) fn poll(&self) -> Duration {
        self.config.poll
    }

    /// Runs one session: reports this machine to the server, and carries out the server's commands.
    pub(crate) async fn sync(&mut self, now: Timestamp) -> Result<Synced> {
        let synced = self.session(Vec::new(), now).await;
        if synced.as_ref().is_err_and(is_refusal) {
            // No server will promote a candidate any more.
            self.recovery.give_up()?;
        }
        if synced.is_err() && self.certificate_expires.is_some_and(|end| end <= now) {
            return synced.explain(|| text!("agent-certificate-expired"));
        }
        let synced = synced?;
        self.enrolment.last_sync = Some(now);
        self.state.update(&self.enrolment)?;
        Ok(synced)
    }

    async fn session(&mut self, mut events: Vec<Event>, now: Timestamp) -> Result<Synced> {
        // An interrupted recovery that could not be taken back is tried again; a session is needed either way.
        let _ = self.recovery.resume();
        // The number is kept first: none is ever used twice.
        self.enrolment.sessions = self.enrolment.sessions.wrapping_add(1);
        self.state.update(&self.enrolment)?;
        let today = now.as_second().div_euclid(86_400);
        let inventory = inventory::read(&self.root)?;
        let packages = packages::lines(&packages::installed(&self.root));
        let mut standing = self.recovery.standing(today);
        standing.packages_sha256 = Some(packages::digest(&packages));
        let accounts = Accounts { root: &self.root };
        standing.account_name =
            accounts.choose(self.config.account.as_deref()).and_then(|account| accounts.full_name(&account));
        events.push(Event::new(alert::GENERIC, STANDING_ALERT, csp::encode(&standing)));
        let mut nodes =
            Nodes { inventory: &inventory, packages: &packages, recovery: &mut self.recovery, today, commands: 0 };
        let messages = session::run(&self.transport, &self.enrolment, &mut nodes, events).await?;
        let synced = Synced { messages, commands: nodes.commands };
        // A session that ended well has settled the candidate; one that broke off goes on with it the next time.
        self.recovery.forget_candidate();
        Ok(synced)
    }

    /// Waits until the server has something for this machine, or for that long.
    pub(crate) async fn wait(&self, wait: Duration) -> Result<Waited> {
        let address = &self.enrolment.address;
        let origin = address.find("://").and_then(|at| Some(at + 3 + address.get(at + 3..)?.find('/')?));
        let url = format!("{}{WAKE_PATH}", address.get(..origin.unwrap_or(address.len())).unwrap_or(address));
        let held = self.transport.hold(&url, wait).await?;
        let after = match held.status {
            204 => After::Nothing,
            // A session will say why this machine is not welcome.
            200 | 401 | 403 => After::Session,
            429 | 503 => After::Pause(held.seconds("retry-after").unwrap_or_default()),
            status => bail!(text!("agent-status", status = status)),
        };
        Ok(Waited { after, return_within: held.seconds(RETURN_WITHIN) })
    }

    /// Tells the server that this machine leaves, then forgets the enrolment. With `force` the server need not answer.
    /// With `release` the key slots of the escrow are removed; the user's own secrets are never touched.
    pub(crate) async fn unenroll(mut self, force: bool, release: bool, now: Timestamp) -> Result<()> {
        if release {
            check_release(&self.recovery)?;
        }
        // An ordinary session first: the server settles what this machine still waits for.
        let told = match self.session(Vec::new(), now).await {
            Ok(_) => {
                let leaving = Event::new(alert::GENERIC, alert::UNENROLLMENT, "1".to_owned());
                self.session(vec![leaving], now).await
            }
            error => error,
        };
        // A machine that the server refuses has left already.
        let told = if told.as_ref().is_err_and(is_refusal) { Ok(()) } else { told.map(drop) };
        if !force {
            told.explain(|| text!("agent-not-told"))?;
        }
        forget(&self.state, &mut self.recovery, release)
    }
}

/// Returns true if the server told this machine that it no longer knows it.
fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Refused>())
}

/// Forgets an enrolment that cannot be read any more, without telling the server.
pub(crate) fn forget_unreadable(root: &Path, state: &State, release: bool) -> Result<()> {
    let _lock = state.lock()?;
    let mut recovery = Recovery::open(root, state.directory(), config::load(root)?)?;
    if release {
        check_release(&recovery)?;
    }
    forget(state, &mut recovery, release)
}

fn forget(state: &State, recovery: &mut Recovery, release: bool) -> Result<()> {
    recovery.give_up().explain(|| text!("agent-interrupted"))?;
    if release {
        release_slots(recovery)?;
    }
    state.remove()
}

/// The volumes that the agent has a key of: name, volume, key. The iterator looks at each volume when its turn comes, so it sees
/// changes made to the same volume under an earlier name.
fn with_key(recovery: &Recovery) -> impl Iterator<Item = (PathBuf, Volume, PathBuf)> {
    recovery.locks().volumes().into_iter().filter_map(|path| {
        let locks = recovery.locks();
        let volume = locks.volume(&path);
        let key = locks.key(&volume).filter(|key| key.exists())?;
        Some((path, volume, key))
    })
}

/// Refuses to remove the last slots of a volume, before anything is changed or the server is told.
fn check_release(recovery: &Recovery) -> Result<()> {
    for (path, volume, _) in with_key(recovery) {
        volume.has_slot_of_a_person().explain(|| text!("agent-only-our-slots", volume = &path))?;
    }
    Ok(())
}

/// Removes the agent's and the escrow's key slots of every volume.
fn release_slots(recovery: &Recovery) -> Result<()> {
    for (path, volume, key) in with_key(recovery) {
        volume.leave(&key).explain(|| text!("agent-slots-kept", volume = &path))?;
    }
    Ok(())
}

/// Finishes or takes back an interrupted recovery as far as this machine can by itself. Also removes the key slots that
/// recoveries left behind.
pub(crate) fn clear_slots(root: &Path, state: &State) -> Result<Vec<Cleared>> {
    let _lock = state.lock()?;
    let mut recovery = Recovery::open(root, state.directory(), config::load(root)?)?;
    recovery.settle().explain(|| text!("agent-interrupted"))?;
    Ok(recovery.clear_slots())
}

/// Gives the agent a key slot of a volume, once: from then on recovery passcodes are replaced without the user.
pub(crate) fn escrow(
    root: &Path,
    state: &State,
    path: &Path,
    unlock: &Zeroizing<Vec<u8>>,
    accept_open_disk: bool,
) -> Result<()> {
    let directory = state.directory();
    chaveiro_keyfile::create_directory(&state.volumes())?;
    if !accept_open_disk && luks::is_on_encrypted_disk(directory) != Some(true) {
        bail!(text!("agent-open-disk", directory = directory));
    }
    let recovery = Recovery::open(root, directory, config::load(root)?)?;
    let locks = recovery.locks();
    if !locks.volumes().iter().any(|known| known == path) {
        return Err(text!("agent-not-configured", volume = path).into());
    }
    let volume = locks.volume(path);
    let uuid = volume.uuid()?;
    let key = locks.key(&volume).explain(|| text!("agent-no-uuid", volume = path))?;
    let mut random = Zeroizing::new([0; 64]);
    crate::passcode::kernel_random(random.as_mut());
    Ok(volume.enroll(unlock, &key, &state.volumes().join(format!("{uuid}.header")), &random)?)
}
