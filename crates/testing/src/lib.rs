//! Doubles of the outside for tests: a clock that a test moves, randomness that repeats, and receivers that stay silent.
//! The worlds put them around a server: `graph` around the Graph face, `channel` around the device channel, `server` around both.
//! Tests alone depend on this crate.

#[cfg(feature = "channel")]
pub mod channel;
#[cfg(feature = "graph")]
pub mod graph;
#[cfg(feature = "graph")]
mod issuer;
#[cfg(all(feature = "channel", feature = "graph"))]
pub mod server;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use chaveiro_core::Timestamp;
use chaveiro_core::id::{DeviceId, EnrollmentId, TenantId};
use chaveiro_core::ports::{Alarm, Clock, Entropy, LastSeen, StoreError, StoredEvent, View, Waker, Witness};
use uuid::Uuid;

/// The address of the server in tests of the Graph face.
pub const BASE: &str = "https://graph.example:8443";

/// The second at which clocks of tests begin, since the epoch.
pub const NOW: i64 = 1_800_000_000;

/// A clock in seconds since the epoch, which stands until a test moves it.
pub struct TestClock(pub AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(NOW))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

/// A clock in milliseconds since the epoch, for limits that are finer than a second.
pub struct MillisClock(pub AtomicI64);

impl Default for MillisClock {
    fn default() -> Self {
        Self(AtomicI64::new(NOW * 1000))
    }
}

impl Clock for MillisClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

/// Randomness that repeats from run to run, and never within one: a counter, mixed as SplitMix64 begins.
pub struct TestEntropy(pub AtomicU64);

impl Default for TestEntropy {
    fn default() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut word = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            chunk.copy_from_slice(&(word ^ (word >> 27)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A witness that vouches for every event until it is told otherwise.
#[derive(Default)]
pub struct Doubting(pub AtomicBool);

impl Witness for Doubting {
    fn vouches_for(&self, _: &dyn View, events: &[&StoredEvent]) -> Result<bool, StoreError> {
        Ok(events.is_empty() || !self.0.load(Ordering::SeqCst))
    }
}

/// A channel without devices that wait or have been seen.
pub struct NoDeviceWaits;

impl Waker for NoDeviceWaits {
    fn wake(&self, _: EnrollmentId) {}

    fn waits(&self, _: EnrollmentId) -> bool {
        false
    }
}

impl LastSeen for NoDeviceWaits {
    fn last_sync(&self, _: DeviceId) -> Option<Timestamp> {
        None
    }
}

/// An alarm that reaches no one.
pub struct Silent;

impl Alarm for Silent {
    fn ring(&self) {}
}

/// An alarm that counts how often it rang.
#[derive(Default)]
pub struct Heard(pub AtomicU64);

impl Alarm for Heard {
    fn ring(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A readable id: the kind in the first digits, the number in the last.
pub fn id(kind: u32, number: u64) -> Uuid {
    Uuid::from_u64_pair(u64::from(kind) << 32, number)
}

/// The tenant of that number.
pub fn tenant(number: u64) -> TenantId {
    TenantId(id(0x7e, number))
}

/// The device of that number.
pub fn device(number: u64) -> DeviceId {
    DeviceId(id(0xde, number))
}
