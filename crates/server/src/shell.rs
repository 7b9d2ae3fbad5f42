//! The time of day and the randomness of the system, behind the ports of the domain.

use std::sync::atomic::{AtomicI64, Ordering};

use chaveiro_core::Timestamp;
use chaveiro_core::ports::{Clock, Entropy};

/// The system's clock, in whole microseconds. When somebody sets it back, it stands still until the time
/// is reached again: no window reopens, no event is older than the one before it.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: AtomicI64,
}

impl SystemClock {
    /// The later of `reading` and everything that was read before.
    fn advance(&self, reading: i64) -> i64 {
        self.latest.fetch_max(reading, Ordering::SeqCst).max(reading)
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others take as a parameter")]
    fn now(&self) -> Timestamp {
        let micros = self.advance(Timestamp::now().as_microsecond());
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The system's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // Without randomness no key is safe: there is nothing sensible to go on with.
        #[expect(clippy::expect_used, reason = "aws-lc's generator fails only when the kernel gives no entropy")]
        aws_lc_rs::rand::fill(buffer).expect("the system gives randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_stands_still() {
        let clock = SystemClock::default();
        assert_eq!([5, 9, 3, 8, 10].map(|reading| clock.advance(reading)), [5, 9, 9, 9, 10]);
    }

    #[test]
    fn two_identifiers_differ() {
        assert_ne!(SystemEntropy.uuid(), SystemEntropy.uuid());
    }
}
