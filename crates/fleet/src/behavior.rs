//! How simulated devices misbehave, as data. Each is something real clients were seen to do, or could.

/// A way to misbehave in the message that answers `LockAndRecoverPIN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// Does what it should.
    #[default]
    Honest,
    /// The feature is not there: `Exec` 406, `Get` 404.
    NotSupported,
    /// `Exec` fails with 500, `Get` gives null.
    Fails,
    /// The PIN changes, the value is null: somebody read it before.
    WithholdsValue,
    /// Says 500 and gives a value all the same.
    Contradicts,
    /// Sends statuses, but no results.
    DropsResults,
    /// Sends results, but no statuses.
    DropsStatuses,
    /// Repeats its results in a following message of the same session.
    RepeatsResults,
    /// Does it, but the answer never arrives: the connection breaks.
    LosesAnswer,
    /// Aborts the session with alert 1223 instead of doing anything.
    Aborts,
    /// Answers under a message number that was never used.
    WrongMessageRef,
    /// Answers under command numbers that were never used.
    WrongCommandRef,
}

impl Behavior {
    /// Every behaviour.
    pub const ALL: [Self; 12] = [
        Self::Honest,
        Self::NotSupported,
        Self::Fails,
        Self::WithholdsValue,
        Self::Contradicts,
        Self::DropsResults,
        Self::DropsStatuses,
        Self::RepeatsResults,
        Self::LosesAnswer,
        Self::Aborts,
        Self::WrongMessageRef,
        Self::WrongCommandRef,
    ];
}
