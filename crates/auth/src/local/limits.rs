//! How many tokens applications may have minted for themselves: each costs a signature, which is the dear part.
//!
//! Counted when the application has proven itself, so that nobody can use up what is another's.
//!
//! What strangers can ask for is counted by their address: new device codes, so that one address alone cannot take all that
//! may wait in a tenant; and failed proofs, by address and application together. By the application alone failures are told
//! in the log and never refused: a client id is no secret, and whoever guesses from many addresses would lock out the real
//! application. They win nothing by it: a secret has 256 bits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chaveiro_core::application::Application;
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::ports::Clock;
use chaveiro_core::sign_in::CODE_LIFE;

use super::error::Refusal;
use super::origin::Origin;
use crate::ceiling::{Ceiling, Tally, Throttled, Ticks};

/// What the local issuer gives, and to whom; 0 means any number. A token lives an hour, so that whoever comes near the first
/// two is a client which keeps none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCeilings {
    /// Tokens of one application within 20 seconds.
    pub by_application: u32,
    /// Tokens of all applications of one tenant within 20 seconds.
    pub by_tenant: u32,
    /// New device codes for one client address within any 15 minutes, which is how long a code waits; half of them at once.
    pub device_codes_by_address: u32,
    /// Proofs that failed, of one application from one client address, within any 5 minutes; half of them at once.
    pub failures_by_address: u32,
}

impl Default for TokenCeilings {
    /// What a thousand processes of one application need that start together; codes for an office behind one address, and
    /// no more than a fifth of what may wait in a tenant; and ten failures, then one every 28 seconds.
    fn default() -> Self {
        Self { by_application: 1_000, by_tenant: 2_000, device_codes_by_address: 100, failures_by_address: 20 }
    }
}

const WINDOW: Duration = Duration::from_secs(20);
const FAILURE_WINDOW: Duration = Duration::from_secs(5 * 60);

/// Failures of one application are told once within it, however many there are.
const TELLING_WINDOW: Duration = Duration::from_secs(60);

/// Idle keys are forgotten after so many tokens.
const SWEEP_EVERY: u32 = 4_096;

pub(super) struct TokenLimits {
    clock: Ticks,
    taken: AtomicU32,
    by_application: Ceiling<(TenantId, ApplicationId)>,
    by_tenant: Ceiling<TenantId>,
    device_codes: Tally<Origin>,
    failures: Tally<(Origin, TenantId, ApplicationId)>,
    told: Tally<(TenantId, ApplicationId)>,
}

impl TokenLimits {
    pub(super) fn new(ceilings: TokenCeilings, clock: Arc<dyn Clock>) -> Self {
        let clock = Ticks::new(clock);
        Self {
            by_application: Ceiling::new(ceilings.by_application, WINDOW, &clock),
            by_tenant: Ceiling::new(ceilings.by_tenant, WINDOW, &clock),
            device_codes: Tally::new(ceilings.device_codes_by_address, CODE_LIFE),
            failures: Tally::new(ceilings.failures_by_address, FAILURE_WINDOW),
            told: Tally::new(1, TELLING_WINDOW),
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

    /// Counts a new device code for that origin, or refuses it.
    pub(super) fn take_device_code(&self, origin: Origin) -> Result<(), Refusal> {
        self.device_codes.take(&origin, &self.clock).map_err(Refusal::TooManyCodesHere)
    }

    /// Whether that origin may try once more to be that application.
    pub(super) fn may_try(&self, origin: Origin, application: &Application) -> Result<(), Refusal> {
        let key = (origin, application.tenant, application.id);
        self.failures.room(&key, &self.clock).map_err(Refusal::TooManyFailures)
    }

    /// Counts what was refused for want of a proof.
    pub(super) fn note(&self, origin: Origin, application: &Application, refusal: &Refusal) {
        if !refusal.proves_nothing() {
            return;
        }
        let (tenant, id) = (application.tenant, application.id);
        self.failures.count(&(origin, tenant, id), &self.clock);
        if self.told.take(&(tenant, id), &self.clock).is_ok() {
            tracing::warn!(
                tenant.id = %tenant,
                application.id = %id,
                client.address = %origin,
                code = refusal.row().code,
                "somebody did not prove to be that application; others within a minute are not told"
            );
        }
    }
}
