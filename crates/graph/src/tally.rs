//! The numbers of passcodes that this process showed and withheld, for the server's metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::kinds::managed_device::action_results::Reason;

/// The counters.
#[derive(Default)]
pub struct Tally {
    disclosed: AtomicU64,
    withheld: [AtomicU64; Reason::COUNT],
}

impl Tally {
    /// Counts a passcode that is shown.
    pub(crate) fn shown(&self) {
        self.disclosed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a passcode that a caller asked for and was refused.
    pub(crate) fn refused(&self, reason: Reason) {
        if let Some(index) = Reason::all().position(|known| known == reason) {
            self.withheld[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Passcodes that were shown.
    pub fn disclosed(&self) -> u64 {
        self.disclosed.load(Ordering::Relaxed)
    }

    /// Passcodes that were asked for and withheld, by the code of the reason.
    pub fn withheld(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::all().zip(&self.withheld).map(|(reason, count)| (reason.code(), count.load(Ordering::Relaxed)))
    }
}
