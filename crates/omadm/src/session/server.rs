//! The server's end of a session.
//!
//! One message takes three steps. Each step is a type that only the step before it gives, so that a server cannot take
//! them in another order:
//!
//! 1. [`Session::receive`] reads the bytes and checks the proof. It ends here for bytes that are not a message
//!    ([`Step::Unreadable`]), for a stranger ([`Step::Unproven`]) and for the repeat of a request ([`Step::Repeated`]).
//! 2. [`Proven::enter`] takes the message into its session and gives a [`Turn`]: the caller carries out the message, and
//!    may add commands.
//! 3. [`Turn::answer`] gives the answer, and the session to store before the answer leaves.
//!
//! A server that finds the session by the header of the message reads it before: [`Request::read`], then
//! [`Session::receive_request`].
//!
//! The same request twice gives the same bytes and has no second effect. Nothing is remembered of a message without
//! proof: its challenge ([`challenge`]) takes a nonce that the caller derives, and derives again when the device answers.

use std::convert::Infallible;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::large::{Origin, Unfinished, assemble};
use crate::digest::Claim;
use crate::syncml::{
    self, Alert, Challenge, Command, DecodeError, Element, HEADER_REF, Header, Item, Message, Scheme, Status, Verb,
    alert, number,
};
use crate::{Limits, Secret};

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 16;

/// A nonce of the MD5 scheme.
pub type Nonce = [u8; NONCE_BYTES];

/// The number of the last message that is challenged although it came with a wrong credential.
const MAX_CHALLENGES: u32 = 2;

/// The most messages of one session. A client that goes in circles ends here.
pub const MAX_MESSAGES: u32 = 250;

/// Seconds after which a session number can be used again: some devices give every session the same.
const SESSION_SECONDS: u64 = 600;

/// The most challenges that are remembered as answered.
const MAX_SPENT: usize = 64;

/// SyncML status: the message is accepted.
const OK: u16 = 200;

/// SyncML status: the session has had more messages than any needs.
const UNAVAILABLE: u16 = 503;

/// The version of the stored form that this library writes. It reads this one and every earlier one; documents without
/// a version are of version 1. A document of a later version is an error, so that an old server forgets no nonce.
const VERSION: u32 = 1;

fn first_version() -> u32 {
    1
}

/// The facts of a session, as they are stored. Only messages that proved themselves change them. They hold no value of a
/// device in clear.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    #[serde(default = "first_version")]
    version: u32,
    /// The session, as the device spells it; empty before the first.
    session: String,
    /// The nonce a credential is expected to use; `None` if none that the device has counts any more.
    nonce: Option<Nonce>,
    /// The nonce handed out for what follows: devices switch at once or with the next session.
    next_nonce: Option<Nonce>,
    /// True if the device got its new nonce in this session.
    proved: bool,
    /// The beginning of this session, in seconds since 1970.
    #[serde(default)]
    began: i64,
    /// Messages since then.
    #[serde(default)]
    messages: u32,
    /// The longest message that the device takes.
    #[serde(default)]
    max_message: Option<u32>,
    /// Challenges that were answered, each with its time. A challenge is answered once.
    #[serde(default)]
    spent: Vec<(i64, Nonce)>,
    /// The period of the server in which the nonces count: [`Session::within`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Nonce>,
    /// The value that goes on in the next message. The part that came is beside this, sealed.
    #[serde(default)]
    unfinished: Option<Origin>,
    /// The last exchange.
    last: Option<Exchange>,
    /// The part of a value, sealed by the caller: it may be of a passcode. It is here in the stored form alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    /// The last answer, sealed by the caller, if it holds a secret. It is here in the stored form alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exchange {
    #[serde(deserialize_with = "text_or_number")]
    message: String,
    request_sha256: [u8; 32],
    /// Empty if the answer holds a secret.
    response: String,
}

/// Reads an id. Older servers stored numbers.
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

/// A message of a device, read, with the fingerprint by which its repeat is recognised.
#[non_exhaustive]
pub struct Request {
    message: Message,
    sha256: [u8; 32],
}

impl Request {
    /// Reads the bytes of a message.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, DecodeError> {
        Ok(Self { message: syncml::decode(bytes, limits)?, sha256: Sha256::digest(bytes).into() })
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }
}

/// The evidence that a message must agree with to be taken for one of the device.
#[non_exhaustive]
pub enum Evidence {
    /// The connection is authenticated by the certificate of this very enrolment.
    Certificate,
    /// The message must hold a digest.
    Digest {
        /// The user name.
        user: String,
        /// The password.
        password: Secret,
        /// The nonces of challenges that can still be answered.
        challenges: Vec<Nonce>,
    },
}

/// The way in which a message proved itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The certificate of the connection.
    Certificate,
    /// A digest with the nonce that was in use already.
    Nonce,
    /// A digest with the nonce that the device got for the messages that follow.
    NextNonce,
    /// A digest with the nonce of a challenge.
    Challenge(Nonce),
}

/// The reason why stored bytes are not a session. No variant quotes them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The bytes are damaged.
    #[error("the stored session is damaged near byte {0}")]
    Damaged(usize),
    /// A later version of this library wrote the bytes.
    #[error("the stored session has version {0}, which this server does not know")]
    Version(u32),
    /// The session cannot be written.
    #[error("the session cannot be written")]
    Unwritable,
}

/// The facts that outlast a message of a device, and which the caller stores between two messages.
#[non_exhaustive]
pub struct Session {
    state: State,
    /// The value that came in part.
    unfinished: Option<Unfinished>,
    /// The last answer, if it holds a secret; any other is in the state.
    answer: Option<Secret>,
    /// The evidence for the next message. It is not stored.
    evidence: Option<Evidence>,
}

/// The first decision about a message. Exhaustive on purpose: a server must handle every case.
///
/// A message that was read before cannot be unreadable: its step is a `Step<Infallible>`, of which a `match` needs no
/// such arm.
#[expect(clippy::large_enum_variant, reason = "a step is moved once in each turn")]
pub enum Step<E = DecodeError> {
    /// The bytes are not a message within the limits.
    Unreadable(E),
    /// The message proves nothing. See [`challenge`] and [`refuse`] for the answer.
    Unproven(Request),
    /// The device repeats a request, and this was the answer. Nothing changes.
    Repeated(Secret),
    /// The message proves itself and is new.
    Proven(Proven),
}

impl Session {
    /// A device before its first session, with the nonce of its provisioning document.
    pub fn new(first_nonce: Nonce) -> Self {
        Self { state: State::new(first_nonce), unfinished: None, answer: None, evidence: None }
    }

    /// Reads a session that [`Session::store`] wrote, or that an earlier version of this library did. `reveal` opens a
    /// text that `conceal` sealed; a text that does not open is forgotten, and the device says it again.
    pub fn open(stored: &[u8], reveal: impl Fn(&str) -> Option<Secret>) -> Result<Self, SessionError> {
        let mut state: State = serde_json::from_slice(stored).map_err(|error| SessionError::Damaged(error.column()))?;
        if state.version > VERSION {
            return Err(SessionError::Version(state.version));
        }
        state.version = VERSION;
        let (origin, answer) = (state.unfinished.take(), state.answer.take());
        let part = state.part.take().and_then(|sealed| reveal(&sealed));
        let unfinished = origin.zip(part).map(|(origin, data)| Unfinished { origin, data });
        Ok(Self { state, unfinished, answer: answer.and_then(|sealed| reveal(&sealed)), evidence: None })
    }

    /// Binds the nonces to a period of the server, for instance one run of its process. Nonces of an earlier period
    /// prove nothing any more. A device without a certificate answers a challenge first, whose nonce must be of this
    /// period, too. So a server that forgets its newest sessions when it is killed accepts no old message again.
    ///
    /// The nonce of the provisioning document counts in every period, until the first session is stored.
    #[must_use]
    pub fn within(mut self, period: Nonce) -> Self {
        let state = &mut self.state;
        if state.period != Some(period) && !state.session.is_empty() {
            (state.nonce, state.next_nonce, state.spent) = (None, None, Vec::new());
        }
        state.period = Some(period);
        self
    }

    /// Sets the evidence that the next message must agree with. Without it no message proves itself.
    ///
    /// Every message needs its own: the proof of one message does not vouch for the sender of the next.
    #[must_use]
    pub fn expecting(self, evidence: Evidence) -> Self {
        Self { evidence: Some(evidence), ..self }
    }

    /// Writes the session. `conceal` seals each text that may hold a secret, at most two. A text that it does not seal
    /// is not stored.
    pub fn store(self, mut conceal: impl FnMut(&str) -> Option<String>) -> Result<Vec<u8>, SessionError> {
        let Self { mut state, unfinished, answer, .. } = self;
        if let Some(Unfinished { origin, data }) = unfinished {
            state.part = conceal(&data);
            state.unfinished = Some(origin);
        }
        state.answer = answer.and_then(|answer| conceal(&answer));
        serde_json::to_vec(&state).map_err(|_| SessionError::Unwritable)
    }

    /// Reads a message within [`Limits::MESSAGE`] and decides about it. The sender of a message without proof learns
    /// nothing, not even that the message is a repeat.
    pub fn receive(self, bytes: &[u8]) -> Step {
        match Request::read(bytes, Limits::MESSAGE) {
            Ok(request) => self.decide(request),
            Err(error) => Step::Unreadable(error),
        }
    }

    /// Decides about a message that the caller has read, to find this session by its header or with limits of its own.
    pub fn receive_request(self, request: Request) -> Step<Infallible> {
        self.decide(request)
    }

    fn decide<E>(self, request: Request) -> Step<E> {
        let proof = self.evidence.as_ref().and_then(|evidence| self.state.proof(&request.message.header, evidence));
        let Some(proof) = proof else { return Step::Unproven(request) };
        match self.recall(&request) {
            Some(answer) => Step::Repeated(answer.into()),
            None => Step::Proven(Proven { session: self, request, proof }),
        }
    }

    /// The answer to this very request, when it was answered before.
    fn recall(&self, request: &Request) -> Option<&str> {
        let kept = self.state.recall(&request.message.header, &request.sha256)?;
        // An answer that was sealed and does not open is lost: the device begins again.
        if kept.is_empty() { self.answer.as_deref() } else { Some(kept) }
    }
}

/// A message that proved itself and is new.
#[non_exhaustive]
pub struct Proven {
    session: Session,
    request: Request,
    proof: Proof,
}

/// The circumstances of one message.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Moment<'a> {
    /// The server's own URI.
    pub address: &'a str,
    /// A random nonce, given to the device when it gets one.
    pub nonce: Nonce,
    /// Seconds since 1970.
    pub now: i64,
    /// The seconds for which an answered challenge is remembered: as long as it could be answered.
    pub challenge_seconds: u64,
}

impl<'a> Moment<'a> {
    /// The circumstances of a message that arrives now.
    pub fn new(address: &'a str, nonce: Nonce, now: i64, challenge_seconds: u64) -> Self {
        Self { address, nonce, now, challenge_seconds }
    }
}

/// The second decision about a message. Exhaustive on purpose: a server must handle every case.
#[expect(clippy::large_enum_variant, reason = "a turn is moved once")]
pub enum Entered {
    /// The message is part of its session.
    Turn(Turn),
    /// The session had [`MAX_MESSAGES`]. This answer ends it, and nothing changes.
    Exhausted(Secret),
}

impl Proven {
    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Gives the request back to a caller that only looks.
    pub fn into_request(self) -> Request {
        self.request
    }

    /// Takes the message into its session: puts values that came in chunks together, and begins the answer.
    pub fn enter(self, moment: Moment<'_>) -> Entered {
        let Self { session: Session { mut state, unfinished, .. }, request: Request { mut message, sha256 }, proof } =
            self;
        let Ok(admitted) = state.admit(&message, proof, moment) else {
            return Entered::Exhausted(Reply::to(&message, moment.address, UNAVAILABLE, None).encode());
        };
        let values = assemble(unfinished.filter(|_| !admitted.is_new), &mut message);
        let reply = Reply::numbered(&message, admitted.number, moment.address, OK, admitted.challenge)
            .within(state.max_message)
            .acknowledge(&message)
            .values(&message, &values.statuses, values.end_missing);
        let (is_new, unfinished) = (admitted.is_new, values.unfinished);
        Entered::Turn(Turn { state, unfinished, message, sha256, proof, is_new, reply, is_secret: false })
    }
}

/// A message that is part of its session, and the answer in the making.
#[non_exhaustive]
pub struct Turn {
    state: State,
    unfinished: Option<Unfinished>,
    message: Message,
    sha256: [u8; 32],
    proof: Proof,
    is_new: bool,
    reply: Reply,
    is_secret: bool,
}

/// The outcome of commands for an answer. Exhaustive on purpose: a server must handle every case.
pub enum Sent {
    /// They are in it, with the id of the first. The others follow without gaps.
    Now(Turn, u32),
    /// This answer has no room for them. The next one has.
    Next(Turn),
    /// No message that the device takes has room for them.
    Never(Turn),
}

impl Sent {
    /// The turn, for a server whose commands may be left out.
    pub fn into_turn(self) -> Turn {
        let (Self::Now(turn, _) | Self::Next(turn) | Self::Never(turn)) = self;
        turn
    }
}

/// The answer to a message, and the session after it. The caller stores the session before the answer leaves, together
/// with the effects of the message.
#[non_exhaustive]
pub struct Answered {
    /// The bytes of the answer.
    pub text: Secret,
    /// The session after this message.
    pub session: Session,
}

impl Turn {
    /// The message of the device. It holds whole values alone: a value that came in chunks is in its last item.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// True if this message begins a session.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// True if the certificate of the connection proved the message, and not a digest.
    pub fn is_by_certificate(&self) -> bool {
        self.proof == Proof::Certificate
    }

    /// True if the device has said all that it says for now: its package has ended, and no value lacks its end.
    pub fn is_complete(&self) -> bool {
        self.message.is_final && self.unfinished.is_none()
    }

    /// Gives the request back to a caller that only looks; `None` if it has values, whose chunks were put together.
    pub fn into_request(self) -> Option<Request> {
        let Self { message, sha256, .. } = self;
        let has_values = message.results().next().is_some();
        (!has_values).then_some(Request { message, sha256 })
    }

    /// The session, as the device spells it.
    pub fn session(&self) -> &str {
        &self.state.session
    }

    /// The number that the answer travels under.
    pub fn number(&self) -> u32 {
        self.reply.number
    }

    /// Marks the answer as one that holds a secret. [`Session::store`] then seals the copy that answers a repeat.
    pub fn hold_secret(&mut self) {
        self.is_secret = true;
    }

    /// Adds commands, one item each, numbered without gaps from `least` or from the next free number. The caller gave
    /// numbers below `least` in an earlier message that the device cannot tell from this one.
    ///
    /// Nothing is added while the package of the device goes on (OMA-TS-DM_Protocol 1.2, 6.2).
    pub fn command(self, commands: Vec<(Verb, Item)>, least: u32) -> Sent {
        if !self.message.is_final {
            return Sent::Next(self);
        }
        let Self { state, unfinished, message, sha256, proof, is_new, reply, is_secret } = self;
        let with = |reply| Self { state, unfinished, message, sha256, proof, is_new, reply, is_secret };
        match reply.command(commands, least) {
            (reply, Room::Now(first)) => Sent::Now(with(reply), first),
            (reply, Room::Next) => Sent::Next(with(reply)),
            (reply, Room::Never) => Sent::Never(with(reply)),
        }
    }

    /// Ends the turn. A device whose package goes on is asked for its next message.
    pub fn answer(mut self) -> Answered {
        if !self.message.is_final {
            self.reply = self.reply.ask_for_more();
        }
        self.close()
    }

    /// Ends the turn without asking for more, for a session that the device or the server ends.
    pub fn close(self) -> Answered {
        let Self { mut state, unfinished, message, sha256, reply, is_secret, .. } = self;
        let text = reply.encode();
        state.remember(&message.header, sha256, if is_secret { "" } else { &text });
        let answer = is_secret.then(|| text.clone());
        Answered { text, session: Session { state, unfinished, answer, evidence: None } }
    }
}

/// The answer to a message that proves nothing, a function of the message alone: it says nothing about what the server
/// knows. `fresh` is the nonce of the challenge. A device that was challenged often enough gets no more of them.
pub fn challenge(request: &Request, address: &str, fresh: Nonce) -> Secret {
    let header = &request.message.header;
    let (code, last) = match header.credential {
        Some(_) => (401, MAX_CHALLENGES),
        None => (407, MAX_MESSAGES),
    };
    let challenged = number(&header.message).is_none_or(|message| message <= last);
    let challenge = challenged.then(|| Challenge::new(&fresh));
    Reply::to(&request.message, address, code, challenge).refuse(&request.message, code).encode()
}

/// The answer to a sender that the server does not speak with, whatever the message says: the status of its header.
pub fn refuse(request: &Request, address: &str, code: u16) -> Secret {
    Reply::to(&request.message, address, code, None).encode()
}

/// The place of a message in its session.
struct Admitted {
    is_new: bool,
    /// The nonce for the messages that follow, when the device gets one.
    challenge: Option<Challenge>,
    /// The number of the answer.
    number: u32,
}

/// The session has had more messages than any needs.
struct TooManyMessages;

impl State {
    fn new(first_nonce: Nonce) -> Self {
        Self {
            version: VERSION,
            session: String::new(),
            nonce: Some(first_nonce),
            next_nonce: None,
            proved: false,
            began: 0,
            messages: 0,
            max_message: None,
            spent: Vec::new(),
            period: None,
            unfinished: None,
            last: None,
            part: None,
            answer: None,
        }
    }

    fn recall(&self, header: &Header, request_sha256: &[u8; 32]) -> Option<&str> {
        let last = self.last.as_ref().filter(|_| self.session == header.session)?;
        let same = last.message == header.message && last.request_sha256 == *request_sha256;
        same.then_some(last.response.as_str())
    }

    fn remember(&mut self, header: &Header, request_sha256: [u8; 32], response: &str) {
        let (message, response) = (header.message.clone(), response.to_owned());
        self.last = Some(Exchange { message, request_sha256, response });
    }

    /// The proof of the message, if it has one.
    fn proof(&self, header: &Header, evidence: &Evidence) -> Option<Proof> {
        let Evidence::Digest { user, password, challenges } = evidence else { return Some(Proof::Certificate) };
        let credential = header.credential.as_ref().filter(|credential| credential.scheme == Scheme::Md5)?;
        let claim = Claim::new(&credential.data, user, password);
        let unspent = |nonce: &&Nonce| self.spent.iter().all(|(_, spent)| spent != *nonce);
        // Every nonce is compared, so that the time does not depend on the one that fits.
        let mut challenge = None;
        for nonce in challenges.iter().filter(unspent) {
            if claim.is_for(nonce) {
                challenge = Some(*nonce);
            }
        }
        let is_for = |nonce: &Option<Nonce>| nonce.as_ref().is_some_and(|nonce| claim.is_for(nonce));
        let (next, current) = (is_for(&self.next_nonce), is_for(&self.nonce));
        match (next, current) {
            (true, _) => Some(Proof::NextNonce),
            (false, true) => Some(Proof::Nonce),
            (false, false) => challenge.map(Proof::Challenge),
        }
    }

    /// Goes on to a message that has proven itself. A first message is a new session even under an old number: devices
    /// start again after re-imaging, and some give every session the same number.
    fn admit(&mut self, request: &Message, proof: Proof, moment: Moment<'_>) -> Result<Admitted, TooManyMessages> {
        let Moment { nonce: fresh, now, challenge_seconds, .. } = moment;
        let header = &request.header;
        let other_number = self.session != header.session;
        let is_new = other_number || number(&header.message) == Some(1) || request.is_first_package();
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
                    self.nonce = Some(next);
                }
            }
            Proof::Challenge(nonce) => {
                (self.nonce, self.next_nonce) = (Some(nonce), None);
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
            challenge: gets_nonce.then(|| Challenge::new(&fresh)),
            number: answer_number(header, self.messages),
        })
    }
}

/// The number of the answer. Both ends take turns, so that it is the number of the device's message. A message whose id
/// is not a number is answered under the number of messages in the session.
fn answer_number(header: &Header, messages: u32) -> u32 {
    number(&header.message).unwrap_or(messages)
}

/// An answer in the making: statuses first, then commands.
struct Reply {
    /// The text so far.
    text: Secret,
    /// The bytes up to the end of the first element, which is the status of the header.
    head: usize,
    number: u32,
    /// The number of elements.
    elements: usize,
    is_final: bool,
    /// The longest message that the device takes.
    limit: usize,
}

/// The room for commands.
enum Room {
    /// They are in the answer, with the id of the first.
    Now(u32),
    /// They fit beside fewer statuses.
    Next,
    /// They do not fit into any message that the device takes.
    Never,
}

/// The least room that statuses leave for commands: an answer holds the status of the header, and of the alert that
/// asked for it.
const STATUS_BYTES: usize = 160;

impl Reply {
    /// An answer to that message, with the status of its header. `address` is the server's own URI.
    fn to(request: &Message, address: &str, code: u16, challenge: Option<Challenge>) -> Self {
        Self::numbered(request, answer_number(&request.header, 1), address, code, challenge)
    }

    /// An answer under that number.
    fn numbered(request: &Message, number: u32, address: &str, code: u16, challenge: Option<Challenge>) -> Self {
        let header = Header {
            session: request.header.session.clone(),
            message: number.to_string(),
            target: request.header.source.clone(),
            source: address.to_owned(),
            source_name: None,
            credential: None,
            max_message: None,
        };
        // The status of the header is always there.
        let (text, limit) = (syncml::opening(&header), usize::MAX);
        let mut reply = Self { text, head: 0, number, elements: 0, is_final: true, limit };
        reply.push_status(&request.header.message, HEADER_REF, "SyncHdr", code, challenge);
        let limit = request.header.max_message.map_or(usize::MAX, |limit| limit as usize);
        Self { head: reply.text.len(), limit, ..reply }
    }

    /// Keeps to the longest message that the device takes, if an earlier message of the session said it.
    fn within(mut self, bytes: Option<u32>) -> Self {
        if let Some(bytes) = bytes {
            self.limit = bytes as usize;
        }
        self
    }

    /// Answers every element of the request that wants a status: alerts and `Replace` with 200, unknown elements with 400,
    /// other commands with 405. Statuses and results want none.
    fn acknowledge(self, request: &Message) -> Self {
        self.answer_each(request, |element| match element {
            Element::Status(_) | Element::Results(_) => 0,
            Element::Alert(_) => 200,
            // A device sends its `DevInfo` on its own.
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

    /// Answers every element of a request that did not prove itself with that status. Each command has its status, also when the
    /// credentials are missing or wrong (OMA-TS-DM_Security 1.2).
    fn refuse(self, request: &Message, code: u16) -> Self {
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

    /// Adds the statuses of values: see [`super::large`]. `end_missing` adds the alert that says so.
    fn values(mut self, request: &Message, statuses: &[(String, u16)], end_missing: bool) -> Self {
        for (id, code) in statuses {
            self.push_status(&request.header.message, id, "Results", *code, None);
        }
        if end_missing { self.alert(alert::NO_END_OF_DATA) } else { self }
    }

    /// Asks for the next message of a package that has not ended. Nothing else follows, and the package of the server
    /// does not end either (OMA-TS-DM_Protocol 1.2, 6.2).
    fn ask_for_more(mut self) -> Self {
        self.is_final = false;
        self.alert(alert::NEXT_MESSAGE)
    }

    /// Adds commands, one item each: see [`Turn::command`].
    fn command(mut self, commands: Vec<(Verb, Item)>, least: u32) -> (Self, Room) {
        let next = u32::try_from(self.elements + 1).unwrap_or(u32::MAX);
        let (first, count) = (next.max(least), commands.len());
        let mut added = Secret::with_capacity(1024);
        for (id, (verb, item)) in (first..).zip(commands) {
            syncml::append(&mut added, &Element::Command(Command { id: id.to_string(), verb, items: vec![item] }));
        }
        if self.takes(self.text.len() + added.len()) {
            self.text.push_str(&added);
            self.elements += count;
            return (self, Room::Now(first));
        }
        if !self.takes(self.head + STATUS_BYTES + added.len()) {
            return (self, Room::Never);
        }
        self.is_final = false;
        (self, Room::Next)
    }

    /// Returns true if the device takes a message of so many bytes before its end.
    fn takes(&self, bytes: usize) -> bool {
        bytes + syncml::closing(true).len() <= self.limit
    }

    /// The bytes.
    fn encode(mut self) -> Secret {
        self.text.push_str(syncml::closing(self.is_final));
        self.text
    }

    fn alert(mut self, code: u16) -> Self {
        self.push(Element::Alert(Alert::new(code, Vec::new())));
        self
    }

    fn push_status(&mut self, message: &str, command: &str, name: &str, code: u16, challenge: Option<Challenge>) {
        self.push(Element::Status(Status { challenge, ..Status::new(message, command, name, code) }));
    }

    /// Adds an element, if the device takes a message of that length.
    fn push(&mut self, mut element: Element) {
        element.number(self.elements + 1);
        let before = self.text.len();
        syncml::append(&mut self.text, &element);
        match self.takes(self.text.len()) {
            true => self.elements += 1,
            false => self.text.truncate(before),
        }
    }
}
