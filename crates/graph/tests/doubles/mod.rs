//! What stands for the outside in these tests, and the ids that all of them use.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use chaveiro_core::Timestamp;
use chaveiro_core::id::{DeviceId, EnrollmentId, TenantId};
use chaveiro_core::ports::{Clock, Entropy, StoreError, StoredEvent, View, Waker, Witness};
use uuid::Uuid;

pub const BASE: &str = "https://graph.example:8443";

pub struct TestClock(pub AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

pub struct TestEntropy(pub AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut word = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            chunk.copy_from_slice(&(word ^ (word >> 27)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Vouches for every event until it is told otherwise.
#[derive(Default)]
pub struct Doubting(pub AtomicBool);

impl Witness for Doubting {
    fn vouches_for(&self, _: &dyn View, events: &[&StoredEvent]) -> Result<bool, StoreError> {
        Ok(events.is_empty() || !self.0.load(Ordering::SeqCst))
    }
}

pub struct NobodyWaits;

impl Waker for NobodyWaits {
    fn wake(&self, _: EnrollmentId) {}
}

/// Ids are readable: kind in the first digits, number in the last.
pub fn id(kind: u32, number: u64) -> Uuid {
    Uuid::from_u64_pair(u64::from(kind) << 32, number)
}

pub fn tenant(number: u64) -> TenantId {
    TenantId(id(0x7e, number))
}

pub fn device(number: u64) -> DeviceId {
    DeviceId(id(0xde, number))
}
