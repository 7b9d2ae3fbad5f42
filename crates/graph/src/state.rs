//! The parts that the Graph face works with.

use std::sync::Arc;

use chaveiro_auth::{TrustedProxies, Verifier};
use chaveiro_core::ports::{Alarm, Clock, Entropy, LastSeen, Sealer, Store, Unsealer, Waker, Witness};

use crate::limits::Limits;
use crate::tally::Tally;

/// The parts that the Graph face works with.
pub struct GraphState {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Vouches for events of the record before they are served.
    pub witness: Arc<dyn Witness>,
    /// Opens envelopes, for disclosure alone.
    pub unsealer: Arc<dyn Unsealer>,
    /// Proves, before a recovery is accepted, that a passcode can be kept.
    pub sealer: Arc<dyn Sealer>,
    /// Verifies the caller.
    pub verifier: Arc<Verifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes devices for which something was queued.
    pub waker: Arc<dyn Waker>,
    /// Knows the sessions of devices that are not stored yet.
    pub seen: Arc<dyn LastSeen>,
    /// Limits on the requests of a caller.
    pub limits: Limits,
    /// Rings for the job that sends alerts.
    pub alarm: Arc<dyn Alarm>,
    /// Proxies that are trusted to name the address of a client.
    pub proxies: TrustedProxies,
    /// Counts the passcodes that are shown and withheld.
    pub tally: Arc<Tally>,
    /// `scheme://host:port` of the Graph listener, without a slash at its end.
    pub base_url: String,
}
