//! Limits on requests: by application, by tenant and by caller. The ceilings are Intune's published ones
//! (docs/graph-facts.md#limits), and one of ours on recoveries.
//!
//! Counted in the memory of this process, after the token was verified, so that no caller can use up the limit of another.
//! The hold of [`chaveiro_core::decisions::hold`] is what is exact and durable; this is what keeps a runaway script from getting there
//! in a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use chaveiro_auth::Throttled;
use chaveiro_auth::{Ceiling, Ticks};
use chaveiro_core::caller::Caller;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::Clock;

/// The number that is allowed within a window. A bucket of that size that fills evenly. A burst of the whole is fine, and then as
/// many as the window gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Writes of one application in one tenant, in 20 seconds.
    pub writes_by_application: u32,
    /// Writes in one tenant, in 20 seconds.
    pub writes_by_tenant: u32,
    /// Requests of one application in one tenant, in 20 seconds.
    pub requests_by_application: u32,
    /// Requests in one tenant, in 20 seconds.
    pub requests_by_tenant: u32,
    /// Requests of one application over all tenants, in 10 seconds.
    pub requests_by_application_everywhere: u32,
    /// Recoveries that one caller asks for, in a minute.
    pub recoveries_by_caller: u32,
}

impl Default for Ceilings {
    /// Intune's; and one recovery every two seconds, which is faster than a person reads one passcode out.
    fn default() -> Self {
        Self {
            writes_by_application: 200,
            writes_by_tenant: 400,
            requests_by_application: 2_000,
            requests_by_tenant: 4_000,
            requests_by_application_everywhere: 130_000,
            recoveries_by_caller: 30,
        }
    }
}

/// Callers' keys are forgotten again after so many requests, when nothing is left to remember of them.
const SWEEP_EVERY: u32 = 4_096;

/// The counters.
pub struct Limits {
    clock: Ticks,
    taken: AtomicU32,
    writes_by_application: Ceiling<(TenantId, String)>,
    writes_by_tenant: Ceiling<TenantId>,
    requests_by_application: Ceiling<(TenantId, String)>,
    requests_by_tenant: Ceiling<TenantId>,
    requests_by_application_everywhere: Ceiling<String>,
    recoveries_by_caller: Ceiling<(TenantId, String)>,
}

impl Limits {
    /// Counters that start empty.
    pub fn new(ceilings: Ceilings, clock: Arc<dyn Clock>) -> Self {
        const GRAPH: Duration = Duration::from_secs(20);
        const EVERYWHERE: Duration = Duration::from_secs(10);
        const RECOVERIES: Duration = Duration::from_secs(60);
        let clock = Ticks::new(clock);
        Self {
            writes_by_application: Ceiling::new(ceilings.writes_by_application, GRAPH, &clock),
            writes_by_tenant: Ceiling::new(ceilings.writes_by_tenant, GRAPH, &clock),
            requests_by_application: Ceiling::new(ceilings.requests_by_application, GRAPH, &clock),
            requests_by_tenant: Ceiling::new(ceilings.requests_by_tenant, GRAPH, &clock),
            requests_by_application_everywhere: Ceiling::new(
                ceilings.requests_by_application_everywhere,
                EVERYWHERE,
                &clock,
            ),
            recoveries_by_caller: Ceiling::new(ceilings.recoveries_by_caller, RECOVERIES, &clock),
            taken: AtomicU32::new(0),
            clock,
        }
    }

    /// Counts one request of a verified caller, or refuses it. What is refused is counted no further.
    pub fn take(&self, caller: &Caller, writes: bool) -> Result<(), Throttled> {
        if self.taken.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.forget_idle();
        }
        let (tenant, application) = (caller.tenant, caller.actor.application_id.clone());
        self.requests_by_application_everywhere.take(&application, &self.clock)?;
        let by_application = (tenant, application);
        if writes {
            self.writes_by_application.take(&by_application, &self.clock)?;
            self.writes_by_tenant.take(&tenant, &self.clock)?;
        }
        self.requests_by_application.take(&by_application, &self.clock)?;
        self.requests_by_tenant.take(&tenant, &self.clock)
    }

    /// Counts one recovery that a caller asks for, or refuses it.
    pub fn take_recovery(&self, caller: &Caller) -> Result<(), Throttled> {
        self.recoveries_by_caller.take(&(caller.tenant, caller.actor.key()), &self.clock)
    }

    fn forget_idle(&self) {
        self.writes_by_application.forget_idle();
        self.writes_by_tenant.forget_idle();
        self.requests_by_application.forget_idle();
        self.requests_by_tenant.forget_idle();
        self.requests_by_application_everywhere.forget_idle();
        self.recoveries_by_caller.forget_idle();
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_core::caller::Actor;
    use chaveiro_core::permission::PermissionSet;
    use chaveiro_testing::MillisClock;
    use uuid::Uuid;

    use super::*;

    fn at_rest(ceilings: Ceilings) -> (Limits, Arc<MillisClock>) {
        let clock = Arc::new(MillisClock::default());
        (Limits::new(ceilings, clock.clone()), clock)
    }

    fn caller(tenant: u128, application: &str, user: &str) -> Caller {
        let actor = Actor { application_id: application.to_owned(), user_id: Some(user.to_owned()), ..Actor::system() };
        let tenant = TenantId(Uuid::from_u128(tenant));
        Caller::local(tenant, actor, PermissionSet::default())
    }

    /// The number that are let through before the first that is not.
    fn run(mut one: impl FnMut() -> Result<(), Throttled>) -> (u32, Throttled) {
        for passed in 0..1_000_000 {
            if let Err(throttled) = one() {
                return (passed, throttled);
            }
        }
        panic!("nothing is ever refused");
    }

    #[test]
    fn the_published_ceilings_hold_for_application_and_tenant() {
        let (limits, clock) = at_rest(Ceilings::default());
        let (desk, script) = (caller(1, "desk", "ana"), caller(1, "script", "ana"));
        assert_eq!(run(|| limits.take(&desk, true)), (200, Throttled { retry_after_s: 1 }));
        assert_eq!(run(|| limits.take(&desk, false)).0, 1_800, "reading goes on, writes are requests too");
        assert_eq!(run(|| limits.take(&script, true)).0, 200, "another application, up to what the tenant may");
        assert_eq!(run(|| limits.take(&caller(1, "third", "ana"), true)).0, 0, "the tenant has had its 400 writes");
        assert_eq!(run(|| limits.take(&caller(2, "desk", "ana"), true)).0, 200, "another tenant");
        clock.0.fetch_add(20_000, Ordering::SeqCst);
        assert_eq!(run(|| limits.take(&desk, true)).0, 200, "after the window there is room for as many again");
    }

    #[test]
    fn one_application_has_a_ceiling_over_all_tenants() {
        let (limits, _) = at_rest(Ceilings::default());
        let mut tenant = 0;
        let passed = run(|| {
            tenant += 1;
            limits.take(&caller(tenant, "desk", "ana"), false)
        });
        assert_eq!(passed.0, 130_000);
    }

    #[test]
    fn recoveries_are_counted_by_caller_and_the_wait_is_whole_seconds_that_suffice() {
        let (limits, clock) = at_rest(Ceilings { recoveries_by_caller: 4, ..Ceilings::default() });
        let (ana, bob) = (caller(1, "desk", "ana"), caller(1, "desk", "bob"));
        let (passed, throttled) = run(|| limits.take_recovery(&ana));
        assert_eq!((passed, throttled.retry_after_s), (4, 15));
        assert_eq!(run(|| limits.take_recovery(&bob)).0, 4, "another caller of the same application");
        clock.0.fetch_add(14_001, Ordering::SeqCst);
        assert_eq!(limits.take_recovery(&ana), Err(Throttled { retry_after_s: 1 }), "never zero, never a fraction");
        clock.0.fetch_add(999, Ordering::SeqCst);
        assert_eq!(limits.take_recovery(&ana), Ok(()));
    }

    #[test]
    fn no_ceiling_is_no_ceiling() {
        let (limits, _) = at_rest(Ceilings { recoveries_by_caller: 0, ..Ceilings::default() });
        let ana = caller(1, "desk", "ana");
        assert!((0..10_000).all(|_| limits.take_recovery(&ana).is_ok()));
    }

    #[test]
    fn callers_that_are_gone_are_forgotten() {
        let (limits, clock) = at_rest(Ceilings::default());
        for number in 0..1_000 {
            let _ = limits.take(&caller(1, &format!("app{number}"), "ana"), false);
        }
        assert_eq!(limits.requests_by_application.remembered(), 1_000);
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        let desk = caller(1, "desk", "ana");
        for _ in 0..SWEEP_EVERY {
            let _ = limits.take(&desk, false);
        }
        assert!(limits.requests_by_application.remembered() <= 1, "{}", limits.requests_by_application.remembered());
    }
}
