//! The steps of a recovery, by name. In builds for tests a test can have the agent die at a step, as by a power loss
//! (`CHAVEIRO_AGENT_DIE_AT=set`). It can also have a proof fail (`CHAVEIRO_AGENT_SPOIL=proven`). Release builds have no
//! such thing.

/// Every step, in order. `docs/linux.md` and the kill table of the tests name them.
pub(crate) const STEPS: &[&str] = &[
    "prepared",
    "applying",
    "adding",
    "slotAdded",
    "slotMarked",
    "added",
    "opened",
    "setting",
    "set",
    "proven",
    "applied",
    "retiring",
    "retired",
    "kept",
    "finished",
];

/// Returns true if the proof at that step is to fail.
pub(crate) fn is_spoiled(step: &str) -> bool {
    cfg!(debug_assertions) && std::env::var_os("CHAVEIRO_AGENT_SPOIL").is_some_and(|name| name == step)
}

/// Marks a step as reached; a test may have the agent die here.
pub(crate) fn reached(step: &str) {
    debug_assert!(STEPS.contains(&step), "{step} is not in the table");
    #[cfg(debug_assertions)]
    if std::env::var_os("CHAVEIRO_AGENT_DIE_AT").is_some_and(|name| name == step) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
