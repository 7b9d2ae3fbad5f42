//! Steady running time, which guards irreversible decisions against a wrong clock.
//!
//! The clock of a machine can jump by days and come back. Nothing is destroyed, and no action ends, because of one
//! reading of the clock. An item that is over is first *marked* with the running time of the server. It is *ripe* once
//! the server has run for a grace period without a jump of the clock. The mark is removed if the clock later says that
//! it was early.

use std::time::Duration;

use jiff::Timestamp;

/// The running time of the servers of a store, in seconds. The store keeps it, so that a restart does not reset it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// The total.
    pub total_s: u64,
    /// The value of `total_s` when the clock jumped last.
    pub jumped_s: u64,
    /// The clock's time when this was stored.
    pub seen: Option<Timestamp>,
}

/// The time of an irreversible decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ripeness {
    /// The clock's time.
    pub now: Timestamp,
    /// The running time.
    pub running: Running,
    /// The running time for which a mark waits.
    pub grace: Duration,
}

/// The verdict about an item that can be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ripe {
    /// The time is not over, and the item has no mark.
    Fresh,
    /// The time is not over, and the item loses its mark.
    Unmark,
    /// The time is over, and the item gets a mark with that running time.
    Mark(u64),
    /// The time is over, and the item waits for the end of the grace period.
    Waits,
    /// The item may be destroyed, or ended, now.
    Now,
}

impl Ripeness {
    /// Returns the ripeness of a store without a grace period, for tests and for stores without a server.
    pub fn at_once(now: Timestamp) -> Self {
        Self { now, running: Running::default(), grace: Duration::ZERO }
    }

    /// Returns the running time up to which marks are ripe; `None` while the clock has not been steady for a grace
    /// period.
    pub fn marked_until(&self) -> Option<u64> {
        let grace = self.grace.as_secs();
        let steady = self.running.total_s.saturating_sub(self.running.jumped_s);
        (steady >= grace).then(|| self.running.total_s.saturating_sub(grace))
    }

    /// Decides about an item with that mark, which is over by the clock or not.
    pub fn judge(&self, over: bool, mark: Option<u64>) -> Ripe {
        match (over, mark) {
            (false, None) => Ripe::Fresh,
            (false, Some(_)) => Ripe::Unmark,
            (true, None) if self.grace.is_zero() => Ripe::Now,
            (true, None) => Ripe::Mark(self.running.total_s),
            (true, Some(mark)) if self.marked_until().is_some_and(|until| mark <= until) => Ripe::Now,
            (true, Some(_)) => Ripe::Waits,
        }
    }
}

/// Returns true if two times are less than `span` apart. A time in the future came from a clock that was ahead: it does
/// not count as recent until then.
pub fn is_recent(at: Timestamp, now: Timestamp, span: Duration) -> bool {
    now.duration_since(at).unsigned_abs() < span
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ripeness(total_s: u64, jumped_s: u64) -> Ripeness {
        let running = Running { total_s, jumped_s, seen: None };
        Ripeness { now: Timestamp::UNIX_EPOCH, running, grace: Duration::from_secs(100) }
    }

    #[test]
    fn what_is_over_is_marked_and_ripe_after_a_grace_of_steady_running() {
        let table = [
            ("not over", ripeness(500, 0), false, None, Ripe::Fresh),
            ("no longer over", ripeness(500, 0), false, Some(10), Ripe::Unmark),
            ("found", ripeness(500, 0), true, None, Ripe::Mark(500)),
            ("waits", ripeness(500, 0), true, Some(401), Ripe::Waits),
            ("ripe", ripeness(500, 0), true, Some(400), Ripe::Now),
            ("the clock jumped since", ripeness(500, 450), true, Some(100), Ripe::Waits),
            ("the clock jumped a grace ago", ripeness(500, 400), true, Some(100), Ripe::Now),
            ("the server is new", ripeness(50, 0), true, Some(0), Ripe::Waits),
        ];
        for (what, ripeness, over, mark, expected) in table {
            assert_eq!(ripeness.judge(over, mark), expected, "{what}");
        }
    }

    #[test]
    fn without_a_grace_what_is_over_is_ripe() {
        assert_eq!(Ripeness::at_once(Timestamp::UNIX_EPOCH).judge(true, None), Ripe::Now);
    }

    #[test]
    fn a_time_ahead_is_no_more_recent_than_one_behind() {
        let now = Timestamp::from_second(1_000_000).expect("a time");
        let span = Duration::from_secs(60);
        for (second, recent) in [(999_939, false), (999_941, true), (1_000_059, true), (1_000_061, false)] {
            let at = Timestamp::from_second(second).expect("a time");
            assert_eq!(is_recent(at, now, span), recent, "{second}");
        }
    }
}
