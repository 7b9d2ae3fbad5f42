//! The system's time of day and randomness, behind the ports of the domain.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::ports::{Clock, Entropy};
use rustix::time::{ClockId, clock_gettime};

/// The smallest step of the clock that is reported: more than the tolerances for clocks of other machines.
const JUMP: Duration = Duration::from_secs(60);

/// The system's clock, in whole microseconds.
///
/// It is compared with the monotonic time since the boot, which includes the sleep of a suspended machine. If the two
/// part by more than a minute at once, the clock was set, and [`SystemClock::jumps`] reports the distance. The clock is
/// then followed, also backwards, because times would otherwise be wrong for days. After a smaller step back, the clock
/// stands still until the time is reached again.
#[derive(Debug, Default)]
pub struct SystemClock(Mutex<Watch>);

/// The jumps of a clock since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jumps {
    /// Their number.
    pub count: u64,
    /// The distance of the last one, in microseconds; negative if the clock was set back.
    pub last_us: i64,
}

/// The state between two readings.
#[derive(Debug, Default)]
struct Watch {
    /// The last returned time of day, in microseconds.
    latest: i64,
    /// The time of day minus the time since the boot, at the last reading.
    offset: Option<i64>,
    jumps: Jumps,
}

impl Watch {
    /// Takes a reading of both clocks, in microseconds. Returns the time of day.
    fn read(&mut self, wall: i64, since_boot: i64) -> i64 {
        let jump = i64::try_from(JUMP.as_micros()).unwrap_or(i64::MAX);
        let offset = wall.saturating_sub(since_boot);
        let step = self.offset.map_or(0, |before| offset.saturating_sub(before));
        self.offset = Some(offset);
        if step.saturating_abs() > jump {
            self.jumps = Jumps { count: self.jumps.count + 1, last_us: step };
            self.latest = wall;
        }
        self.latest = self.latest.max(wall);
        self.latest
    }
}

impl SystemClock {
    /// The jumps so far. Calling this also takes a reading.
    pub fn jumps(&self) -> Jumps {
        let _ = self.now();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).jumps
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others take as a parameter")]
    fn now(&self) -> Timestamp {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since_boot = i64::try_from(self.uptime().as_micros()).unwrap_or(i64::MAX);
        let micros = watch.read(Timestamp::now().as_microsecond(), since_boot);
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn uptime(&self) -> Duration {
        let since_boot = clock_gettime(ClockId::Boottime);
        Duration::try_from(since_boot).unwrap_or_default()
    }
}

/// The system's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // Without randomness no key is safe, so the process cannot continue.
        #[expect(clippy::expect_used, reason = "aws-lc's generator fails only when the kernel gives no entropy")]
        aws_lc_rs::rand::fill(buffer).expect("the system gives randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;

    #[test]
    fn a_clock_that_is_set_back_a_little_stands_still_and_a_jump_is_followed_and_told() {
        let mut watch = Watch::default();
        // Time of day and time since boot, in seconds from an arbitrary start; the returned time; jumps so far; the
        // last one.
        let table = [
            (100, 0, 100, 0, 0),
            (105, 5, 105, 0, 0),
            (103, 6, 105, 0, 0),
            (110, 13, 110, 0, 0),
            // Suspended for an hour: both clocks go on.
            (3710, 3613, 3710, 0, 0),
            // Half a minute at a time never counts as a jump, however often it happens.
            (3741, 3614, 3741, 0, 0),
            (3772, 3615, 3772, 0, 0),
            (43 * 86_400, 3616, 43 * 86_400, 1, 43 * 86_400 - 3773),
            (43 * 86_400 + 10, 3626, 43 * 86_400 + 10, 1, 43 * 86_400 - 3773),
            (3784, 3627, 3784, 2, 3773 - 43 * 86_400),
            (3785, 3628, 3785, 2, 3773 - 43 * 86_400),
        ];
        for (wall, since_boot, given, count, last) in table {
            assert_eq!(watch.read(wall * SECOND, since_boot * SECOND), given * SECOND, "at {wall}");
            assert_eq!(watch.jumps, Jumps { count, last_us: last * SECOND }, "at {wall}");
        }
    }

    #[test]
    fn a_clock_before_its_first_reading_has_not_jumped() {
        let mut watch = Watch::default();
        assert_eq!(watch.read(20_000 * DAY, 5), 20_000 * DAY);
        assert_eq!(watch.jumps, Jumps::default());
    }

    #[test]
    fn the_time_since_the_boot_goes_on() {
        let clock = SystemClock::default();
        let before = clock.uptime();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.uptime() >= before + Duration::from_millis(2));
        assert_eq!(clock.jumps().count, 0);
    }

    #[test]
    fn two_identifiers_differ() {
        assert_ne!(SystemEntropy.uuid(), SystemEntropy.uuid());
    }
}
