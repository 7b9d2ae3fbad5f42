//! Refused requests: counted as they happen, and recorded once a minute as sums ([`chaveiro_core::refused`]).

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chaveiro_core::decisions::refused::record;
use chaveiro_core::ports::{Clock, Store};
use chaveiro_core::refused::{RefusedRequests, Sums};

/// The refused requests that are not in the audit record yet.
pub(crate) struct Refusals {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    sums: Mutex<Sums>,
}

impl Refusals {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, sums: Mutex::default() }
    }

    /// Adds the refused requests of one response to a client with that address.
    pub(crate) fn add(&self, requests: RefusedRequests, address: Option<IpAddr>) {
        let (now, mut sums) = (self.clock.now(), self.sums());
        requests.0.into_iter().for_each(|refused| sums.add(refused, address, now));
    }

    /// Records the sums. Sums that cannot be recorded now are added to the next minute.
    pub(crate) async fn record(&self) {
        let sums = Arc::new(std::mem::take(&mut *self.sums()));
        if sums.is_empty() {
            return;
        }
        let (now, recorded) = (self.clock.now(), Arc::clone(&sums));
        if let Err(error) = self.store.write(move |unit| Ok(record(unit, &recorded, now)?)).await {
            tracing::error!(%error, "refused requests were not recorded; the server tries again in a minute");
            self.sums().add_all(Sums::clone(&sums));
        }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
