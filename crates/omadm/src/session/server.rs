//! The server's end of a session.
//!
//! [`State`] is what must survive between two messages; the caller stores it together with what the
//! message changed. The same request twice gives the same bytes and no second effect
//! ([`State::recall`]); a new session or another message goes on.

use serde::{Deserialize, Serialize};

use crate::digest;
use crate::syncml::{self, AUTH_MD5, Challenge, Command, Element, Header, Item, Message, Status, Verb, alert};

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 16;

/// A nonce of the MD5 scheme.
pub type Nonce = [u8; NONCE_BYTES];

/// How often a session is challenged before it is refused.
const MAX_CHALLENGES: u32 = 2;

/// What is remembered of a device's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The session, as the device spells it; empty before the first.
    pub session: String,
    /// The nonce a credential is expected to use.
    nonce: Nonce,
    /// The nonce handed out for what follows: devices switch at once or with the next session.
    next_nonce: Option<Nonce>,
    /// Challenges in this session.
    challenges: u32,
    /// Whether the device proved itself in this session.
    proved: bool,
    /// The last exchange.
    last: Option<Exchange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exchange {
    message: u32,
    request_sha256: [u8; 32],
    response: String,
}

/// What the device shows beside its message.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// Whether the connection is authenticated by the certificate of this very enrolment.
    pub certificate: bool,
    /// The user name of the MD5 scheme.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
}

/// Whether a message is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is; the header's status may carry the nonce for what follows.
    Admitted(Option<Challenge>),
    /// It must prove itself: status 407 without a credential, 401 with a wrong one.
    Challenged(u16, Challenge),
    /// It failed too often in this session: status 401 without a challenge.
    Refused,
}

impl State {
    /// Before the first session: only the nonce of the provisioning document is known.
    pub fn new(first_nonce: Nonce) -> Self {
        Self { session: String::new(), nonce: first_nonce, next_nonce: None, challenges: 0, proved: false, last: None }
    }

    /// The response to this very request, when it was answered before.
    pub fn recall(&self, header: &Header, request_sha256: &[u8; 32]) -> Option<&str> {
        let last = self.last.as_ref().filter(|_| self.session == header.session)?;
        let same = last.message == header.message && last.request_sha256 == *request_sha256;
        same.then_some(last.response.as_str())
    }

    /// Remembers the answer to a request.
    pub fn remember(&mut self, header: &Header, request_sha256: [u8; 32], response: &str) {
        self.last = Some(Exchange { message: header.message, request_sha256, response: response.to_owned() });
    }

    /// Goes on to the session of that message; says whether it is another one than before. A first
    /// message is a new session even under an old number: devices start again after re-imaging.
    pub fn enter(&mut self, header: &Header) -> bool {
        let is_new = self.session != header.session || header.message == 1;
        if is_new {
            header.session.clone_into(&mut self.session);
            self.challenges = 0;
            self.proved = false;
            self.last = None;
        }
        is_new
    }

    /// Believes the message or not. `fresh` is a random nonce, used when one is handed out.
    ///
    /// Every message must prove itself: a session that was proved once does not vouch for whoever sends
    /// the next message under its number.
    pub fn admit(&mut self, header: &Header, expected: Expected<'_>, fresh: Nonce) -> Admission {
        if expected.certificate {
            return Admission::Admitted(None);
        }
        let claim = header.credential.as_ref().filter(|credential| credential.kind == AUTH_MD5);
        let proves = |nonce: &Nonce| {
            claim.is_some_and(|claim| digest::proves(&claim.data, expected.user, expected.password, nonce))
        };
        if let Some(next) = self.next_nonce.filter(proves) {
            (self.nonce, self.next_nonce) = (next, None);
            return self.admitted(fresh);
        }
        if proves(&self.nonce) {
            return self.admitted(fresh);
        }
        if self.challenges >= MAX_CHALLENGES {
            return Admission::Refused;
        }
        self.challenges += 1;
        self.challenge_with(fresh);
        let code = if header.credential.is_some() { 401 } else { 407 };
        Admission::Challenged(code, Challenge { nonce: fresh.to_vec() })
    }

    /// Expects that nonce from now on. For a device that is not told apart from others yet.
    pub fn challenge_with(&mut self, nonce: Nonce) {
        (self.nonce, self.next_nonce) = (nonce, None);
    }

    /// Once in each session the device gets a new nonce.
    fn admitted(&mut self, fresh: Nonce) -> Admission {
        if self.proved {
            return Admission::Admitted(None);
        }
        self.proved = true;
        self.next_nonce = Some(fresh);
        Admission::Admitted(Some(Challenge { nonce: fresh.to_vec() }))
    }
}

/// Whether the device begins (or begins again) with this message: it holds package 1.
pub fn is_first_package(message: &Message) -> bool {
    message.alerts().any(|alert| [alert::SERVER_INITIATED, alert::CLIENT_INITIATED].contains(&alert.code))
}

/// Whether the device ends the session at once.
pub fn is_abort(message: &Message) -> bool {
    message.alerts().any(|alert| alert.code == alert::SESSION_ABORT)
}

/// Whether the user unenrols the device.
pub fn is_unenrollment(message: &Message) -> bool {
    let asks = |item: &Item| item.kind.as_deref() == Some(alert::UNENROLLMENT);
    message.alerts().any(|alert| alert.code == alert::GENERIC && alert.items.iter().any(asks))
}

/// An answer in the making: statuses first, then commands.
pub struct Reply {
    message: Message,
}

impl Reply {
    /// An answer to that message, with the status of its header. `address` is the server's own URI.
    /// The exchange is strictly alternating, so that the device's message number is also ours.
    pub fn to(request: &Message, address: &str, code: u16, challenge: Option<Challenge>) -> Self {
        let header = Header {
            session: request.header.session.clone(),
            message: request.header.message,
            target: request.header.source.clone(),
            source: address.to_owned(),
            source_name: None,
            credential: None,
        };
        let mut reply = Self { message: Message { header, body: Vec::new(), is_final: true } };
        reply.push_status(request.header.message, 0, "SyncHdr", code, challenge);
        reply
    }

    /// Answers everything in the request that wants a status: alerts and commands with 200, what is not
    /// known with 400. Statuses and results want none.
    pub fn acknowledge(mut self, request: &Message) -> Self {
        let message = request.header.message;
        for element in &request.body {
            match element {
                Element::Status(_) | Element::Results(_) => {}
                Element::Alert(alert) => self.push_status(message, alert.id, "Alert", 200, None),
                // What a device sends on its own is its `DevInfo`.
                Element::Command(command) => {
                    let code = if command.verb == Verb::Replace { 200 } else { 405 };
                    self.push_status(message, command.id, command.verb.name(), code, None);
                }
                Element::Container(container) => {
                    self.push_status(message, container.id, container.kind.name(), 405, None);
                }
                Element::Unknown { id, name } => self.push_status(message, *id, name, 400, None),
            }
        }
        self
    }

    /// Adds commands, one item each; gives the id of the first. The others follow without gaps.
    pub fn command(mut self, commands: Vec<(Verb, Item)>) -> (Self, u32) {
        let first = self.next_id();
        for (id, (verb, item)) in (first..).zip(commands) {
            self.message.body.push(Element::Command(Command { id, verb, items: vec![item] }));
        }
        (self, first)
    }

    /// The number that the answer travels under.
    pub fn number(&self) -> u32 {
        self.message.header.message
    }

    /// The bytes.
    pub fn encode(&self) -> String {
        syncml::encode(&self.message).to_string()
    }

    fn next_id(&self) -> u32 {
        self.message.body.len() as u32 + 1
    }

    fn push_status(&mut self, message: u32, command: u32, name: &str, code: u16, challenge: Option<Challenge>) {
        let status = Status {
            id: self.next_id(),
            message_ref: message,
            command_ref: command,
            command: name.to_owned(),
            target_ref: None,
            challenge,
            code,
        };
        self.message.body.push(Element::Status(status));
    }
}
