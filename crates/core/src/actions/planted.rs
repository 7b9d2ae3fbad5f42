//! Faults that can be planted in the policies, to see that the model checker finds them.

use std::cell::Cell;

/// A mistake that a policy could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A lost answer is taken for the device's refusal.
    SilenceIsRefusal,
    /// A candidate is the result as soon as the escrow holds it.
    DoneBeforeApplied,
    /// An action ends although its device was told to change and has not answered.
    ExpiresAnyway,
    /// The word of a device is taken for the proof that another command would give.
    WordIsProof,
    /// The retention of a secret that the server made begins before its action has ended.
    RetainedTooShort,
    /// A result replaces the secrets of actions that are still open.
    ReplacesOpenOnes,
}

thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// Plants that fault in this thread, or none.
pub(crate) fn plant(fault: Option<Fault>) {
    PLANTED.set(fault);
}

/// Returns true if that fault is planted in this thread.
pub(crate) fn is_planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}
