//! The model: every order in which a remote action can meet loss, lateness, duplication, crashes, re-enrolment and expiry,
//! within bounds. `docs/reliability.md` lists the promises and the walks.
//!
//! The functions under check are those of production: [`crate::engine`], the policies, [`crate::decisions::ask`],
//! [`crate::decisions::enroll`], [`crate::decisions::standing`] and [`crate::decisions::disclose_passcode`]. Around them are
//! models:
//!
//! | file | the model of |
//! |---|---|
//! | `store` | the store: a clone is a unit of work, keeping it is the commit, dropping it is the crash |
//! | `channel` | the device channel: one message of the device is one unit of work |
//! | `remote_lock` | a Windows device: each order makes another PIN, which can be read once |
//! | `seal_first` | a Linux device: its memory, its journal, its locks |
//! | `server_makes` | a device that takes a secret from the server, and says whether it has it |
//! | `promises` | the promises, as properties of states |
//!
//! Another way of recovering is another file with a [`Device`].

pub(crate) mod channel;
mod promises;
mod remote_lock;
mod seal_first;
mod server_makes;
pub(crate) mod store;
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use jiff::Timestamp;
use stateright::{Model, Property};
use uuid::Uuid;

use self::channel::{Given, Order, Reply, Says, Upload, sealed_in, turn};
use self::store::{DEVICE, Db, REPORTED_ID, TENANT, TOKEN, enrollment_id};
use crate::action::ActionState;
use crate::actions::{named, planted};
use crate::caller::{Caller, HostUser};
use crate::command::{DeviceCommand, Phase};
use crate::decisions::ask::{self, Ask, Begun};
use crate::decisions::disclose_passcode::{self, disclose};
use crate::decisions::enroll::{Applicant, enroll};
use crate::device::{Inventory, Platform};
use crate::engine;
use crate::id::{ActionId, RequestId};
use crate::lock::Unpromoted;
use crate::ports::{Decided, Fault};
use crate::remote_action::RemoteAction;
use crate::steady::Ripeness;

/// A device, as far as a recovery concerns it. Passcodes and other secrets are numbers; the first passcode of the
/// device is 0.
trait Device: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// The platform that it enrols as.
    const PLATFORM: Platform;

    /// A device before its first action.
    fn new() -> Self;
    /// The moods in which the device can take that order, the honest one first.
    fn moods(order: &Order) -> &'static [Mood];
    /// The number of places within that command at which its power can fail.
    fn seams(_: &DeviceCommand) -> u8 {
        1
    }
    /// Carries out one command, and adds to the device's answers. If the power fails at a seam, the rest does not
    /// happen.
    fn run(&mut self, order: &Order, command: &DeviceCommand, how: How, given: &mut Given);
    /// Fails the power: the content of the memory is gone.
    fn lose_power(&mut self) {}
    /// Starts the service, or prepares it for a session.
    fn resume(&mut self) {}
    /// Ends a session.
    fn end_session(&mut self) {}
    /// Tells the device that the server refuses its enrolment.
    fn turned_away(&mut self) {}
    /// The working candidate that the device has not seen promoted.
    fn unpromoted(&self) -> Option<Unpromoted> {
        None
    }
    /// The passcode that opens the device.
    fn passcode(&self) -> u8;
    /// The largest number that the device knows.
    fn largest(&self) -> u8;
    /// Returns true if the secret that opens the device is kept, as its way promises.
    fn is_kept(world: &World<Self>) -> bool;
}

/// The manner in which a device takes an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mood {
    /// The device does what it is told.
    Honest,
    /// The device fails, and is unchanged.
    Fails,
    /// The device has nothing to recover.
    Unable,
    /// The device changes, and says that it failed.
    Contradicts,
    /// The device gives no value.
    Withholds,
    /// The device gives the value in another form than was asked for.
    Mumbles,
    /// The device reports success without proof.
    Unproven,
}

/// The circumstances in which a command is carried out.
#[derive(Clone, Copy, Debug)]
struct How {
    mood: Mood,
    /// A number that no passcode has yet.
    fresh: u8,
    /// The seam at which the power fails.
    cut: Option<u8>,
}

/// The fate of a unit of work and of the answer that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    /// Committed and answered.
    Answered,
    /// The server crashes before the commit.
    Undone,
    /// The server crashes after the commit, before the answer.
    Unanswered,
}

const FATES: [Fate; 3] = [Fate::Answered, Fate::Undone, Fate::Unanswered];

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// A caller asks for the action of that name, or repeats its last request.
    Ask { what: &'static str, again: bool, fate: Fate },
    /// A caller reads the newest passcode.
    Read(Fate),
    /// The device begins a session.
    Come,
    /// The server takes the message that the device waits for; a copy of it can stay on its way.
    Take { fate: Fate, copied: bool },
    /// The server takes a message whose answer no device waits for.
    TakeLate(usize),
    /// The device's message is lost.
    LoseRequest,
    /// The device gives up, and its message arrives later or never.
    Delay,
    /// The server's answer is lost.
    LoseReply,
    /// The device does what the answer says. Its power can fail at a seam of a command.
    Obey { mood: Mood, cut: Option<(usize, u8)> },
    /// The device's power fails.
    PowerFails,
    /// The device starts.
    Start,
    /// The device enrols again.
    Enroll(Fate),
    /// Time passes, and actions expire.
    Expire,
}

/// The server, or one that makes a mistake that the checker must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Server {
    /// The server of production.
    Sound,
    /// A server that answers before it commits.
    AnswersEarly,
    /// A server that gives two of its messages one name.
    RepeatsNames,
}

/// The number of each event, and of all troubles together, that can still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    asks: u8,
    repeats: u8,
    reads: u8,
    losses: u8,
    delays: u8,
    copies: u8,
    crashes: u8,
    outages: u8,
    moods: u8,
    enrollments: u8,
    expiries: u8,
    /// Losses, delays, copies, crashes, outages and moods.
    troubles: u8,
}

/// Facts that no party has, by which promises are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Promised {
    /// Requests that were answered 204, each with its action.
    accepted: BTreeSet<(RequestId, ActionId)>,
    /// Actions whose passcode was shown.
    shown: BTreeSet<ActionId>,
    /// Values whose message the device was acknowledged.
    acknowledged: BTreeSet<u8>,
    /// The action that brought each passcode to its device.
    made: BTreeMap<u8, ActionId>,
    /// The action that ended last.
    ended: Option<ActionId>,
    /// Actions that became done before the device was seen to be so.
    unproven: BTreeSet<ActionId>,
}

/// The whole world: one server, one device, what is on its way between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World<D> {
    /// Everything that is durable on the server; it has nothing else.
    store: Db,
    device: D,
    is_on: bool,
    /// The enrolment that the device has.
    enrollment: u8,
    /// The message that the device waits for.
    request: Option<Upload>,
    /// The answer to it. Its session and number are those of the request.
    reply: Option<(u8, u8, Reply)>,
    /// Messages whose answers no device waits for.
    late: Vec<Upload>,
    /// Spans of action expiry that have passed.
    passed: u8,
    promised: Promised,
    left: Budget,
}

impl<D: Device> World<D> {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + i64::from(self.passed) * 31 * 86_400).expect("a time")
    }

    fn is_idle(&self) -> bool {
        self.is_on && self.request.is_none() && self.reply.is_none()
    }

    fn fresh(&self) -> u8 {
        let kept = self.store.secrets.iter().filter_map(|secret| secret.envelope.as_deref()).map(sealed_in);
        let messages = self.request.iter().chain(&self.late);
        let moving = messages.filter_map(|upload| match &upload.says {
            Says::Answer(_, given) => given.value.as_ref().map(channel::Value::number),
            Says::Hello(_) => None,
        });
        let sent = self.order().and_then(|order| order.secret);
        1 + kept.chain(moving).chain(sent).chain([self.device.largest()]).max().unwrap_or_default()
    }

    /// The commands that are on their way to the device.
    fn order(&self) -> Option<&Order> {
        match &self.reply {
            Some((.., Reply::Order(order))) => Some(order),
            Some((.., Reply::Refused | Reply::Nothing)) | None => None,
        }
    }

    /// Runs a unit of work. Its result reaches the other party only if the fate says so.
    fn write<T, R: std::error::Error + 'static>(
        &mut self,
        fate: Fate,
        server: Server,
        work: impl FnOnce(&mut Db) -> Result<T, Fault<R>>,
    ) -> Option<T> {
        let mut unit = self.store.clone();
        let given = match work(&mut unit) {
            Ok(given) => given,
            Err(Fault::Refused(_)) => return None,
            Err(fault) => panic!("the model lacks something: {fault}"),
        };
        if fate != Fate::Undone {
            let before = std::mem::replace(&mut self.store, unit);
            self.note_ends(&before);
        }
        (fate == Fate::Answered || server == Server::AnswersEarly).then_some(given)
    }

    /// Notes the actions that have ended since, and those among them that are done without proof.
    fn note_ends(&mut self, before: &Db) {
        let was_open = |id| before.actions.iter().any(|action| action.id == id && action.state.is_open());
        let ended = self.store.actions.iter().filter(|action| !action.state.is_open() && was_open(action.id));
        for action in ended {
            self.promised.ended = Some(action.id);
            if action.state == ActionState::Done && !(self.is_so(action) && self.store.was_verified(action)) {
                self.promised.unproven.insert(action.id);
            }
        }
    }

    fn ask(&mut self, what: &str, again: bool, fate: Fate, bounds: &Budget, server: Server) {
        let asked = bounds.asks - self.left.asks;
        let request = RequestId(Uuid::from_u128((asked + bounds.repeats - self.left.repeats).into()));
        let ask = Ask {
            what: named(what).expect("a declared action"),
            caller: caller(),
            device: DEVICE,
            path: String::new(),
            request,
            client_request_id: Some(asked.to_string()),
            retry: again,
            reason: None,
            break_glass: None,
            action: ActionId(Uuid::from_u128(self.store.actions.len() as u128 + 1)),
        };
        let now = self.now();
        let begun = self.write(fate, server, |unit| ask::begin(unit, &ask, now));
        if let Some(Decided::Done(Begun::Opened(id) | Begun::AlreadyOpen(id) | Begun::Repeated(id))) = begun {
            self.promised.accepted.insert((request, id));
        }
    }

    fn read(&mut self, fate: Fate, server: Server) -> Option<()> {
        let action = self.store.actions.iter().rev().find(|action| self.store.shown(action.id).is_some())?.clone();
        let (caller, now) = (caller(), self.now());
        let ask = disclose_passcode::Ask::new(&caller, &action, RequestId(Uuid::nil()));
        if let Some(Decided::Done(_)) = self.write(fate, server, |unit| disclose(unit, &ask, now)) {
            self.promised.shown.insert(action.id);
        }
        Some(())
    }

    fn take(&mut self, fate: Fate, server: Server) -> Option<()> {
        let (now, fresh) = (self.now(), self.fresh());
        let upload = self.request.take()?;
        if let Some(reply) = self.write(fate, server, |unit| turn(unit, &upload, server, fresh, now)) {
            if let (Says::Answer(_, Given { value: Some(value), .. }), false) = (&upload.says, reply == Reply::Refused)
            {
                self.promised.acknowledged.insert(value.number());
            }
            self.reply = Some((upload.session, upload.number, reply));
        }
        Some(())
    }

    fn obey(&mut self, mood: Mood, cut: Option<(usize, u8)>) {
        let fresh = self.fresh();
        let Some((session, number, reply)) = self.reply.take() else { return };
        let order = match reply {
            Reply::Refused => return self.device.turned_away(),
            Reply::Nothing => return self.device.end_session(),
            Reply::Order(order) => order,
        };
        let mut given = Given::default();
        for (index, command) in order.commands.iter().enumerate() {
            let cut = cut.filter(|(at, _)| *at == index).map(|(_, seam)| seam);
            let before = self.device.passcode();
            self.device.run(&order, command, How { mood, fresh, cut }, &mut given);
            if let Some((action, _)) = order.serves.filter(|_| self.device.passcode() != before) {
                self.promised.made.insert(self.device.passcode(), action);
            }
            if cut.is_some() {
                return self.lose_power();
            }
        }
        if cut.is_some() {
            return self.lose_power();
        }
        let says = Says::Answer(order.message, given);
        self.request = Some(Upload { enrollment: self.enrollment, session, number: number + 1, says });
    }

    fn lose_power(&mut self) {
        self.is_on = false;
        (self.request, self.reply) = (None, None);
        self.device.lose_power();
    }

    fn enroll(&mut self, fate: Fate) {
        let number = self.store.enrolled + 1;
        let applicant = Applicant {
            token_sha256: TOKEN,
            reported_id: REPORTED_ID.to_owned(),
            platform: D::PLATFORM,
            inventory: Inventory::default(),
            certificate_sha256: [number; 32],
            certificate_expires: Timestamp::MAX,
            shown_sha256: None,
            enrollment: enrollment_id(number),
            device: DEVICE,
        };
        let now = self.now();
        if self.write(fate, Server::Sound, |unit| enroll(unit, applicant, now)).is_some() {
            self.enrollment = number;
            self.device.lose_power();
            self.device.resume();
        }
    }

    fn expire(&mut self) {
        self.passed += 1;
        let ripeness = Ripeness::at_once(self.now());
        self.write(Fate::Answered, Server::Sound, |unit| engine::expire(unit, &ripeness, 10));
    }

    /// Brings worlds in which the same can happen into one form. This forgets everything that can no longer be named, and numbers
    /// sessions anew.
    fn settle(&mut self) {
        let open = self.store.is_enrolled.then_some(self.store.enrolled);
        self.late.retain(|upload| Some(upload.enrollment) == open);
        self.late.sort_by_cached_key(|upload| format!("{upload:?}"));
        let messages = self.request.iter().chain(&self.late);
        let named = messages.clone().filter_map(|upload| match &upload.says {
            Says::Answer(message, _) => Some(message.clone()),
            Says::Hello(_) => None,
        });
        let ordered = self.order().map(|order| order.message.clone());
        let referenced: BTreeSet<_> = named.chain(ordered).collect();
        let sessions: BTreeSet<u8> =
            messages.map(|upload| upload.session).chain(self.reply.as_ref().map(|(session, ..)| *session)).collect();
        let anew: BTreeMap<u8, u8> = sessions.into_iter().zip(1..).collect();
        let renamed = |session: u8| anew.get(&session).copied().unwrap_or_default();
        self.store.forget(&referenced);
        self.store.session = self.store.session.filter(|(session, _)| anew.contains_key(session));
        if anew.iter().all(|(old, new)| old == new) {
            return;
        }
        let rename = |message: &mut String| {
            if let Some((session, number)) = message.split_once('.') {
                let session = session.parse().map(renamed).unwrap_or_default();
                *message = format!("{session}.{number}");
            }
        };
        for upload in self.request.iter_mut().chain(&mut self.late) {
            upload.session = renamed(upload.session);
            if let Says::Answer(message, _) = &mut upload.says {
                rename(message);
            }
        }
        if let Some((session, _, reply)) = &mut self.reply {
            *session = renamed(*session);
            if let Reply::Order(order) = reply {
                rename(&mut order.message);
            }
        }
        if let Some((session, _)) = &mut self.store.session {
            *session = renamed(*session);
        }
        self.store.rename(&rename);
    }
}

fn caller() -> Caller {
    let caller = Caller::operator(TENANT, &HostUser::new("ana", 1000));
    Caller { permissions: [disclose_passcode::PERMISSION].into_iter().collect(), ..caller }
}

/// A check: a kind of device within bounds.
struct Check<D> {
    /// The actions that callers ask for.
    actions: &'static [&'static RemoteAction],
    bounds: Budget,
    /// The fault that is planted in the policies.
    planted: Option<planted::Fault>,
    server: Server,
    device: PhantomData<fn() -> D>,
}

impl<D: Device> Model for Check<D> {
    type State = World<D>;
    type Action = Step;

    fn init_states(&self) -> Vec<World<D>> {
        vec![World {
            store: Db::new(D::PLATFORM),
            device: D::new(),
            is_on: true,
            enrollment: 1,
            request: None,
            reply: None,
            late: Vec::new(),
            passed: 0,
            promised: Promised::default(),
            left: self.bounds,
        }]
    }

    fn actions(&self, world: &World<D>, steps: &mut Vec<Step>) {
        let left = &world.left;
        let troubled = left.troubles > 0;
        let fates: &[Fate] = if troubled && left.crashes > 0 { &FATES } else { &FATES[..1] };
        let ask = |again| {
            let of = move |what| fates.iter().map(move |fate| Step::Ask { what, again, fate: *fate });
            self.actions.iter().flat_map(move |action| of(action.name))
        };
        if left.asks > 0 {
            steps.extend(ask(false));
        }
        if left.repeats > 0 && left.asks < self.bounds.asks {
            steps.extend(ask(true));
        }
        if left.reads > 0 {
            steps.extend(fates.iter().map(|fate| Step::Read(*fate)));
        }
        if left.expiries > 0 && world.store.actions.iter().any(|action| action.state.is_open()) {
            steps.push(Step::Expire);
        }
        steps.extend((0..world.late.len()).map(Step::TakeLate));
        if !world.is_on {
            steps.push(Step::Start);
            return;
        }
        let waits = world.store.deliveries.iter().any(|it| matches!(it.phase, Phase::Queued | Phase::Sent(_)));
        if world.is_idle() {
            if waits && world.enrollment == world.store.enrolled || world.device.unpromoted().is_some() {
                steps.push(Step::Come);
            }
            if left.enrollments > 0 && world.store.newest().is_some() {
                steps.extend(fates.iter().map(|fate| Step::Enroll(*fate)));
            }
        }
        if world.request.is_some() {
            for fate in fates {
                steps.push(Step::Take { fate: *fate, copied: false });
            }
            if troubled && left.copies > 0 {
                steps.push(Step::Take { fate: Fate::Answered, copied: true });
            }
            if troubled && left.losses > 0 {
                steps.push(Step::LoseRequest);
            }
            if troubled && left.delays > 0 {
                steps.push(Step::Delay);
            }
        }
        if world.reply.is_some() {
            if troubled && left.losses > 0 {
                steps.push(Step::LoseReply);
            }
            let order = world.order();
            let moods = order.map_or(&[Mood::Honest][..], D::moods);
            let moods = if troubled && left.moods > 0 { moods } else { &moods[..1] };
            steps.extend(moods.iter().map(|mood| Step::Obey { mood: *mood, cut: None }));
            if let (Some(order), true) = (order, troubled && left.outages > 0) {
                let seams = order.commands.iter().enumerate();
                let seams = seams.flat_map(|(index, command)| (0..D::seams(command)).map(move |seam| (index, seam)));
                let after = (order.commands.len(), 0);
                steps.extend(seams.chain([after]).map(|cut| Step::Obey { mood: Mood::Honest, cut: Some(cut) }));
            }
        }
        if troubled && left.outages > 0 && world.reply.is_none() {
            steps.push(Step::PowerFails);
        }
    }

    fn next_state(&self, world: &World<D>, step: Step) -> Option<World<D>> {
        planted::plant(self.planted);
        let mut next = world.clone();
        let left = &mut next.left;
        let pays = |left: &mut Budget, fate: Fate| {
            if fate != Fate::Answered {
                (left.crashes, left.troubles) = (left.crashes - 1, left.troubles - 1);
            }
        };
        match step {
            Step::Ask { what, again, fate } => {
                pays(left, fate);
                *if again { &mut left.repeats } else { &mut left.asks } -= 1;
                next.ask(what, again, fate, &self.bounds, self.server);
            }
            Step::Read(fate) => {
                pays(left, fate);
                left.reads -= 1;
                next.read(fate, self.server)?;
            }
            Step::Come => {
                next.device.resume();
                let session = 1 + next.late.iter().map(|upload| upload.session).max().unwrap_or_default();
                let (enrollment, says) = (next.enrollment, Says::Hello(next.device.unpromoted()));
                next.request = Some(Upload { enrollment, session, number: 1, says });
            }
            Step::Take { fate, copied } => {
                pays(left, fate);
                if copied {
                    (left.copies, left.troubles) = (left.copies - 1, left.troubles - 1);
                    next.late.extend(next.request.clone());
                }
                next.take(fate, self.server)?;
            }
            Step::TakeLate(index) => {
                let (server, now, fresh) = (self.server, next.now(), next.fresh());
                let upload = next.late.remove(index);
                next.write(Fate::Answered, Server::Sound, |unit| turn(unit, &upload, server, fresh, now));
            }
            Step::LoseRequest => {
                (left.losses, left.troubles) = (left.losses - 1, left.troubles - 1);
                next.request = None;
            }
            Step::Delay => {
                (left.delays, left.troubles) = (left.delays - 1, left.troubles - 1);
                next.late.extend(next.request.take());
            }
            Step::LoseReply => {
                (left.losses, left.troubles) = (left.losses - 1, left.troubles - 1);
                next.reply = None;
            }
            Step::Obey { mood, cut } => {
                if mood != Mood::Honest {
                    (left.moods, left.troubles) = (left.moods - 1, left.troubles - 1);
                }
                if cut.is_some() {
                    (left.outages, left.troubles) = (left.outages - 1, left.troubles - 1);
                }
                next.obey(mood, cut);
            }
            Step::PowerFails => {
                (left.outages, left.troubles) = (left.outages - 1, left.troubles - 1);
                next.lose_power();
            }
            Step::Start => {
                next.is_on = true;
                next.device.resume();
            }
            Step::Enroll(fate) => {
                pays(left, fate);
                left.enrollments -= 1;
                next.enroll(fate);
            }
            Step::Expire => {
                left.expiries -= 1;
                next.expire();
            }
        }
        next.settle();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all()
    }
}
