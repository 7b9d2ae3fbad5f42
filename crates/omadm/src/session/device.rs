//! The device's end of a session: package 1, answers to commands, credentials.

use zeroize::Zeroizing;

use crate::digest;
use crate::syncml::{
    AUTH_MD5, Alert, Command, Credential, Element, HEADER_REF, Header, Item, Message, Results, Status, Verb, alert,
};

/// What a device knows of its server, from the provisioning document.
pub struct Account {
    /// `ADDR`.
    pub address: String,
    /// The device's name for itself.
    pub oma_device_id: String,
    /// `AAUTHNAME` of `APPSRV`.
    pub user: String,
    /// `AAUTHSECRET` of `APPSRV`.
    pub password: Zeroizing<String>,
    /// The nonce to use next.
    pub nonce: Vec<u8>,
}

/// The nodes of a device.
pub trait Tree {
    /// The value of a node, or the status that says why not; `None` is a node without a value.
    fn get(&mut self, uri: &str) -> Result<Option<Zeroizing<String>>, u16>;
    /// Runs a node, with the data of its item when there is any.
    fn exec(&mut self, uri: &str, data: Option<&str>) -> u16;
    /// Makes or changes a node.
    fn set(&mut self, verb: Verb, uri: &str, value: Option<&str>) -> u16;
}

/// An event that the device reports in package 1, beside the beginning of the session.
#[derive(Clone, Debug)]
pub struct Event {
    /// See [`alert`].
    pub code: u16,
    /// `Meta/Type`.
    pub kind: &'static str,
    /// `Data`.
    pub data: String,
}

/// What comes next.
#[expect(clippy::large_enum_variant, reason = "a message is moved once in each turn")]
pub enum Next {
    /// Send this message.
    Send(Message),
    /// The session is over.
    End,
    /// The server refuses this device.
    Refused(u16),
}

/// How often a device answers a challenge in one session: a server that never believes it is not its server.
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
        let mut body = vec![Element::Alert(Alert { id: String::new(), code: alert::CLIENT_INITIATED, items: vec![] })];
        for event in &self.events {
            let item = Item { kind: Some(event.kind.to_owned()), ..Item::default() }.holding(&event.data);
            body.push(Element::Alert(Alert { id: String::new(), code: event.code, items: vec![item] }));
        }
        let items = self.first.iter().map(|(node, value)| Item {
            source: Some((*node).to_owned()),
            data: Some(Zeroizing::new(value.clone())),
            ..Item::default()
        });
        body.push(Element::Command(Command { id: String::new(), verb: Verb::Replace, items: items.collect() }));
        self.message(body)
    }

    /// Takes the server's message, runs its commands, and says what to do.
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
        let credential = self.proves.then(|| Credential {
            kind: AUTH_MD5.to_owned(),
            data: digest::credential(&account.user, &account.password, &account.nonce),
        });
        let header = Header {
            session: self.number.clone(),
            message: self.message.to_string(),
            target: account.address.clone(),
            source: account.oma_device_id.clone(),
            source_name: self.proves.then(|| account.user.clone()),
            credential,
            max_message: None,
        };
        Message { header, body, is_final: true }
    }
}

struct Answers {
    message: String,
    body: Vec<Element>,
}

impl Answers {
    fn status(&mut self, command: &str, name: &str, code: u16) {
        self.body.push(Element::Status(Status {
            id: String::new(),
            message_ref: self.message.clone(),
            command_ref: command.to_owned(),
            command: name.to_owned(),
            target_ref: None,
            challenge: None,
            code,
        }));
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

    fn results(&mut self, command: &str, uri: &str, value: Option<Zeroizing<String>>) {
        let format = value.is_none().then(|| "null".to_owned());
        let data = Some(value.unwrap_or_default());
        let item = Item { source: Some(uri.to_owned()), format, data, ..Item::default() };
        self.body.push(Element::Results(Results {
            id: String::new(),
            message_ref: self.message.clone(),
            command_ref: command.to_owned(),
            node_ref: None,
            items: vec![item],
        }));
    }
}
