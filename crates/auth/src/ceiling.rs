//! Rate limits per key, counted in the memory of this process.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chaveiro_core::ports::Clock;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// The refusal of a request that exceeds a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Whole seconds until there is room again, at least one.
    pub retry_after_s: u64,
}

impl Throttled {
    fn after(wait: Duration) -> Self {
        let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { retry_after_s: whole.max(1) }
    }
}

/// The clock of the domain, as the limiter reads it. It is monotonic, so that a clock that is set back refuses no
/// request.
#[derive(Clone)]
pub struct Ticks(Arc<dyn Clock>);

impl Ticks {
    /// Returns the ticks of that clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.uptime())
    }
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, Ticks, NoOpMiddleware<Nanos>>;

/// A rate limit for each key: a bucket that fills evenly.
pub struct Ceiling<K: Hash + Eq + Clone>(Option<Limiter<K>>);

impl<K: Hash + Eq + Clone> Ceiling<K> {
    /// Allows `most` within the window; 0 means any number.
    pub fn new(most: u32, window: Duration, clock: &Ticks) -> Self {
        let quota =
            NonZeroU32::new(most).and_then(|burst| Some(Quota::with_period(window / burst.get())?.allow_burst(burst)));
        Self(quota.map(|quota| Limiter::new(quota, DashMapStateStore::default(), clock.clone())))
    }

    /// Counts one request of that key, or refuses it.
    pub fn take(&self, key: &K, clock: &Ticks) -> Result<(), Throttled> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(key).map_err(|not_until| Throttled::after(not_until.wait_time_from(clock.now())))
    }

    /// Forgets the keys whose buckets are full again.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
        }
    }

    /// The number of keys in memory.
    pub fn remembered(&self) -> usize {
        self.0.as_ref().map_or(0, Limiter::len)
    }
}

/// The most keys that a [`Tally`] remembers: a few megabytes.
const MOST_KEYS: usize = 65_536;

/// A rate limit that can be asked without counting, for callers that count failures only. Its memory is bounded,
/// because clients choose the keys.
pub(crate) struct Tally<K> {
    /// The rate; `None` for any number.
    bucket: Option<Bucket>,
    /// The time at which the bucket of each key has drained (the generic cell rate algorithm).
    empty_at: Mutex<HashMap<K, Nanos>>,
}

/// A bucket that fills evenly.
#[derive(Clone, Copy)]
struct Bucket {
    /// The time between two drops.
    every: Duration,
    /// The time in which an empty bucket fills.
    whole: Duration,
}

impl Bucket {
    /// Returns a bucket that gives at most `most` within *any* window. Half of them are available at once, the other
    /// half over the window that follows.
    fn new(most: NonZeroU32, window: Duration) -> Self {
        let at_once = most.get().div_ceil(2);
        let later = u64::from(most.get() - at_once + 1);
        let every = Duration::from_nanos(u64::try_from(window.as_nanos()).unwrap_or(u64::MAX).div_ceil(later));
        Self { every, whole: every.saturating_mul(at_once) }
    }
}

impl<K: Hash + Eq + Clone> Tally<K> {
    /// Allows `most` within any window, half of them at once; 0 means any number.
    pub(crate) fn new(most: u32, window: Duration) -> Self {
        let bucket = NonZeroU32::new(most).map(|most| Bucket::new(most, window));
        Self { bucket, empty_at: Mutex::new(HashMap::new()) }
    }

    /// Refuses if that key has no room for one more. Counts nothing.
    pub(crate) fn room(&self, key: &K, clock: &Ticks) -> Result<(), Throttled> {
        let Some(Bucket { every, whole }) = self.bucket else { return Ok(()) };
        let empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        let full_for = empty_at.map_or(Duration::ZERO, |at| Duration::from(at.saturating_sub(clock.now())));
        match (full_for + every).checked_sub(whole) {
            Some(wait) if !wait.is_zero() => Err(Throttled::after(wait)),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts one request of that key.
    pub(crate) fn count(&self, key: &K, clock: &Ticks) {
        let Some(Bucket { every, .. }) = self.bucket else { return };
        let now = clock.now();
        let mut empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        if empty_at.len() >= MOST_KEYS && !empty_at.contains_key(key) {
            empty_at.retain(|_, at| *at > now);
            // A client with so many addresses has as many limits: forgetting them gives it at most as much again.
            if empty_at.len() >= MOST_KEYS {
                empty_at.clear();
            }
        }
        let at = empty_at.entry(key.clone()).or_insert(now);
        *at = Nanos::from(Duration::from((*at).max(now)) + every);
    }

    /// Counts one request of that key, or refuses it.
    pub(crate) fn take(&self, key: &K, clock: &Ticks) -> Result<(), Throttled> {
        self.room(key, clock)?;
        self.count(key, clock);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use chaveiro_testing::TestClock;

    use super::*;

    #[test]
    fn a_tally_refuses_what_is_beyond_it_and_fills_evenly() {
        let hand = Arc::new(TestClock(AtomicI64::new(1_000)));
        let clock = Ticks::new(Arc::<TestClock>::clone(&hand));
        let tally = Tally::new(4, Duration::from_secs(60));
        for _ in 0..2 {
            assert_eq!(tally.room(&1, &clock), Ok(()), "asking is not counted");
            assert_eq!(tally.take(&1, &clock), Ok(()));
        }
        assert_eq!(tally.take(&1, &clock), Err(Throttled { retry_after_s: 20 }));
        assert_eq!(tally.take(&2, &clock), Ok(()), "another key");
        hand.0.fetch_add(19, Ordering::SeqCst);
        assert_eq!(tally.room(&1, &clock), Err(Throttled { retry_after_s: 1 }));
        hand.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(tally.take(&1, &clock), Ok(()));
        assert_eq!(tally.take(&1, &clock), Err(Throttled { retry_after_s: 20 }), "one at a time from now on");
        hand.0.fetch_add(600, Ordering::SeqCst);
        assert_eq!((0..10).filter(|_| tally.take(&1, &clock).is_ok()).count(), 2, "no more than the bucket holds");
        let any = Tally::new(0, Duration::from_secs(60));
        assert!((0..1_000).all(|_| any.take(&1, &clock).is_ok()));
    }

    #[test]
    fn no_window_sees_more_than_a_tally_says_wherever_it_begins() {
        let window = 900;
        for most in [1, 2, 3, 7, 20, 100, 500] {
            let hand = Arc::new(TestClock(AtomicI64::new(1_000)));
            let clock = Ticks::new(Arc::<TestClock>::clone(&hand));
            let tally = Tally::new(most, Duration::from_secs(window));
            // A client that asks for more in every second, after a long silence.
            let taken: Vec<usize> = (0..3 * window)
                .map(|_| {
                    let taken = (0..=most).filter(|_| tally.take(&1, &clock).is_ok()).count();
                    hand.0.fetch_add(1, Ordering::SeqCst);
                    taken
                })
                .collect();
            let seen = taken.windows(window as usize).map(|seconds| seconds.iter().sum::<usize>());
            assert_eq!(seen.max(), Some(most as usize), "of {most}");
        }
    }

    #[test]
    fn a_tally_remembers_no_more_keys_than_its_bound() {
        let clock = Ticks::new(Arc::new(TestClock(AtomicI64::new(1_000))));
        let tally = Tally::new(1, Duration::from_secs(60));
        for key in 0..MOST_KEYS * 2 + 5 {
            tally.count(&key, &clock);
        }
        assert!(tally.empty_at.lock().expect("a lock").len() <= MOST_KEYS);
    }
}
