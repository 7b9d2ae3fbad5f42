//! Rate limits of the local issuer.
//!
//! Each token of an application costs a signature, which is the expensive part. Tokens are counted once the application
//! has proven itself, so that no client can use up the allowance of another.
//!
//! Unauthenticated requests are counted by address. New device codes are limited so that one address cannot take all
//! that may wait in a tenant. Failed proofs are limited by address and application together. Failures of an application
//! from all addresses are logged and never refused. A client id is public, and an attacker with many addresses could
//! lock out the real application. Guessing gains nothing, because a secret has 256 bits.

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

/// The rate limits of the local issuer; 0 means any number. A token lives an hour, so a client that comes near the
/// first two limits does not reuse its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCeilings {
    /// Tokens of one application within 20 seconds.
    pub by_application: u32,
    /// Tokens of all applications of one tenant within 20 seconds.
    pub by_tenant: u32,
    /// New device codes for one client address within any 15 minutes, the life of a code; half of them at once.
    pub device_codes_by_address: u32,
    /// Failed proofs of one application from one client address within any 5 minutes; half of them at once.
    pub failures_by_address: u32,
}

impl Default for TokenCeilings {
    /// Returns limits that suit a thousand processes of one application that start together. Codes suffice for an
    /// office behind one address and use at most a fifth of what may wait in a tenant. An address may fail ten times,
    /// then once every 28 seconds.
    fn default() -> Self {
        Self { by_application: 1_000, by_tenant: 2_000, device_codes_by_address: 100, failures_by_address: 20 }
    }
}

const WINDOW: Duration = Duration::from_secs(20);
const FAILURE_WINDOW: Duration = Duration::from_secs(5 * 60);

/// The window in which failures of one application are logged once, however many there are.
const LOG_WINDOW: Duration = Duration::from_secs(60);

/// The number of tokens after which idle keys are forgotten.
const SWEEP_EVERY: u32 = 4_096;

pub(super) struct TokenLimits {
    clock: Ticks,
    taken: AtomicU32,
    by_application: Ceiling<(TenantId, ApplicationId)>,
    by_tenant: Ceiling<TenantId>,
    device_codes: Tally<Origin>,
    failures: Tally<(Origin, TenantId, ApplicationId)>,
    logged: Tally<(TenantId, ApplicationId)>,
}

impl TokenLimits {
    pub(super) fn new(ceilings: TokenCeilings, clock: Arc<dyn Clock>) -> Self {
        let clock = Ticks::new(clock);
        Self {
            by_application: Ceiling::new(ceilings.by_application, WINDOW, &clock),
            by_tenant: Ceiling::new(ceilings.by_tenant, WINDOW, &clock),
            device_codes: Tally::new(ceilings.device_codes_by_address, CODE_LIFE),
            failures: Tally::new(ceilings.failures_by_address, FAILURE_WINDOW),
            logged: Tally::new(1, LOG_WINDOW),
            taken: AtomicU32::new(0),
            clock,
        }
    }

    /// Counts one token of an authenticated application, or refuses it.
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

    /// Refuses if that origin has failed too often to prove to be that application.
    pub(super) fn may_try(&self, origin: Origin, application: &Application) -> Result<(), Refusal> {
        let key = (origin, application.tenant, application.id);
        self.failures.room(&key, &self.clock).map_err(Refusal::TooManyFailures)
    }

    /// Counts a refusal for lack of a proof.
    pub(super) fn note(&self, origin: Origin, application: &Application, refusal: &Refusal) {
        if !refusal.proves_nothing() {
            return;
        }
        let (tenant, id) = (application.tenant, application.id);
        self.failures.count(&(origin, tenant, id), &self.clock);
        if self.logged.take(&(tenant, id), &self.clock).is_ok() {
            tracing::warn!(
                tenant.id = %tenant,
                application.id = %id,
                client.address = %origin,
                code = refusal.row().code,
                "a client failed to prove to be that application; further failures within a minute are not logged"
            );
        }
    }
}
