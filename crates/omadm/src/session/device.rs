//! The device's end of a session: package 1, answers to commands, credentials.

use crate::Secret;
use crate::digest;
use crate::provisioning::Proof;
use crate::syncml::{
    Alert, Command, Credential, Element, Format, HEADER_REF, Header, Item, Message, Results, Scheme, Status, Verb,
    alert,
};

/// The settings of a server that a device knows from the provisioning document.
#[non_exhaustive]
pub struct Account {
    /// `ADDR`: the address of the server.
    pub address: String,
    /// The device's name for itself.
    pub oma_device_id: String,
    /// `AAUTHNAME` of `APPSRV`.
    pub user: String,
    /// `AAUTHSECRET` of `APPSRV`.
    pub password: Secret,
    /// The nonce to use next. Sessions change it; the caller stores it.
    pub nonce: Vec<u8>,
}

/// SyncML status: the command is not allowed on the node.
const NOT_ALLOWED: u16 = 405;

/// The management tree of a device. New methods will have default bodies.
pub trait Tree {
    /// The value of a node, or the status that refuses it; `None` for a node without a value.
    fn get(&mut self, uri: &str) -> Result<Option<Secret>, u16>;
    /// Runs a node, with the data of its item if it has any. Returns the status: by default, no node can be run.
    fn exec(&mut self, _uri: &str, _data: Option<&str>) -> u16 {
        NOT_ALLOWED
    }
    /// Adds, replaces or deletes a node. Returns the status: by default, no node can be changed.
    fn set(&mut self, _verb: Verb, _uri: &str, _value: Option<&str>) -> u16 {
        NOT_ALLOWED
    }
}

impl Account {
    /// An account at that address for sessions that need no digest.
    pub fn new(address: &str, oma_device_id: &str) -> Self {
        let (address, oma_device_id) = (address.to_owned(), oma_device_id.to_owned());
        Self { address, oma_device_id, user: String::new(), password: Secret::default(), nonce: Vec::new() }
    }

    /// Adds the proof of the provisioning document.
    pub fn proving(mut self, proof: &Proof) -> Self {
        self.user = proof.name.clone().unwrap_or_default();
        self.password = proof.secret.clone();
        self.nonce.clone_from(&proof.nonce);
        self
    }
}

/// An event that the device reports in package 1, beside the beginning of the session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// See [`alert`].
    pub code: u16,
    /// `Meta/Type`.
    pub kind: &'static str,
    /// `Data`.
    pub data: String,
}

impl Event {
    /// An event with that code of [`alert`] and `Meta/Type`.
    pub fn new(code: u16, kind: &'static str, data: String) -> Self {
        Self { code, kind, data }
    }
}

/// The next step of a device in its session. Exhaustive on purpose: a device must handle every step.
#[expect(clippy::large_enum_variant, reason = "a message is moved once in each turn")]
pub enum Next {
    /// Send this message.
    Send(Message),
    /// The session is over.
    End,
    /// The server refuses this device.
    Refused(u16),
}

/// The most challenges that a device answers in one session. A server that sends more is not its own.
const MAX_CHALLENGES: u32 = 3;

/// A session under way.
pub struct Session<'a> {
    account: &'a mut Account,
    number: String,
    message: u32,
    challenged: u32,
    proves: bool,
    first: Vec<(&'static str, String)>,
    events: Vec<Event>,
}

impl<'a> Session<'a> {
    /// A session of that number. With `proves`, the device sends its credential from the first message on;
    /// without, only after a challenge, as Windows does. `information` is `DevInfo`: node and value.
    pub fn new(
        account: &'a mut Account,
        number: &str,
        proves: bool,
        information: Vec<(&'static str, String)>,
        events: Vec<Event>,
    ) -> Self {
        Self { account, number: number.to_owned(), message: 0, challenged: 0, proves, first: information, events }
    }

    /// Package 1 (OMA-TS-DM_Protocol 1.2, 8.3).
    pub fn begin(&mut self) -> Message {
        let mut body = vec![Element::Alert(Alert::new(alert::CLIENT_INITIATED, Vec::new()))];
        for event in &self.events {
            let item = Item::default().typed(event.kind).holding(event.data.as_str());
            body.push(Element::Alert(Alert::new(event.code, vec![item])));
        }
        let items = self.first.iter().map(|(node, value)| Item::of(node).holding(value.as_str()));
        body.push(Element::Command(Command::new(Verb::Replace, items.collect())));
        self.message(body)
    }

    /// Takes the message of the server, runs its commands, and returns the next step.
    pub fn receive(&mut self, request: &Message, tree: &mut dyn Tree) -> Next {
        let header = request.header_status();
        if let Some(challenge) = header.and_then(|status| status.challenge.as_ref()) {
            self.account.nonce.clone_from(&challenge.nonce);
        }
        match header.map(|status| (status.code, status.challenge.is_some())) {
            Some((401 | 407, true)) if self.challenged < MAX_CHALLENGES => {
                self.challenged += 1;
                self.proves = true;
                return Next::Send(self.begin());
            }
            Some((code @ 400.., _)) => return Next::Refused(code),
            Some(_) | None => {}
        }
        let mut answers = Answers { message: request.header.message.clone(), body: Vec::new() };
        answers.status(HEADER_REF, "SyncHdr", 200);
        let mut commands = 0;
        for element in &request.body {
            match element {
                Element::Status(_) | Element::Results(_) | Element::Alert(_) | Element::Unknown { .. } => {}
                Element::Command(command) => {
                    commands += 1;
                    answers.run(command, tree);
                }
                Element::Container(container) => {
                    commands += 1;
                    answers.status(&container.id, container.kind.name(), 200);
                    for command in &container.commands {
                        answers.run(command, tree);
                    }
                }
            }
        }
        match commands {
            0 => Next::End,
            _ => Next::Send(self.message(answers.body)),
        }
    }

    /// A message with the next number, its elements numbered in order.
    fn message(&mut self, mut body: Vec<Element>) -> Message {
        self.message += 1;
        for (id, element) in (1..).zip(&mut body) {
            element.number(id);
        }
        let account = &self.account;
        let digest = || digest::credential(&account.user, &account.password, &account.nonce);
        let header = Header {
            source_name: self.proves.then(|| account.user.clone()),
            credential: self.proves.then(|| Credential::new(Scheme::Md5, digest())),
            ..Header::new(&self.number, &self.message.to_string(), &account.address, &account.oma_device_id)
        };
        Message::new(header, body)
    }
}

struct Answers {
    message: String,
    body: Vec<Element>,
}

impl Answers {
    fn status(&mut self, command: &str, name: &str, code: u16) {
        self.body.push(Element::Status(Status::new(&self.message, command, name, code)));
    }

    fn run(&mut self, command: &Command, tree: &mut dyn Tree) {
        for item in &command.items {
            let uri = item.target.as_deref().unwrap_or_default();
            match command.verb {
                Verb::Get => match tree.get(uri) {
                    Ok(value) => {
                        self.status(&command.id, "Get", 200);
                        self.results(&command.id, uri, value);
                    }
                    Err(code) => self.status(&command.id, "Get", code),
                },
                Verb::Exec => {
                    let code = tree.exec(uri, item.data.as_ref().map(|data| data.as_str()));
                    self.status(&command.id, "Exec", code);
                }
                Verb::Add | Verb::Replace | Verb::Delete => {
                    let code = tree.set(command.verb, uri, item.data.as_ref().map(|data| data.as_str()));
                    self.status(&command.id, command.verb.name(), code);
                }
            }
        }
    }

    fn results(&mut self, command: &str, uri: &str, value: Option<Secret>) {
        let format = value.is_none().then_some(Format::Null);
        let item = Item { format, ..Item::of(uri).holding(value.unwrap_or_default()) };
        self.body.push(Element::Results(Results::new(&self.message, command, vec![item])));
    }
}
