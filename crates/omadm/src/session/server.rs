//! The server's end of a session.
//!
//! [`State`] is what must survive between two messages of a device that has proven itself; the caller stores it
//! together with what the message changed. The same request twice gives the same bytes and no second effect
//! ([`State::recall`]); a new session or another message goes on.
//!
//! Of a message without proof nothing is remembered. Its challenge is a function of the message and the time
//! ([`unproven`]); the caller derives the same nonces again when the device answers.

use serde::{Deserialize, Deserializer, Serialize};

use super::large::Origin;
use crate::digest::Claim;
use crate::syncml::{
    self, Alert, Challenge, Command, Element, HEADER_REF, Header, Item, Message, Scheme, Status, Verb, alert, number,
};

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 16;

/// A nonce of the MD5 scheme.
pub type Nonce = [u8; NONCE_BYTES];

/// The number of the last message that is challenged although it came with a wrong credential.
const MAX_CHALLENGES: u32 = 2;

/// The most messages of one session: none needs so many, and a client that goes in circles ends here.
pub const MAX_MESSAGES: u32 = 250;

/// Seconds after which a session number is free to be used anew: some devices give every session the same.
const SESSION_SECONDS: u64 = 600;

/// The most challenges that are remembered as answered.
const MAX_SPENT: usize = 64;

/// What is remembered of a device's session. Only messages that proved themselves change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The session, as the device spells it; empty before the first.
    pub session: String,
    /// The nonce a credential is expected to use.
    nonce: Nonce,
    /// The nonce handed out for what follows: devices switch at once or with the next session.
    next_nonce: Option<Nonce>,
    /// True if the device got its new nonce in this session.
    proved: bool,
    /// When this session began, in seconds since 1970.
    #[serde(default)]
    began: i64,
    /// Messages since then.
    #[serde(default)]
    messages: u32,
    /// The longest message that the device takes.
    #[serde(default)]
    max_message: Option<u32>,
    /// Challenges that were answered, and when: none is answered twice.
    #[serde(default)]
    spent: Vec<(i64, Nonce)>,
    /// The value that goes on in the next message. The caller keeps what came of it, beside this and sealed.
    #[serde(default)]
    pub unfinished: Option<Origin>,
    /// The last exchange.
    last: Option<Exchange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exchange {
    #[serde(deserialize_with = "text_or_number")]
    message: String,
    request_sha256: [u8; 32],
    response: String,
}

/// Sessions of before ids were texts are stored with numbers.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Number(u32),
        Text(String),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Number(number) => number.to_string(),
        Stored::Text(text) => text,
    })
}

/// What the device must know to prove itself by the MD5 scheme.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The user name.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
}

/// How a message proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The connection is authenticated by the certificate of this very enrolment.
    Certificate,
    /// By the nonce that was in use already.
    Nonce,
    /// By the nonce that the device got for what follows.
    NextNonce,
    /// By the nonce of a challenge.
    Challenge(Nonce),
}

/// A message that was taken into its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// True if it begins a session.
    pub is_new: bool,
    /// The nonce for what follows, when the device gets one.
    pub challenge: Option<Challenge>,
    /// The number of the answer.
    pub number: u32,
}

/// The session has had more messages than any needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyMessages;

/// The answer to a message without proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// The status: 407 without a credential, 401 with a wrong one.
    pub code: u16,
    /// The challenge; none when the device was challenged often enough.
    pub challenge: Option<Challenge>,
}

/// Decides about a message without proof, by nothing but the message itself: the answer says nothing of what is known.
pub fn unproven(header: &Header, fresh: Nonce) -> Unproven {
    let (code, last) = match header.credential {
        Some(_) => (401, MAX_CHALLENGES),
        None => (407, MAX_MESSAGES),
    };
    let challenged = number(&header.message).is_none_or(|message| message <= last);
    Unproven { code, challenge: challenged.then(|| Challenge { nonce: fresh.to_vec() }) }
}

impl State {
    /// Before the first session: only the nonce of the provisioning document is known.
    pub fn new(first_nonce: Nonce) -> Self {
        Self {
            session: String::new(),
            nonce: first_nonce,
            next_nonce: None,
            proved: false,
            began: 0,
            messages: 0,
            max_message: None,
            spent: Vec::new(),
            unfinished: None,
            last: None,
        }
    }

    /// The response to this very request, when it was answered before. Ask after the proof: what was answered to a
    /// device is for nobody else.
    pub fn recall(&self, header: &Header, request_sha256: &[u8; 32]) -> Option<&str> {
        let last = self.last.as_ref().filter(|_| self.session == header.session)?;
        let same = last.message == header.message && last.request_sha256 == *request_sha256;
        same.then_some(last.response.as_str())
    }

    /// Remembers the answer to a request.
    pub fn remember(&mut self, header: &Header, request_sha256: [u8; 32], response: &str) {
        let (message, response) = (header.message.clone(), response.to_owned());
        self.last = Some(Exchange { message, request_sha256, response });
    }

    /// Says by which nonce the message proves itself. `challenges` are the nonces of challenges that can still be
    /// answered.
    ///
    /// Every message must prove itself: a session that was proved once does not vouch for the sender of the next message
    /// under its number.
    pub fn proof(&self, header: &Header, expected: Expected<'_>, challenges: &[Nonce]) -> Option<Proof> {
        let credential = header.credential.as_ref().filter(|credential| credential.scheme == Scheme::Md5)?;
        let claim = Claim::new(&credential.data, expected.user, expected.password);
        let unspent = |nonce: &&Nonce| self.spent.iter().all(|(_, spent)| spent != *nonce);
        // All are compared, whichever it is: the time it takes tells nothing.
        let mut challenge = None;
        for nonce in challenges.iter().filter(unspent) {
            if claim.is_for(nonce) {
                challenge = Some(*nonce);
            }
        }
        let next = self.next_nonce.as_ref().is_some_and(|nonce| claim.is_for(nonce));
        let current = claim.is_for(&self.nonce);
        match (next, current) {
            (true, _) => Some(Proof::NextNonce),
            (false, true) => Some(Proof::Nonce),
            (false, false) => challenge.map(Proof::Challenge),
        }
    }

    /// Goes on to a message that has proven itself. A first message is a new session even under an old number: devices
    /// start again after re-imaging, and some give every session the same number. `fresh` is a random nonce, used when
    /// one is handed out; `now` is in seconds since 1970, and a challenge is remembered as answered for
    /// `challenge_seconds`.
    pub fn admit(
        &mut self,
        request: &Message,
        proof: Proof,
        fresh: Nonce,
        now: i64,
        challenge_seconds: u64,
    ) -> Result<Admitted, TooManyMessages> {
        let header = &request.header;
        let other_number = self.session != header.session;
        let is_new = other_number || number(&header.message) == Some(1) || is_first_package(request);
        if other_number || (is_new && now.abs_diff(self.began) > SESSION_SECONDS) {
            (self.began, self.messages) = (now, 0);
        }
        if self.messages >= MAX_MESSAGES {
            return Err(TooManyMessages);
        }
        if is_new {
            header.session.clone_into(&mut self.session);
            (self.proved, self.last, self.max_message, self.unfinished) = (false, None, None, None);
        }
        self.messages += 1;
        self.max_message = header.max_message.or(self.max_message);
        match proof {
            Proof::Certificate | Proof::Nonce => {}
            Proof::NextNonce => {
                if let Some(next) = self.next_nonce.take() {
                    self.nonce = next;
                }
            }
            Proof::Challenge(nonce) => {
                (self.nonce, self.next_nonce) = (nonce, None);
                self.spent.retain(|(at, _)| now.abs_diff(*at) <= challenge_seconds);
                self.spent.push((now, nonce));
                if self.spent.len() > MAX_SPENT {
                    self.spent.remove(0);
                }
            }
        }
        // Once in each session the device gets a new nonce.
        let gets_nonce = proof != Proof::Certificate && !self.proved;
        if gets_nonce {
            (self.proved, self.next_nonce) = (true, Some(fresh));
        }
        Ok(Admitted {
            is_new,
            challenge: gets_nonce.then(|| Challenge { nonce: fresh.to_vec() }),
            number: answer_number(header, self.messages),
        })
    }

    /// The longest message that the device takes, in bytes.
    pub fn max_message(&self) -> Option<u32> {
        self.max_message
    }
}

/// The exchange is strictly alternating, so that the device's message number is also ours. A message whose id is no
/// number is answered under the number of messages in the session.
fn answer_number(header: &Header, messages: u32) -> u32 {
    number(&header.message).unwrap_or(messages)
}

/// Says whether the device begins (or begins again) with this message: it holds package 1.
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
    number: u32,
    /// The bytes of the message without its elements, and of its elements.
    bytes: usize,
    /// The longest message that the device takes.
    limit: usize,
}

/// What became of commands that were to go out with an answer.
pub enum Sent {
    /// They are in it; the id of the first. The others follow without gaps.
    Now(Reply, u32),
    /// There is no room for them beside the statuses: the device is asked for its next message.
    Next(Reply),
    /// No message that the device takes has room for them.
    Never(Reply),
}

/// The least room that statuses leave for commands: an answer holds the status of the header, and of the alert that
/// asked for it.
const STATUS_BYTES: usize = 160;

impl Reply {
    /// An answer to that message, with the status of its header. `address` is the server's own URI.
    pub fn to(request: &Message, address: &str, code: u16, challenge: Option<Challenge>) -> Self {
        Self::numbered(request, answer_number(&request.header, 1), address, code, challenge)
    }

    /// The same, under that number.
    pub fn numbered(request: &Message, number: u32, address: &str, code: u16, challenge: Option<Challenge>) -> Self {
        let header = Header {
            session: request.header.session.clone(),
            message: number.to_string(),
            target: request.header.source.clone(),
            source: address.to_owned(),
            source_name: None,
            credential: None,
            max_message: None,
        };
        let message = Message { header, body: Vec::new(), is_final: true };
        let bytes = syncml::encode(&message).len();
        let limit = request.header.max_message.map_or(usize::MAX, |limit| limit as usize);
        let mut reply = Self { message, number, bytes, limit };
        reply.push_status(&request.header.message, HEADER_REF, "SyncHdr", code, challenge);
        reply
    }

    /// Keeps to the longest message that the device takes, where an earlier message of the session said it.
    pub fn within(mut self, bytes: Option<u32>) -> Self {
        if let Some(bytes) = bytes {
            self.limit = bytes as usize;
        }
        self
    }

    /// Answers everything in the request that wants a status: alerts and commands with 200, what is not known with 400,
    /// what the server does not do with 405. Statuses and results want none.
    pub fn acknowledge(self, request: &Message) -> Self {
        self.answer_each(request, |element| match element {
            Element::Status(_) | Element::Results(_) => 0,
            Element::Alert(_) => 200,
            // What a device sends on its own is its `DevInfo`.
            Element::Command(command) => {
                if command.verb == Verb::Replace {
                    200
                } else {
                    405
                }
            }
            Element::Container(_) => 405,
            Element::Unknown { .. } => 400,
        })
    }

    /// Answers everything in a request that did not prove itself with that status (OMA-TS-DM_Security 1.2: each command
    /// has its status, also when the credentials are missing or wrong).
    pub fn refuse(self, request: &Message, code: u16) -> Self {
        self.answer_each(request, |_| code)
    }

    fn answer_each(mut self, request: &Message, code: impl Fn(&Element) -> u16) -> Self {
        let message = request.header.message.clone();
        for element in &request.body {
            let (id, name) = match element {
                Element::Status(_) | Element::Results(_) => continue,
                Element::Alert(alert) => (&alert.id, "Alert"),
                Element::Command(command) => (&command.id, command.verb.name()),
                Element::Container(container) => (&container.id, container.kind.name()),
                Element::Unknown { id, name } => (id, name.as_str()),
            };
            self.push_status(&message, id, name, code(element), None);
        }
        self
    }

    /// Adds the statuses of values: see [`super::large`]. With `end_missing`, the device is told so.
    pub fn values(mut self, request: &Message, statuses: &[(String, u16)], end_missing: bool) -> Self {
        for (id, code) in statuses {
            self.push_status(&request.header.message, id, "Results", *code, None);
        }
        if end_missing { self.alert(alert::NO_END_OF_DATA) } else { self }
    }

    /// Asks for the next message of a package that has not ended. Nothing else follows, and the package of the server
    /// does not end either (OMA-TS-DM_Protocol 1.2, 6.2).
    pub fn ask_for_more(mut self) -> Self {
        self.message.is_final = false;
        self.alert(alert::NEXT_MESSAGE)
    }

    /// Adds commands, one item each, numbered without gaps from `least` or from the next free number. Numbers below `least`
    /// were given in an earlier message that the device cannot tell from this one.
    pub fn command(mut self, commands: Vec<(Verb, Item)>, least: u32) -> Sent {
        let next = u32::try_from(self.message.body.len() + 1).unwrap_or(u32::MAX);
        let first = next.max(least);
        let commands: Vec<_> = (first..)
            .zip(commands)
            .map(|(id, (verb, item))| Element::Command(Command { id: id.to_string(), verb, items: vec![item] }))
            .collect();
        let bytes: usize = commands.iter().map(syncml::encoded_bytes).sum();
        if self.bytes + bytes <= self.limit {
            self.message.body.extend(commands);
            self.bytes += bytes;
            return Sent::Now(self, first);
        }
        let header = self.message.body.first().map_or(0, syncml::encoded_bytes);
        let statuses: usize = self.message.body.iter().map(syncml::encoded_bytes).sum();
        let least = self.bytes - statuses + header + STATUS_BYTES;
        if least + bytes > self.limit {
            return Sent::Never(self);
        }
        self.message.is_final = false;
        Sent::Next(self)
    }

    /// The number that the answer travels under.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The bytes.
    pub fn encode(&self) -> String {
        syncml::encode(&self.message).to_string()
    }

    fn alert(mut self, code: u16) -> Self {
        self.push(Element::Alert(Alert { id: String::new(), code, items: Vec::new() }));
        self
    }

    fn push_status(&mut self, message: &str, command: &str, name: &str, code: u16, challenge: Option<Challenge>) {
        self.push(Element::Status(Status {
            id: String::new(),
            message_ref: message.to_owned(),
            command_ref: command.to_owned(),
            command: name.to_owned(),
            target_ref: None,
            challenge,
            code,
        }));
    }

    /// Adds an element, unless the device would not take so long a message; the status of the header always is there.
    fn push(&mut self, mut element: Element) {
        element.number(self.message.body.len() + 1);
        let bytes = syncml::encoded_bytes(&element);
        if self.message.body.is_empty() || self.bytes + bytes <= self.limit {
            self.message.body.push(element);
            self.bytes += bytes;
        }
    }
}
