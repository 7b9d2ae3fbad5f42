//! The ledger: everything that callers and devices were told, and every promise that was seen broken.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// A promise of the product, by its number in ARCHITECTURE.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// P1.
    NeverLost,
    /// P2.
    Durable,
    /// P4.
    SeenMeansRecorded,
    /// P5.
    RecordIsSound,
    /// P5, of the database.
    OlderIsNoticed,
    /// P8.
    Truth,
    /// P9.
    NothingStopsIt,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverLost => "P1 a passcode is never lost",
            Self::Durable => "P2 a 204 is durable",
            Self::SeenMeansRecorded => "P4 seen means recorded",
            Self::RecordIsSound => "P5 the record verifies",
            Self::OlderIsNoticed => "P5 an older or damaged database is noticed",
            Self::Truth => "P8 what is shown is true",
            Self::NothingStopsIt => "P9 nothing stops it and no clock destroys",
        })
    }
}

/// The 5xx answers that a fault excuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Excuse {
    /// None.
    #[default]
    None,
    /// 503 with `Retry-After`: the disk is full.
    Later,
    /// 500 as well: the disk fails.
    Failing,
}

/// The numbers of what was asked and told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Recoveries that callers asked for.
    pub asked: u64,
    /// 204 answers.
    pub answered: u64,
    /// Passcodes shown to callers.
    pub shown: u64,
    /// Passcodes whose message was answered to the device.
    pub acknowledged: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.answered += other.answered;
        self.shown += other.shown;
        self.acknowledged += other.acknowledged;
    }
}

/// The book of one device.
#[derive(Default)]
struct Book {
    /// Every passcode it ever made, in order.
    made: Vec<String>,
    /// The place of the one that was acknowledged to it last.
    acknowledged: Option<usize>,
}

/// A passcode that was shown.
#[derive(Clone)]
struct Shown {
    request: String,
    action: String,
}

#[derive(Default)]
struct Books {
    devices: Vec<Book>,
    /// The `request-id` of each 204.
    answered: Vec<String>,
    shown: Vec<Shown>,
    /// The number of enrolment tokens that operators got on the host.
    minted: usize,
    /// An operator accepted that something may be lost.
    restored: bool,
    tally: Tally,
    broken: Vec<(Promise, String)>,
    excuse: Excuse,
    /// Failures and 5xx answers since the last look.
    refused: u64,
}

/// The ledger of one data directory.
#[derive(Default)]
pub struct Ledger(Mutex<Books>);

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the book of one more device; gives its number.
    pub fn open_book(&self) -> usize {
        let mut books = self.books();
        books.devices.push(Book::default());
        books.devices.len() - 1
    }

    /// The device makes a passcode, which nothing else ever was.
    pub fn make(&self, device: usize) -> String {
        let made = &mut self.books().devices[device].made;
        let passcode = format!("pin-{device}-{:06}", made.len());
        made.push(passcode.clone());
        passcode
    }

    /// The passcode among those that the device made which that text carries.
    pub fn carried(&self, device: usize, text: &str) -> Option<String> {
        let books = self.books();
        // The newest first: it is nearly always that one.
        books.devices[device].made.iter().rev().take(8).find(|passcode| text.contains(passcode.as_str())).cloned()
    }

    /// The message that carried that passcode was answered.
    pub fn acknowledge(&self, device: usize, passcode: &str) {
        let mut books = self.books();
        let book = &mut books.devices[device];
        let place = book.made.iter().rposition(|made| made == passcode);
        if place > book.acknowledged {
            book.acknowledged = place;
            books.tally.acknowledged += 1;
        }
    }

    /// Says whether the escrow must hold what opens the device now: it was acknowledged, or the device sealed it first.
    pub fn is_owed(&self, device: usize, passcode: &str, seals_first: bool) -> bool {
        let books = self.books();
        let book = &books.devices[device];
        let is = |place: usize| book.made.get(place).is_some_and(|made| made == passcode);
        // No caller asked for the first one.
        book.acknowledged.is_some_and(is) || (seals_first && !books.restored && !is(0))
    }

    /// An operator got an enrolment token on the host.
    pub fn mint(&self) {
        self.books().minted += 1;
    }

    /// Nothing older than this may be shown as current from now on.
    pub fn floor(&self, device: usize) -> Option<usize> {
        self.books().devices[device].acknowledged
    }

    /// A caller asks for a recovery.
    pub fn ask(&self) {
        self.books().tally.asked += 1;
    }

    /// The recovery was answered with 204.
    pub fn answer(&self, request: &str) {
        let mut books = self.books();
        books.tally.answered += 1;
        books.answered.push(request.to_owned());
    }

    /// An answer with that status came: 5xx is excused by few faults.
    pub fn status(&self, of: &str, status: u16, retry_after: bool) {
        if status < 500 {
            return;
        }
        let excused = match self.books().excuse {
            Excuse::None => false,
            Excuse::Later => status == 503 && retry_after,
            Excuse::Failing => matches!(status, 500 | 503),
        };
        self.books().refused += 1;
        if !excused {
            let after = if retry_after { "" } else { " without Retry-After" };
            self.broke(Promise::Truth, format!("{of} was answered {status}{after}"));
        }
    }

    /// No answer came.
    pub fn silence(&self) {
        self.books().refused += 1;
    }

    /// The number of answers that were refused or missing since the last look.
    pub fn refused(&self) -> u64 {
        std::mem::take(&mut self.books().refused)
    }

    /// The 5xx answers that are excused from now on.
    pub fn excuse(&self, excuse: Excuse) {
        self.books().excuse = excuse;
    }

    /// A passcode was shown in that answer.
    pub fn show(&self, device: usize, request: &str, entry: &Entry, passcode: &str) {
        let mut books = self.books();
        books.tally.shown += 1;
        let shown = Shown { request: request.to_owned(), action: entry.action.clone() };
        books.shown.push(shown);
        let known = books.devices[device].made.iter().any(|made| made == passcode);
        drop(books);
        if !known {
            self.broke(Promise::Truth, format!("{passcode:?} was shown, and device {device} never had it"));
        }
    }

    /// The newest result was read while devices worked: it must not be older than what was acknowledged before.
    pub fn compare(&self, device: usize, floor: Option<usize>, newest: Option<&Entry>) {
        let Some(entry) = newest.filter(|entry| entry.is_done() && !entry.uncertain) else { return };
        let Some(passcode) = &entry.passcode else { return };
        let place = self.books().devices[device].made.iter().rposition(|made| made == passcode);
        if place < floor {
            self.broke(
                Promise::Truth,
                format!(
                    "{passcode:?} of device {device} was shown as current, and is older than one acknowledged before"
                ),
            );
        }
    }

    /// A promise was seen broken. The same words count once in a round.
    pub fn broke(&self, promise: Promise, what: impl Into<String>) {
        let found = (promise, what.into());
        let mut books = self.books();
        if !books.broken.contains(&found) {
            books.broken.push(found);
        }
    }

    /// The number of promises that were seen broken since the last look.
    pub fn violations(&self) -> usize {
        self.books().broken.len()
    }

    /// Forgives what was seen broken beyond that number: the server has told its operator of the reason.
    pub fn forgive(&self, beyond: usize) {
        self.books().broken.truncate(beyond);
    }

    /// Compares what was told with the record.
    pub fn compare_record(&self, record: &Record) {
        let books = self.books();
        let (answered, shown, minted) = (books.answered.clone(), books.shown.clone(), books.minted);
        drop(books);
        let (mut asked, mut disclosed) = (HashMap::new(), BTreeSet::new());
        for event in &record.events {
            let (Some(request), Some(action)) = (&event.request, &event.action) else { continue };
            match event.activity.as_str() {
                "actionRequested" | "actionRequestedAgain" => drop(asked.insert(request, action)),
                "passcodeDisclosed" => drop(disclosed.insert((request, action))),
                _ => {}
            }
        }
        let unrecorded: Vec<_> = answered.iter().filter(|request| !asked.contains_key(request)).collect();
        let is_gone = |request: &&String| asked.get(request).is_some_and(|action| !record.actions.contains(*action));
        let gone: Vec<_> = answered.iter().filter(is_gone).collect();
        let unseen = shown.iter().filter(|shown| !disclosed.contains(&(&shown.request, &shown.action)));
        let unseen: Vec<_> = unseen.map(|shown| &shown.request).collect();
        for (promise, what, requests) in [
            (Promise::Durable, "answered 204 and are not in the record", unrecorded),
            (Promise::Durable, "answered 204 and their action is gone", gone),
            (Promise::SeenMeansRecorded, "shown a passcode and nothing of it is in the record", unseen),
        ] {
            if let Some(one) = requests.first() {
                self.broke(promise, format!("{} requests were {what}, {one} among them", requests.len()));
            }
        }
        let recorded = record.events.iter().filter(|event| event.activity == "enrollmentTokenCreated").count();
        if recorded < minted {
            let what = format!("{minted} enrolment tokens were made on the host, and {recorded} are in the record");
            self.broke(Promise::Durable, what);
        }
    }

    /// An older copy of the database was accepted: what was told before counts no more.
    pub fn begin_anew(&self) {
        let mut books = self.books();
        books.answered.clear();
        books.shown.clear();
        (books.minted, books.restored) = (0, true);
        for book in &mut books.devices {
            book.acknowledged = None;
        }
    }

    /// Takes what was counted and what was broken since the last look.
    pub fn take(&self) -> (Tally, Vec<(Promise, String)>) {
        let mut books = self.books();
        (std::mem::take(&mut books.tally), std::mem::take(&mut books.broken))
    }
}

/// The record, as an export and the API show it together.
pub struct Record {
    /// Every event.
    pub events: Vec<Event>,
    /// The id of every action that the API knows.
    pub actions: BTreeSet<String>,
}

/// One event of the record, as far as the ledger compares it.
pub struct Event {
    pub activity: String,
    pub request: Option<String>,
    pub action: Option<String>,
    /// The link in the chain.
    pub hash: String,
}

impl Event {
    /// The events of an export, in order.
    pub fn of_export(text: &str) -> Vec<Self> {
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = lines.filter(|line| line["line"] == "event");
        let read = events.map(|line| {
            let body: Value = serde_json::from_str(line["body"].as_str().unwrap_or_default()).unwrap_or_default();
            let text = |name: &str| body[name].as_str().map(str::to_owned);
            Self {
                activity: text("activity").unwrap_or_default(),
                request: text("request"),
                action: text("action"),
                hash: line["hash"].as_str().unwrap_or_default().to_owned(),
            }
        });
        read.collect()
    }
}

/// One of `deviceActionResults`.
#[derive(Clone, Debug)]
pub struct Entry {
    pub action: String,
    pub state: String,
    pub outcome: String,
    pub passcode: Option<String>,
    pub withheld: Option<String>,
    /// The server says that it may not open the device any more.
    pub uncertain: bool,
}

impl Entry {
    /// The results in that answer.
    pub fn of_device(device: &Value) -> Vec<Self> {
        let results = device["deviceActionResults"].as_array().map(Vec::as_slice).unwrap_or_default();
        let entry = |result: &Value| {
            let text = |name: &str| result[name].as_str().map(str::to_owned);
            Self {
                action: text("chaveiro_actionId").unwrap_or_default(),
                state: text("actionState").unwrap_or_default(),
                outcome: text("chaveiro_outcome").unwrap_or_default(),
                passcode: text("passcode"),
                withheld: text("chaveiro_passcodeWithheld"),
                uncertain: !result["chaveiro_beforeRestoreDateTime"].is_null(),
            }
        };
        results.iter().map(entry).collect()
    }

    pub fn is_done(&self) -> bool {
        self.state == "done"
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "active")
    }
}
