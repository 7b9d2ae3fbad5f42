//! A Windows device: its nodes, its PIN, its sessions.

use std::collections::{BTreeMap, VecDeque};

#[cfg(feature = "test-actions")]
use base64::{Engine, engine::general_purpose::STANDARD};
#[cfg(feature = "test-actions")]
use chaveiro_core::digest::sha256_hex;
use omadm::session::device::{Event, Next, Session, Tree};
use omadm::syncml::{self, Alert, CONTENT_TYPE, DecodeError, Element, Format, HEADER_REF, Item, Message, Verb, alert};
use omadm::{Limits, Secret};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::behavior::Behavior;
use crate::enroll::Account;
use crate::hardware::Hardware;
use crate::transport::{Request, Transport, TransportError};

const LOCK_AND_RECOVER_PIN: &str = "./Device/Vendor/MSFT/RemoteLock/LockAndRecoverPIN";
const NEW_PIN_VALUE: &str = "./Device/Vendor/MSFT/RemoteLock/NewPINValue";
/// Runs a node with that text, and returns the status.
type Run = fn(&mut Nodes<'_>, &str) -> u16;

/// The nodes that run something.
const RUNS: &[(&str, Run)] = &[
    (LOCK_AND_RECOVER_PIN, |nodes, _| nodes.make_pin()),
    #[cfg(feature = "test-actions")]
    ("./Device/Vendor/Chaveiro/Test/Ping", |nodes, _| nodes.done()),
    #[cfg(feature = "test-actions")]
    ("./Device/Vendor/Chaveiro/Test/SetUnlockToken", |nodes, token| {
        nodes.set.insert(UNLOCK_TOKEN.to_owned(), token.to_owned());
        nodes.done()
    }),
    #[cfg(feature = "test-actions")]
    ("./Device/Vendor/Chaveiro/Test/VerifyUnlockToken", |nodes, hash| {
        let token = nodes.set.get(UNLOCK_TOKEN).and_then(|token| STANDARD.decode(token).ok());
        if token.is_some_and(|token| sha256_hex(&token) == hash) { nodes.done() } else { 409 }
    }),
    #[cfg(feature = "test-actions")]
    ("./Device/Vendor/Chaveiro/Test/ClearUnlockToken", |nodes, token| {
        if nodes.set.get(UNLOCK_TOKEN).is_none_or(|known| known != token) {
            return 403;
        }
        nodes.set.remove(UNLOCK_TOKEN);
        nodes.done()
    }),
    #[cfg(feature = "test-actions")]
    ("./Device/Vendor/Chaveiro/Test/HasNoUnlockToken", |nodes, _| {
        if nodes.set.contains_key(UNLOCK_TOKEN) { 409 } else { nodes.done() }
    }),
];

/// The token that unlocks the device, in base64. It is read like any node that was set.
#[cfg(feature = "test-actions")]
const UNLOCK_TOKEN: &str = "./Device/Vendor/Chaveiro/Test/UnlockToken";

const PASSPORT: &str = "./Device/Vendor/MSFT/PassportForWork/";

/// The most messages of one session: a server that never ends one is wrong.
pub(crate) const MAX_MESSAGES: usize = 50;

/// The method by which a device proves itself in sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The certificate of its connection alone.
    Certificate,
    /// An MD5 digest, after the challenge.
    Digest,
}

/// The reason why a session ended early.
#[derive(Debug, Error)]
pub enum SyncError {
    /// The server sent no response.
    #[error("the server was not reached: {0}")]
    Transport(#[from] TransportError),
    /// The HTTP status differs from 200.
    #[error("the server answered with HTTP {0}")]
    Status(u16),
    /// The answer is not a message.
    #[error("the server's answer is not readable: {0}")]
    Decode(#[from] DecodeError),
    /// The server refuses the device.
    #[error("the server refuses this device with status {0}")]
    Refused(u16),
    /// The session does not end.
    #[error("the session did not end after {MAX_MESSAGES} messages")]
    Endless,
}

/// The events of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// The number of messages sent.
    pub messages: usize,
    /// The verb and node of each command that was run, with its status.
    pub commands: Vec<(Verb, String, u16)>,
}

/// The RemoteLock CSP: the PIN changes on Exec, and `NewPINValue` gives it once.
struct RemoteLock {
    pin: Zeroizing<String>,
    unread: Option<Zeroizing<String>>,
    make: Box<dyn FnMut() -> String + Send>,
}

/// A Windows device.
pub struct WindowsDevice {
    /// The hardware of the device.
    pub hardware: Hardware,
    /// The enrolment of the device.
    pub account: Account,
    /// The behaviour in the next sessions.
    pub behavior: Behavior,
    /// The method by which it proves itself.
    pub proof: Proof,
    lock: RemoteLock,
    /// The nodes that the server set.
    nodes: BTreeMap<String, String>,
    sessions: u32,
}

impl WindowsDevice {
    /// Returns an enrolled device. `make_pin` makes its future PINs.
    pub fn new(hardware: Hardware, account: Account, mut make_pin: Box<dyn FnMut() -> String + Send>) -> Self {
        let pin = Zeroizing::new(make_pin());
        let lock = RemoteLock { pin, unread: None, make: make_pin };
        let (behavior, proof) = (Behavior::Honest, Proof::Digest);
        Self { hardware, account, behavior, proof, lock, nodes: BTreeMap::new(), sessions: 0 }
    }

    /// The PIN that unlocks the device now.
    pub fn pin(&self) -> &str {
        &self.lock.pin
    }

    /// The value of a node that the server set.
    pub fn node(&self, uri: &str) -> Option<&str> {
        self.nodes.get(uri).map(String::as_str)
    }

    /// Returns whether `EnablePinRecovery` was set.
    pub fn pin_recovery_enabled(&self) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.any(|(uri, value)| uri.starts_with(PASSPORT) && uri.ends_with("/EnablePinRecovery") && value == "true")
    }

    /// Runs one whole management session.
    pub async fn sync(&mut self, transport: &impl Transport) -> Result<SyncReport, SyncError> {
        self.session(
            transport,
            vec![Event::new(alert::CLIENT_EVENT, "com.microsoft/MDM/LoginStatus", "user".to_owned())],
        )
        .await
    }

    /// Runs the session in which the user disconnects the work account.
    pub async fn unenroll(&mut self, transport: &impl Transport) -> Result<SyncReport, SyncError> {
        self.session(transport, vec![Event::new(alert::GENERIC, alert::UNENROLLMENT, "1".to_owned())]).await
    }

    async fn session(&mut self, transport: &impl Transport, events: Vec<Event>) -> Result<SyncReport, SyncError> {
        self.sessions += 1;
        let number = self.sessions.to_string();
        let hardware = &self.hardware;
        let information = [
            ("./DevInfo/DevId", hardware.oma_device_id.clone()),
            ("./DevInfo/Man", hardware.manufacturer.clone()),
            ("./DevInfo/Mod", hardware.model.clone()),
            ("./DevInfo/DmV", "1.3".to_owned()),
            ("./DevInfo/Lang", hardware.language.clone()),
        ];
        let url = format!("{}?mode=Maintenance&Platform=WoA", self.account.management.address);
        let mut report = SyncReport::default();
        let mut nodes = Nodes {
            hardware,
            lock: &mut self.lock,
            set: &mut self.nodes,
            behavior: self.behavior,
            ran: &mut report.commands,
        };
        let mut session = Session::new(&mut self.account.management, &number, false, information.to_vec(), events);
        let mut message = session.begin();
        let mut following = VecDeque::new();
        let mut distorted = false;
        for sent in 1..=MAX_MESSAGES {
            report.messages = sent;
            let recovers = nodes.ran.iter().any(|(verb, uri, _)| *verb == Verb::Exec || uri == NEW_PIN_VALUE);
            if recovers && !distorted {
                distorted = true;
                following = distort(&mut message, self.behavior);
            }
            if recovers && self.behavior == Behavior::LosesAnswer {
                return Err(TransportError::Failed("the connection broke".to_owned()).into());
            }
            let answer = exchange(transport, &url, &message).await?;
            match session.receive(&answer, &mut nodes) {
                Next::Send(next) => message = next,
                Next::Refused(code) => return Err(SyncError::Refused(code)),
                Next::End => match following.pop_front() {
                    Some(mut next) => {
                        next.header.message = (number_of(&message) + 1).to_string();
                        message = next;
                    }
                    None => return Ok(report),
                },
            }
        }
        Err(SyncError::Endless)
    }
}

/// Changes an outgoing answer as the behaviour demands. Returns the messages that follow it.
fn distort(message: &mut Message, behavior: Behavior) -> VecDeque<Message> {
    let mut following = VecDeque::new();
    match behavior {
        Behavior::DropsResults => message.body.retain(|element| !matches!(element, Element::Results(_))),
        Behavior::DropsStatuses => {
            message
                .body
                .retain(|element| !matches!(element, Element::Status(status) if status.command_ref != HEADER_REF));
        }
        Behavior::Aborts => {
            message
                .body
                .retain(|element| matches!(element, Element::Status(status) if status.command_ref == HEADER_REF));
            let mut abort = Element::Alert(Alert::new(alert::SESSION_ABORT, Vec::new()));
            abort.number(2);
            message.body.push(abort);
        }
        Behavior::WrongMessageRef => shift(message, |message_ref, _| *message_ref = later(message_ref)),
        Behavior::WrongCommandRef => shift(message, |_, command_ref| *command_ref = later(command_ref)),
        Behavior::RepeatsResults => following.extend(copy(message)),
        Behavior::Chunks | Behavior::LosesLastChunk | Behavior::WrongSize => following = chunks(message, behavior),
        Behavior::ForeignNode => change_items(message, |item| item.source = Some("./DevDetail/SwV".to_owned())),
        Behavior::NamelessNode => change_items(message, |item| item.source = None),
        Behavior::WrongFormat => change_items(message, |item| item.format = Some(Format::Binary)),
        Behavior::FailsReading => {
            for element in &mut message.body {
                if let Element::Status(status) = element
                    && status.command == "Get"
                {
                    status.code = 500;
                }
            }
        }
        Behavior::UuidIds => {
            for (index, element) in message.body.iter_mut().enumerate() {
                let id = format!("9c6e1f7a-3b5d-4c1e-8f2a-{index:012}");
                match element {
                    Element::Status(status) => status.id = id,
                    Element::Results(results) => results.id = id,
                    _ => {}
                }
            }
        }
        Behavior::SplitsPackage | Behavior::LateResults => {
            if let Some(mut rest) = copy(message) {
                rest.body.retain(|element| matches!(element, Element::Results(_)));
                message.body.retain(|element| !matches!(element, Element::Results(_)));
                message.is_final = behavior == Behavior::LateResults;
                following.push_back(rest);
            }
        }
        Behavior::Honest
        | Behavior::NotSupported
        | Behavior::Fails
        | Behavior::WithholdsValue
        | Behavior::Contradicts
        | Behavior::Accepts
        | Behavior::LosesAnswer => {}
    }
    following
}

/// Copies a message by encoding and reading it.
fn copy(message: &Message) -> Option<Message> {
    syncml::decode(syncml::encode(message).as_bytes(), Limits::MESSAGE).ok()
}

fn change_items(message: &mut Message, change: impl Fn(&mut Item)) {
    for element in &mut message.body {
        if let Element::Results(results) = element {
            results.items.iter_mut().for_each(&change);
        }
    }
}

/// Leaves the first chunk of the value in the message. Returns one message for each other chunk.
fn chunks(message: &mut Message, behavior: Behavior) -> VecDeque<Message> {
    let results = message.results().find(|results| results.items.iter().any(|item| item.value().is_some()));
    let value = results.and_then(|results| results.items.first()?.value().cloned()).unwrap_or_default();
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = value.as_str();
    while !rest.is_empty() {
        let (part, after) = rest.split_at_checked(2).unwrap_or((rest, ""));
        parts.push(part);
        rest = after;
    }
    let size = value.len() as u64 - u64::from(behavior == Behavior::WrongSize);
    let last = parts.len().saturating_sub(1);
    let mut messages = VecDeque::new();
    for (index, part) in parts.iter().enumerate() {
        let Some(mut next) = copy(message) else { break };
        if index > 0 {
            next.body.retain(|element| matches!(element, Element::Results(_)));
        }
        change_items(&mut next, |item| {
            item.size = (index == 0).then_some(size);
            item.data = Some((*part).into());
            item.more_data = index < last;
        });
        next.is_final = index == last;
        messages.push_back(next);
    }
    if let Some(first) = messages.pop_front() {
        *message = first;
    }
    if behavior == Behavior::LosesLastChunk {
        messages.clear();
        message.is_final = true;
    }
    messages
}

fn number_of(message: &Message) -> u32 {
    syncml::number(&message.header.message).unwrap_or_default()
}

fn later(id: &str) -> String {
    (syncml::number(id).unwrap_or_default() + 40).to_string()
}

fn shift(message: &mut Message, change: impl Fn(&mut String, &mut String)) {
    for element in &mut message.body {
        match element {
            Element::Status(status) if status.command_ref != HEADER_REF => {
                change(&mut status.message_ref, &mut status.command_ref);
            }
            Element::Results(results) => change(&mut results.message_ref, &mut results.command_ref),
            _ => {}
        }
    }
}

pub(crate) async fn exchange(transport: &impl Transport, url: &str, message: &Message) -> Result<Message, SyncError> {
    let body = syncml::encode(message).as_bytes().to_vec();
    let request = Request { method: "POST", url: url.to_owned(), content_type: Some(CONTENT_TYPE), body };
    let response = transport.send(request).await?;
    match response.status {
        200 => Ok(syncml::decode(&response.body, Limits::MESSAGE)?),
        status => Err(SyncError::Status(status)),
    }
}

/// The management tree of one session.
struct Nodes<'a> {
    hardware: &'a Hardware,
    lock: &'a mut RemoteLock,
    set: &'a mut BTreeMap<String, String>,
    behavior: Behavior,
    ran: &'a mut Vec<(Verb, String, u16)>,
}

impl Nodes<'_> {
    fn read(&mut self, uri: &str) -> Result<Option<Secret>, u16> {
        match uri {
            NEW_PIN_VALUE => match self.behavior {
                Behavior::NotSupported => Err(404),
                Behavior::WithholdsValue | Behavior::Fails => Ok(None),
                _ => Ok(self.lock.unread.take().map(|pin| pin.as_str().into())),
            },
            uri => match (self.hardware.text(uri), self.set.get(uri)) {
                (Some(text), _) => Ok(Some(Secret::new(text))),
                (None, Some(set)) => Ok(Some(set.as_str().into())),
                (None, None) => Err(404),
            },
        }
    }

    fn run(&mut self, uri: &str, data: &str) -> u16 {
        match (RUNS.iter().find(|(node, _)| *node == uri), self.behavior) {
            (None, _) => 405,
            (Some(_), Behavior::NotSupported) => 406,
            (Some(_), Behavior::Fails) => 500,
            (Some(_), Behavior::Aborts) => 200,
            (Some((_, run)), _) => run(self, data),
        }
    }

    fn make_pin(&mut self) -> u16 {
        let pin = Zeroizing::new((self.lock.make)());
        self.lock.pin = pin.clone();
        self.lock.unread = Some(pin);
        self.done()
    }

    /// The status of the operation.
    fn done(&self) -> u16 {
        match self.behavior {
            Behavior::Contradicts => 500,
            Behavior::Accepts => 202,
            _ => 200,
        }
    }
}

impl Tree for Nodes<'_> {
    fn get(&mut self, uri: &str) -> Result<Option<Secret>, u16> {
        let result = self.read(uri);
        let code = result.as_ref().map_or_else(|code| *code, |_| 200);
        self.ran.push((Verb::Get, uri.to_owned(), code));
        result
    }

    fn exec(&mut self, uri: &str, data: Option<&str>) -> u16 {
        let code = self.run(uri, data.unwrap_or_default());
        self.ran.push((Verb::Exec, uri.to_owned(), code));
        code
    }

    fn set(&mut self, verb: Verb, uri: &str, value: Option<&str>) -> u16 {
        let code = match verb {
            _ if !uri.starts_with(PASSPORT) => 404,
            Verb::Add if self.set.contains_key(uri) => 418,
            Verb::Delete => {
                self.set.remove(uri);
                200
            }
            _ => {
                self.set.insert(uri.to_owned(), value.unwrap_or_default().to_owned());
                200
            }
        };
        self.ran.push((verb, uri.to_owned(), code));
        code
    }
}
