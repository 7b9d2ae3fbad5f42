//! How many tokens applications may have minted for themselves: each costs a signature, which is the dear part.
//!
//! Counted when the application has proven itself, so that nobody can use up what is another's. What proves nothing costs a
//! reading and a hash. People are bounded by their device codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::ports::Clock;

use crate::ceiling::{Ceiling, Throttled, Ticks};

/// Tokens within 20 seconds; 0 means any number. A token lives an hour, so that this is a client which keeps none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCeilings {
    /// Of one application.
    pub by_application: u32,
    /// Of all applications of one tenant.
    pub by_tenant: u32,
}

impl Default for TokenCeilings {
    /// What a thousand processes of one application need that start together.
    fn default() -> Self {
        Self { by_application: 1_000, by_tenant: 2_000 }
    }
}

const WINDOW: Duration = Duration::from_secs(20);

/// Idle keys are forgotten after so many tokens.
const SWEEP_EVERY: u32 = 4_096;

pub(super) struct TokenLimits {
    clock: Ticks,
    taken: AtomicU32,
    by_application: Ceiling<(TenantId, ApplicationId)>,
    by_tenant: Ceiling<TenantId>,
}

impl TokenLimits {
    pub(super) fn new(ceilings: TokenCeilings, clock: Arc<dyn Clock>) -> Self {
        let clock = Ticks::new(clock);
        Self {
            by_application: Ceiling::new(ceilings.by_application, WINDOW, &clock),
            by_tenant: Ceiling::new(ceilings.by_tenant, WINDOW, &clock),
            taken: AtomicU32::new(0),
            clock,
        }
    }

    /// Counts one token of an application that has proven itself, or refuses it.
    pub(super) fn take(&self, tenant: TenantId, application: ApplicationId) -> Result<(), Throttled> {
        if self.taken.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.by_application.forget_idle();
            self.by_tenant.forget_idle();
        }
        self.by_application.take(&(tenant, application), &self.clock)?;
        self.by_tenant.take(&tenant, &self.clock)
    }
}
