//! The ways in which simulated devices misbehave, as data. Real clients were seen to do each of these, or could.

use strum::VariantArray;

/// A way to misbehave in the message that answers `LockAndRecoverPIN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray)]
pub enum Behavior {
    /// Behaves correctly.
    #[default]
    Honest,
    /// Lacks the feature: `Exec` 406, `Get` 404.
    NotSupported,
    /// `Exec` fails with 500, `Get` gives null.
    Fails,
    /// Changes the PIN but returns null: another reader took the value before.
    WithholdsValue,
    /// Reports 500 and returns a value all the same.
    Contradicts,
    /// Sends statuses, but no results.
    DropsResults,
    /// Sends results, but no statuses.
    DropsStatuses,
    /// Repeats its results in a following message of the same session.
    RepeatsResults,
    /// Does it, but the connection breaks before the answer arrives.
    LosesAnswer,
    /// Aborts the session with alert 1223 instead of doing anything.
    Aborts,
    /// Answers under a message number that was never used.
    WrongMessageRef,
    /// Answers under command numbers that were never used.
    WrongCommandRef,
    /// Accepts the command for later (202), and returns a value at once.
    Accepts,
    /// Returns the value, with a status of 500 for the read.
    FailsReading,
    /// Gives its values in chunks of two bytes, each in a message of its own.
    Chunks,
    /// Gives the first chunk and ends its package.
    LosesLastChunk,
    /// Sends a chunk, and then more bytes than it announced.
    WrongSize,
    /// Gives the value of another node as the new PIN.
    ForeignNode,
    /// Omits the node of its values.
    NamelessNode,
    /// Labels its PIN as binary.
    WrongFormat,
    /// Numbers its commands with UUIDs.
    UuidIds,
    /// Sends its statuses in one message of its package, and its results in the next.
    SplitsPackage,
    /// Sends its results in a message after the package that should have held them.
    LateResults,
}

impl Behavior {
    /// Every behaviour.
    pub const ALL: &'static [Self] = Self::VARIANTS;
}
