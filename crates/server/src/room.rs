//! Room for connections: the number that a listener holds, and the order in which they give way when it is full.
//!
//! | a connection | gives way |
//! |---|---|
//! | that has proven nothing, without a request under way | first: the one that is quiet the longest, of the address with the most such connections |
//! | that has proven nothing, with a request under way | next, by the same rule |
//! | that has shown a certificate or a valid token, or of a trusted proxy, without a request under way | last: the one that is quiet the longest |
//! | the same, with a request under way | never |
//!
//! A newcomer is refused only when every connection is of the last kind. So a client that speaks at once gets through
//! while others hold connections for nothing, and a fleet behind one address is not cut off.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chaveiro_auth::TrustedProxies;
use chaveiro_core::ports::Peer;
use strum::VariantArray;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The numbers of connections that a listener holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// The connections in all.
    pub(crate) all: usize,
    /// The unauthenticated connections from one address; 0 for any number.
    pub(crate) by_address: usize,
}

/// The time limits of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The limit for the head of a request, and from the handshake to the first request.
    pub head: Duration,
    /// The limit without a request.
    pub idle: Duration,
}

/// The longest time that a client may take to receive an answer.
const SEND_TIMEOUT: Duration = Duration::from_secs(120);

/// The reason why a connection was not served to its end. The names are labels of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub(crate) enum Refused {
    /// It gave way to another from its own address, which had used its share.
    Address,
    /// It gave way because the listener was full.
    Full,
    /// It was not accepted: every other connection has proven itself and has a request under way.
    Busy,
    /// It was not accepted: the system has no descriptor or memory for it.
    System,
    /// The handshake, the head of a request, or the receipt of an answer took too long.
    Slow,
}

impl Refused {
    /// Every reason.
    pub(crate) const ALL: &'static [Self] = Self::VARIANTS;

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Full => "full",
            Self::Busy => "busy",
            Self::System => "system",
            Self::Slow => "slow",
        }
    }
}

/// The room of one listener.
pub(crate) struct Room {
    /// The listener, as logs and metrics name it.
    pub(crate) listener: &'static str,
    capacity: Capacity,
    proxies: TrustedProxies,
    seats: Mutex<Seats>,
    refused: [AtomicU64; Refused::ALL.len()],
}

impl Room {
    pub(crate) fn new(listener: &'static str, capacity: Capacity, proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self { listener, capacity, proxies, seats: Mutex::default(), refused: Default::default() })
    }

    pub(crate) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The number of connections held now, and the number of unauthenticated ones among them.
    pub(crate) fn held(&self) -> (usize, usize) {
        let seats = self.seats();
        (seats.taken.len(), seats.strangers.values().map(BTreeSet::len).sum())
    }

    /// The number of times that each reason applied since the start, in the order of [`Refused::ALL`].
    pub(crate) fn refused(&self) -> [(Refused, u64); Refused::ALL.len()] {
        std::array::from_fn(|at| (Refused::ALL[at], self.refused[at].load(Ordering::Relaxed)))
    }

    pub(crate) fn count(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Gives a new connection a seat; `None` if no other connection gives way to it.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Arc<Guest>> {
        let proven = self.proxies.has(peer.to_canonical());
        let entered = self.seats().enter(share_of(peer), proven, self.capacity);
        let Some(Entered { id, evicted, gave_way }) = entered else {
            self.count(Refused::Busy);
            return None;
        };
        for why in gave_way.into_iter().flatten() {
            self.count(why);
        }
        let activity = Mutex::new(Activity::at(Instant::now()));
        Some(Arc::new(Guest { room: Arc::clone(self), id, evicted, activity, changed: Notify::new() }))
    }

    /// Makes one connection give way, if one may, because the system has no resources for another.
    pub(crate) fn make_room(&self) {
        self.count(Refused::System);
        self.seats().evict();
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The unit that shares one allowance: an IPv4 address, or an IPv6 network of 64 bits, the smallest that a provider
/// assigns to a customer.
fn share_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

/// A place in the order of giving way: whether a request is under way, since when, and the connection.
type Place = (bool, u64, u64);

struct Seat {
    address: IpAddr,
    place: Place,
    proven: bool,
    evicted: CancellationToken,
}

/// The connections of a listener, in the order in which they give way.
#[derive(Default)]
struct Seats {
    /// A counter of events, whose order is all the time that is needed here.
    events: u64,
    taken: HashMap<u64, Seat>,
    /// The unauthenticated connections, by address.
    strangers: HashMap<IpAddr, BTreeSet<Place>>,
    /// The addresses of strangers. The last one has the most connections; among equals, the one that is quiet the
    /// longest.
    crowds: BTreeSet<(usize, Reverse<Place>, IpAddr)>,
    /// The authenticated connections without a request under way.
    quiet: BTreeSet<Place>,
}

struct Entered {
    id: u64,
    evicted: CancellationToken,
    /// The reasons why others gave way.
    gave_way: [Option<Refused>; 2],
}

impl Seats {
    fn enter(&mut self, address: IpAddr, proven: bool, capacity: Capacity) -> Option<Entered> {
        let counts = capacity.by_address > 0 && !proven;
        let crowd = self.strangers.get(&address).filter(|crowd| counts && crowd.len() >= capacity.by_address);
        let by_address = crowd.and_then(|crowd| crowd.first().copied());
        if let Some((.., id)) = by_address {
            self.leave(id);
        }
        let is_full = self.taken.len() >= capacity.all;
        if is_full && !self.evict() {
            return None;
        }
        let id = self.next();
        let evicted = CancellationToken::new();
        self.put(id, Seat { address, place: (false, id, id), proven, evicted: evicted.clone() });
        let gave_way = [by_address.map(|_| Refused::Address), is_full.then_some(Refused::Full)];
        Some(Entered { id, evicted, gave_way })
    }

    /// Makes the first in the order give way. Returns whether there was one.
    fn evict(&mut self) -> bool {
        let crowd = self.crowds.last().and_then(|(.., address)| self.strangers.get(address)?.first());
        let Some((.., id)) = crowd.or_else(|| self.quiet.first()).copied() else { return false };
        self.leave(id);
        true
    }

    /// Notes that the connection now has a request under way, or no longer has one.
    fn change(&mut self, id: u64, busy: bool) {
        let since = self.next();
        if let Some(mut seat) = self.take(id) {
            seat.place = (busy, since, id);
            self.put(id, seat);
        }
    }

    fn prove(&mut self, id: u64) {
        if let Some(mut seat) = self.take(id) {
            seat.proven = true;
            self.put(id, seat);
        }
    }

    /// Removes a connection, if it has not ended.
    fn leave(&mut self, id: u64) {
        if let Some(seat) = self.take(id) {
            seat.evicted.cancel();
        }
    }

    fn put(&mut self, id: u64, seat: Seat) {
        match (seat.proven, seat.place) {
            (true, (true, ..)) => {}
            (true, quiet) => _ = self.quiet.insert(quiet),
            (false, place) => self.in_crowd(seat.address, |crowd| _ = crowd.insert(place)),
        }
        self.taken.insert(id, seat);
    }

    fn take(&mut self, id: u64) -> Option<Seat> {
        let seat = self.taken.remove(&id)?;
        self.quiet.remove(&seat.place);
        if !seat.proven {
            self.in_crowd(seat.address, |crowd| _ = crowd.remove(&seat.place));
        }
        Some(seat)
    }

    /// Changes the strangers of an address, and keeps the order of addresses.
    fn in_crowd(&mut self, address: IpAddr, change: impl FnOnce(&mut BTreeSet<Place>)) {
        let rank = |crowd: &BTreeSet<Place>| Some((crowd.len(), Reverse(*crowd.first()?), address));
        let crowd = self.strangers.entry(address).or_default();
        if let Some(before) = rank(crowd) {
            self.crowds.remove(&before);
        }
        change(crowd);
        match rank(crowd) {
            Some(after) => _ = self.crowds.insert(after),
            None => _ = self.strangers.remove(&address),
        }
    }

    fn next(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

/// A connection in a room, which it leaves when dropped.
pub(crate) struct Guest {
    room: Arc<Room>,
    id: u64,
    evicted: CancellationToken,
    /// The activity; locked before the seats of the room if both are needed.
    activity: Mutex<Activity>,
    /// Signals that the next deadline may be earlier than before.
    changed: Notify,
}

/// The activity of a connection.
struct Activity {
    /// The requests whose answer has not begun.
    handled: usize,
    /// The answers that are being sent.
    sent: usize,
    /// The time at which the last of these began or ended.
    since: Instant,
    /// The arrival of the first byte of a request whose head is not complete.
    head: Option<Instant>,
    /// Set once it has made a request.
    served: bool,
    proven: bool,
}

impl Activity {
    fn at(since: Instant) -> Self {
        Self { handled: 0, sent: 0, since, head: None, served: false, proven: false }
    }

    fn is_quiet(&self) -> bool {
        self.handled == 0 && self.sent == 0
    }

    /// The time at which the connection takes too long, and whether slowness would be the reason. `None` while a
    /// handler works, because handlers have their own limits.
    fn deadline(&self, times: &Times) -> Option<(Instant, bool)> {
        if self.handled > 0 {
            return None;
        }
        if self.sent > 0 {
            return Some((self.since + SEND_TIMEOUT, true));
        }
        let idle = match self.served {
            true => (self.since + times.idle, false),
            false => (self.since + times.head, true),
        };
        let head = self.head.map(|began| (began + times.head, true));
        Some(head.map_or(idle, |head| head.min(idle)))
    }
}

impl Guest {
    /// Resolves when the connection has to give way to another.
    pub(crate) async fn gives_way(&self) {
        self.evicted.cancelled().await;
    }

    /// Notes that the handshake is over.
    pub(crate) fn seated(&self) {
        self.activity().since = Instant::now();
    }

    /// Notes that bytes of HTTP/1 arrived.
    pub(crate) fn bytes(&self) {
        let mut activity = self.activity();
        if activity.is_quiet() && activity.head.is_none() {
            activity.head = Some(Instant::now());
            drop(activity);
            self.changed.notify_one();
        }
    }

    /// Notes that a request arrived.
    pub(crate) fn visit(self: &Arc<Self>) -> Visit {
        let mut activity = self.activity();
        if activity.is_quiet() {
            self.room.seats().change(self.id, true);
        }
        activity.handled += 1;
        (activity.head, activity.served) = (None, true);
        drop(activity);
        Visit { guest: Arc::clone(self), answered: false }
    }

    /// Resolves when the connection has taken too long: `true` if it was slow, `false` if it made no request.
    pub(crate) async fn overdue(&self, times: &Times) -> bool {
        loop {
            let deadline = self.activity().deadline(times);
            let now = Instant::now();
            match deadline {
                Some((at, slow)) if at <= now => {
                    if slow {
                        self.slow();
                    }
                    return slow;
                }
                _ => {}
            }
            let next = deadline.map_or(now + times.idle, |(at, _)| at);
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Counts that the connection took too long.
    pub(crate) fn slow(&self) {
        self.room.count(Refused::Slow);
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer for Guest {
    fn has_proven_itself(&self) {
        let before = std::mem::replace(&mut self.activity().proven, true);
        if !before {
            self.room.seats().prove(self.id);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.room.seats().leave(self.id);
    }
}

/// A request under way, until its answer was received.
pub(crate) struct Visit {
    guest: Arc<Guest>,
    answered: bool,
}

impl Visit {
    /// Notes that the handler has answered and the answer is being sent.
    pub(crate) fn answered(&mut self) {
        let mut activity = self.guest.activity();
        activity.handled -= 1;
        activity.sent += 1;
        activity.since = Instant::now();
        self.answered = true;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut activity = self.guest.activity();
        match self.answered {
            true => activity.sent -= 1,
            false => activity.handled -= 1,
        }
        activity.since = Instant::now();
        if activity.is_quiet() {
            self.guest.room.seats().change(self.guest.id, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: &str = "192.0.2.1";
    const FAR: &str = "198.51.100.7";

    fn room(all: usize, by_address: usize) -> Arc<Room> {
        Room::new("graph", Capacity { all, by_address }, TrustedProxies::parse("203.0.113.9").expect("an address"))
    }

    fn enter(room: &Arc<Room>, address: &str) -> Option<Arc<Guest>> {
        room.enter(address.parse().expect("an address"))
    }

    fn stays(guests: &[Arc<Guest>]) -> Vec<bool> {
        guests.iter().map(|guest| !guest.evicted.is_cancelled()).collect()
    }

    fn fill(room: &Arc<Room>, addresses: &[&str]) -> Vec<Arc<Guest>> {
        addresses.iter().map(|address| enter(room, address).expect("a seat")).collect()
    }

    #[test]
    fn an_address_with_its_share_gives_up_its_own_oldest_connection_and_no_other() {
        let room = room(10, 2);
        let guests = fill(&room, &[FAR, NEAR, NEAR, NEAR]);
        assert_eq!(stays(&guests), [true, false, true, true]);
        assert_eq!(room.refused()[Refused::Address as usize], (Refused::Address, 1));
        assert_eq!(room.held(), (3, 3));
    }

    #[test]
    fn what_has_proven_itself_does_not_count_for_its_address() {
        let room = room(10, 1);
        let guests = fill(&room, &[NEAR]);
        guests[0].has_proven_itself();
        let more = fill(&room, &[NEAR]);
        assert_eq!((stays(&guests), stays(&more)), (vec![true], vec![true]));
        assert_eq!(room.held(), (2, 1));
    }

    #[test]
    fn a_trusted_proxy_is_not_counted() {
        let room = room(10, 1);
        let guests = fill(&room, &["203.0.113.9"; 3]);
        assert_eq!(stays(&guests), [true; 3]);
    }

    #[test]
    fn a_full_room_takes_from_the_address_with_the_most_strangers() {
        let room = room(4, 0);
        let guests = fill(&room, &[FAR, NEAR, NEAR, NEAR, FAR]);
        assert_eq!(stays(&guests), [true, false, true, true, true]);
        assert_eq!(room.refused()[Refused::Full as usize], (Refused::Full, 1));
    }

    #[test]
    fn among_many_addresses_with_one_connection_each_the_quietest_gives_way_whatever_its_address() {
        let room = room(3, 0);
        for addresses in [["192.0.2.1", "192.0.2.2", "192.0.2.3"], ["192.0.2.3", "192.0.2.2", "192.0.2.1"]] {
            let guests = fill(&room, &addresses);
            let newcomer = fill(&room, &[FAR]);
            assert_eq!((stays(&guests), stays(&newcomer)), (vec![false, true, true], vec![true]), "{addresses:?}");
        }
    }

    #[test]
    fn a_busy_connection_outlasts_a_quiet_one() {
        let room = room(3, 0);
        let guests = fill(&room, &[NEAR; 3]);
        let visit = guests[0].visit();
        let _newcomer = fill(&room, &[FAR]);
        assert_eq!(stays(&guests), [true, false, true]);
        drop(visit);
        // The first one fell quiet later than the third.
        let _newcomer = fill(&room, &[FAR]);
        assert_eq!(stays(&guests), [true, false, false]);
    }

    #[test]
    fn the_proven_give_way_last_and_never_while_they_have_a_request() {
        let room = room(2, 0);
        let guests = fill(&room, &[NEAR, NEAR]);
        for guest in &guests {
            guest.has_proven_itself();
        }
        let held = guests[0].visit();
        let other = enter(&room, FAR).expect("a quiet one gave way");
        assert_eq!(stays(&guests), [true, false]);
        other.has_proven_itself();
        let also_held = other.visit();
        assert!(enter(&room, FAR).is_none());
        assert_eq!(room.refused()[Refused::Busy as usize], (Refused::Busy, 1));
        drop((held, also_held));
        assert!(enter(&room, FAR).is_some());
    }

    #[test]
    fn a_seat_is_free_again_when_its_connection_ends() {
        let room = room(1, 0);
        for _ in 0..3 {
            let guest = enter(&room, NEAR).expect("a seat");
            assert_eq!(room.held(), (1, 1));
            drop(guest);
        }
        assert_eq!(room.held(), (0, 0));
        let seats = room.seats();
        assert!(seats.taken.is_empty() && seats.strangers.is_empty() && seats.crowds.is_empty());
        assert!(seats.quiet.is_empty());
    }

    #[test]
    fn an_ipv6_network_of_64_bits_has_one_share_and_a_mapped_address_is_ipv4() {
        for (one, other, same) in [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
        ] {
            let [one, other] = [one, other].map(|address| share_of(address.parse().expect("an address")));
            assert_eq!(one == other, same, "{one} {other}");
        }
    }

    #[test]
    fn each_stage_of_a_connection_has_its_time() {
        let times = Times { head: Duration::from_secs(10), idle: Duration::from_secs(100) };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let new = || Activity::at(start);
        for (stage, activity, deadline) in [
            ("before the first request", new(), Some((at(10), true))),
            ("between requests", Activity { served: true, ..new() }, Some((at(100), false))),
            ("in a head", Activity { served: true, head: Some(at(5)), ..new() }, Some((at(15), true))),
            ("in a late head", Activity { served: true, head: Some(at(95)), ..new() }, Some((at(100), false))),
            ("in a handler", Activity { handled: 1, served: true, ..new() }, None),
            ("in an answer", Activity { sent: 1, served: true, ..new() }, Some((start + SEND_TIMEOUT, true))),
            ("in both", Activity { handled: 1, sent: 1, served: true, ..new() }, None),
        ] {
            assert_eq!(activity.deadline(&times), deadline, "{stage}");
        }
    }
}
