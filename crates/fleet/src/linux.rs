//! A Linux device with the agent: its locks, its journal, its sessions. It has one account and one encrypted volume,
//! but no real disk: a few texts hold all of its state.

use chaveiro_core::digest::sha256_hex;
use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::id::ActionId;
use chaveiro_core::lock::{DeviceLock, DeviceReport, EscrowTest, Lock, Obstacle, Recoverability, Unpromoted};
use chaveiro_core::secret::Passcode;
use chaveiro_csp::{self as csp, Access, Apply, DocumentError, Finish, Prepare, Standing};
use chaveiro_device::enroll::{self as exchange, Account, Applicant, EnrollError};
use chaveiro_escrow::Recipient;
use omadm::Secret;
use omadm::session::device::{Event, Next, Session, Tree};
use omadm::syncml::{Verb, alert};
use rcgen::KeyPair;
use zeroize::Zeroizing;

use crate::hardware::of_linux;
use crate::transport::{Transport, TransportError};
use crate::windows::{MAX_MESSAGES, SyncError, SyncReport, exchange as send};

/// The account of the device.
pub const ACCOUNT: &str = "ana";
/// The encrypted volume of the device.
pub const VOLUME: &str = "/dev/sda3";

/// The ways in which a Linux device misbehaves, as data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinuxBehavior {
    /// Behaves correctly.
    #[default]
    Honest,
    /// Forgets its candidate before it is applied, as after a restart of the agent.
    LosesCandidate,
    /// Has no lock that can be recovered.
    NothingReady,
    /// Cannot apply, and undoes its changes.
    FailsApply,
    /// Sends an invalid envelope.
    GarbageEnvelope,
    /// Seals to no recipient.
    SealsToNoRecipient,
    /// Sends an invalid report.
    GarbageReport,
    /// Applies, but the connection breaks before the answer arrives.
    LosesAnswer,
    /// Breaks the connection instead of dropping its old secret.
    LosesRetire,
    /// Reports its state at the beginning of a session as an invalid document.
    GarbageStanding,
    /// Answers under the number of another recovery.
    ReportsAnother,
}

struct Candidate {
    action: ActionId,
    attempt: u32,
    envelope: Vec<u8>,
    passcode: Zeroizing<String>,
}

/// The content of the journal: a candidate that works, and the secret to return to.
struct Applied {
    candidate: Unpromoted,
    former: Zeroizing<String>,
}

/// The state that survives sessions.
struct Machine {
    /// The passcode that opens account and volume now.
    passcode: Zeroizing<String>,
    candidate: Option<Candidate>,
    applied: Option<Applied>,
    report: Option<DeviceReport>,
    /// The recovery whose passcode is in escrow.
    escrowed: Option<ActionId>,
    make: Box<dyn FnMut() -> String + Send>,
}

/// A Linux device.
pub struct LinuxDevice {
    /// The enrolment of the device.
    pub account: Account,
    /// The name that it uses in OMA-DM.
    pub oma_device_id: String,
    /// The behaviour in the next sessions.
    pub behavior: LinuxBehavior,
    /// The installed packages, one a line: name and version with a tab between.
    pub packages: String,
    /// Set if the volume could be recovered.
    pub volume_ready: bool,
    machine: Machine,
    sessions: u32,
}

impl LinuxDevice {
    /// Enrols a device; each number gives a different one. `make_passcode` makes its future passcodes.
    pub async fn enroll(
        transport: &impl Transport,
        number: u64,
        server_url: &str,
        token: &str,
        mut make_passcode: Box<dyn FnMut() -> String + Send>,
    ) -> Result<Self, EnrollError> {
        let oma_device_id = format!("linux-{number:08}");
        let context = [
            ("DeviceType", "Linux".to_owned()),
            ("EnrollmentType", "Device".to_owned()),
            ("DeviceID", oma_device_id.clone()),
            ("DeviceName", format!("desk{number}")),
            ("OSVersion", "13".to_owned()),
        ];
        let applicant = Applicant {
            oma_device_id: oma_device_id.clone(),
            device_type: "Linux",
            os_edition: None,
            context: context.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        let key = KeyPair::generate()?;
        let account = exchange::enroll(transport, &applicant, &key, server_url, "device", token).await?;
        let passcode = Zeroizing::new(make_passcode());
        let machine =
            Machine { passcode, candidate: None, applied: None, report: None, escrowed: None, make: make_passcode };
        Ok(Self {
            account,
            oma_device_id,
            behavior: LinuxBehavior::Honest,
            packages: "bash\t5.2\n".to_owned(),
            volume_ready: false,
            machine,
            sessions: 0,
        })
    }

    /// The passcode that opens account and volume now.
    pub fn passcode(&self) -> &str {
        &self.machine.passcode
    }

    /// Returns whether a candidate works that the device has not seen promoted.
    pub fn is_unsettled(&self) -> bool {
        self.machine.applied.is_some()
    }

    /// The state that it reports.
    pub fn standing(&self) -> Standing {
        let (escrow, action) = match self.machine.escrowed {
            Some(action) => (EscrowTest::Opens, Some(action)),
            None => (EscrowTest::Never, None),
        };
        let lock = |of: DeviceLock, ready: bool| Recoverability {
            of,
            obstacle: (!ready).then(|| "noKey".to_owned()),
            escrow,
            action,
        };
        Standing {
            locks: vec![lock(login(), true), lock(volume(), self.volume_ready)],
            unpromoted: self.machine.applied.as_ref().map(|applied| applied.candidate.clone()),
            packages_sha256: Some(sha256_hex(self.packages.as_bytes())),
            account_name: Some("Ana Lima".to_owned()),
        }
    }

    /// Runs one whole management session, which begins with [`Self::standing`].
    pub async fn sync(&mut self, transport: &impl Transport) -> Result<SyncReport, SyncError> {
        let said = match self.behavior {
            LinuxBehavior::GarbageStanding => "{\"locks\": 7".to_owned(),
            _ => csp::encode(&self.standing()),
        };
        let event = Event::new(alert::GENERIC, csp::STANDING_ALERT, said);
        self.session(transport, vec![event]).await
    }

    async fn session(&mut self, transport: &impl Transport, events: Vec<Event>) -> Result<SyncReport, SyncError> {
        self.sessions += 1;
        let information = vec![("./DevInfo/DevId", self.oma_device_id.clone()), ("./DevInfo/Man", "Any".to_owned())];
        let url = self.account.management.address.clone();
        let mut report = SyncReport::default();
        let mut nodes = Nodes {
            name: &self.oma_device_id,
            packages: &self.packages,
            machine: &mut self.machine,
            volume_ready: self.volume_ready,
            behavior: self.behavior,
            breaks: false,
            ran: &mut report.commands,
        };
        let number = self.sessions.to_string();
        let mut session = Session::new(&mut self.account.management, &number, false, information, events);
        let mut message = session.begin();
        for sent in 1..=MAX_MESSAGES {
            report.messages = sent;
            let answer = send(transport, &url, &message).await?;
            match session.receive(&answer, &mut nodes) {
                _ if nodes.breaks => return Err(TransportError::Failed("the connection broke".to_owned()).into()),
                Next::Send(next) => message = next,
                Next::Refused(code) => return Err(SyncError::Refused(code)),
                Next::End => return Ok(report),
            }
        }
        Err(SyncError::Endless)
    }
}

fn login() -> DeviceLock {
    DeviceLock { lock: Lock::Login, subject: ACCOUNT.to_owned() }
}

fn volume() -> DeviceLock {
    DeviceLock { lock: Lock::Luks2, subject: VOLUME.to_owned() }
}

/// The management tree of one session.
struct Nodes<'a> {
    name: &'a str,
    packages: &'a str,
    machine: &'a mut Machine,
    volume_ready: bool,
    behavior: LinuxBehavior,
    /// Set once the connection is gone.
    breaks: bool,
    ran: &'a mut Vec<(Verb, String, u16)>,
}

impl Nodes<'_> {
    fn read(&self, uri: &str) -> Option<String> {
        let text = |text: &str| Some(text.to_owned());
        match uri {
            csp::DESCRIPTION => Some(csp::ddf()),
            csp::PACKAGES => text(self.packages),
            csp::CANDIDATE if self.behavior == LinuxBehavior::GarbageEnvelope => text("sealed, I swear"),
            csp::CANDIDATE => {
                let candidate = self.machine.candidate.as_ref()?;
                Some(String::from_utf8_lossy(&candidate.envelope).into_owned())
            }
            csp::REPORT if self.behavior == LinuxBehavior::GarbageReport => text("{\"opens\": everything}"),
            csp::REPORT => self.machine.report.as_ref().map(csp::encode),
            _ => of_linux(self.name, uri),
        }
    }

    fn run(&mut self, uri: &str, data: &str) -> Result<u16, DocumentError> {
        Ok(match uri {
            csp::PREPARE => self.prepare(&csp::decode(data)?),
            csp::APPLY => self.apply(&csp::decode(data)?),
            csp::RETIRE => self.retire(&csp::decode(data)?),
            csp::UNDO => self.undo(&csp::decode(data)?),
            _ => 404,
        })
    }

    fn prepare(&mut self, order: &Prepare) -> u16 {
        let found = [(login(), true), (volume(), self.volume_ready)];
        let found = found.into_iter().filter(|(of, _)| order.locks.contains(&of.lock));
        let (opens, obstacles): (Vec<_>, Vec<_>) =
            found.partition(|(_, ready)| *ready && self.behavior != LinuxBehavior::NothingReady);
        let opens: Vec<_> = opens.into_iter().map(|(of, _)| of).collect();
        let obstacle = |(of, _)| Obstacle { of, code: "noKey".to_owned() };
        let obstacles = obstacles.into_iter().map(obstacle).collect();
        let nothing = opens.is_empty();
        self.machine.report = Some(DeviceReport { action: order.action, attempt: order.attempt, opens, obstacles });
        if nothing {
            return 406;
        }
        if self.machine.applied.is_some() {
            return 409;
        }
        let again = |known: &Candidate| known.action == order.action && known.attempt == order.attempt;
        if self.machine.candidate.as_ref().is_some_and(again) {
            return 200;
        }
        let recipients = match self.behavior {
            LinuxBehavior::SealsToNoRecipient => Some(Vec::new()),
            _ => order.recipients.iter().map(|line| Recipient::parse(line)).collect(),
        };
        let passcode = Zeroizing::new((self.machine.make)());
        let context = SecretContext {
            tenant: order.tenant,
            device: order.device,
            action: order.action,
            attempt: order.attempt,
            kind: SecretKind::Passcode,
        };
        let sealed = recipients.zip(Passcode::new(passcode.clone()));
        let sealed = sealed.and_then(|(recipients, text)| chaveiro_escrow::seal(&recipients, &context, &text).ok());
        let Some(envelope) = sealed else { return 400 };
        let (action, attempt) = (order.action, order.attempt);
        self.machine.candidate = Some(Candidate { action, attempt, envelope, passcode });
        200
    }

    fn apply(&mut self, order: &Apply) -> u16 {
        let asked =
            Unpromoted { action: order.action, attempt: order.attempt, envelope_sha256: order.envelope_sha256.clone() };
        if let Some(applied) = &self.machine.applied {
            return if applied.candidate == asked { 200 } else { 409 };
        }
        if self.behavior == LinuxBehavior::LosesCandidate {
            self.machine.candidate = None;
        }
        let candidate = self.machine.candidate.take().filter(|candidate| {
            let hash = sha256_hex(&candidate.envelope);
            (candidate.action, candidate.attempt, hash) == (asked.action, asked.attempt, asked.envelope_sha256.clone())
        });
        let (Some(candidate), Some(report)) = (candidate, &mut self.machine.report) else { return 409 };
        if self.behavior == LinuxBehavior::FailsApply {
            report.opens.clear();
            report.obstacles.push(Obstacle { of: login(), code: "notProven".to_owned() });
            return 500;
        }
        if self.behavior == LinuxBehavior::ReportsAnother {
            report.attempt += 1;
        }
        let former = std::mem::replace(&mut self.machine.passcode, candidate.passcode);
        self.machine.applied = Some(Applied { candidate: asked, former });
        self.breaks = self.behavior == LinuxBehavior::LosesAnswer;
        200
    }

    fn is_applied(&self, order: &Finish) -> bool {
        let is_it =
            |applied: &Applied| applied.candidate.action == order.action && applied.candidate.attempt == order.attempt;
        self.machine.applied.as_ref().is_some_and(is_it)
    }

    fn retire(&mut self, order: &Finish) -> u16 {
        if self.behavior == LinuxBehavior::LosesRetire {
            self.breaks = true;
            return 500;
        }
        if !self.is_applied(order) {
            return if self.machine.escrowed == Some(order.action) { 200 } else { 409 };
        }
        self.machine.applied = None;
        self.machine.escrowed = Some(order.action);
        200
    }

    fn undo(&mut self, order: &Finish) -> u16 {
        if self.machine.applied.is_some() && !self.is_applied(order) {
            return 409;
        }
        if let Some(applied) = self.machine.applied.take() {
            self.machine.passcode = applied.former;
        }
        200
    }
}

/// The status for an unsupported operation or an unknown node.
fn refuse(uri: &str, access: Access) -> Option<u16> {
    match csp::find(uri) {
        None => Some(404),
        Some(node) if node.access != access => Some(405),
        Some(_) => None,
    }
}

impl Tree for Nodes<'_> {
    fn get(&mut self, uri: &str) -> Result<Option<Secret>, u16> {
        let refused = refuse(uri, Access::Get);
        self.ran.push((Verb::Get, uri.to_owned(), refused.unwrap_or(200)));
        refused.map_or_else(|| Ok(self.read(uri).map(Secret::new)), Err)
    }

    fn exec(&mut self, uri: &str, data: Option<&str>) -> u16 {
        let refused = refuse(uri, Access::Exec);
        let code = refused.unwrap_or_else(|| self.run(uri, data.unwrap_or_default()).unwrap_or(400));
        self.ran.push((Verb::Exec, uri.to_owned(), code));
        code
    }

    fn set(&mut self, verb: Verb, uri: &str, _: Option<&str>) -> u16 {
        let code = if csp::find(uri).is_some() { 405 } else { 404 };
        self.ran.push((verb, uri.to_owned(), code));
        code
    }
}
