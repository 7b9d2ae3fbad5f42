//! How much somebody may ask for within a window, counted in the memory of this process.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::ports::Clock;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Too much was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Whole seconds until there is room again, at least one.
    pub retry_after_s: u64,
}

/// The clock of the domain, as the limiter reads it.
#[derive(Clone)]
pub struct Ticks(Arc<dyn Clock>);

impl Ticks {
    /// That clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        // Until the year 2554; before 1970 nothing is served.
        Nanos::from(u64::try_from(self.0.now().as_nanosecond()).unwrap_or_default())
    }
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, Ticks, NoOpMiddleware<Nanos>>;

/// One ceiling for each key: a bucket that fills evenly.
pub struct Ceiling<K: Hash + Eq + Clone>(Option<Limiter<K>>);

impl<K: Hash + Eq + Clone> Ceiling<K> {
    /// At most so many within the window; 0 means any number.
    pub fn new(most: u32, window: Duration, clock: &Ticks) -> Self {
        let quota =
            NonZeroU32::new(most).and_then(|burst| Some(Quota::with_period(window / burst.get())?.allow_burst(burst)));
        Self(quota.map(|quota| Limiter::new(quota, DashMapStateStore::default(), clock.clone())))
    }

    /// Counts one of that key, or refuses it.
    pub fn take(&self, key: &K, clock: &Ticks) -> Result<(), Throttled> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(clock.now());
            let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Throttled { retry_after_s: whole.max(1) }
        })
    }

    /// Forgets the keys of which nothing is left to remember.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
        }
    }

    /// How many keys are remembered.
    pub fn remembered(&self) -> usize {
        self.0.as_ref().map_or(0, Limiter::len)
    }
}
