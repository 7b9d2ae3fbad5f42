//! Why the domain says no. Each edge has one exhaustive table from these to its own
//! answers, and adds what to do in its own form.

use jiff::Timestamp;
use thiserror::Error;

use crate::application::ApplicationRefusal;
use crate::id::HoldId;
use crate::permission::Permission;
use crate::role::RoleAction;

/// A typed no, with a stable code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The device is absent, foreign or not reachable from where the caller came; one answer for all.
    #[error("the device does not exist")]
    DeviceNotFound,
    /// The entity is absent, foreign or unlinked.
    #[error("the {0} does not exist")]
    ResourceNotFound(&'static str),
    /// The token was issued before tokens of its person, or of its application, began to count.
    #[error("the token was revoked; those issued since {valid_from} count")]
    TokenRevoked {
        /// Since when they count, in whole seconds.
        valid_from: Timestamp,
    },
    /// Tokens of the same person or application were ended again and again within seconds.
    #[error("tokens of the same were ended too often just now; nothing was done, try again in {retry_after_s} s")]
    TooManyRevocations {
        /// When there is room for the next, in seconds.
        retry_after_s: u64,
    },
    /// The caller lacks all of these permissions.
    #[error("the caller needs one of {0:?}")]
    MissingPermission(&'static [Permission]),
    /// The signed-in person has no role at all.
    #[error("the caller has no role")]
    NoRole,
    /// The caller has roles, and none allows this there.
    #[error("the caller has no role that allows {0} there")]
    RoleLacks(RoleAction),
    /// A device would change into or out of a scope that the caller does not hold.
    #[error("the caller does not hold the scope tag {0:?}")]
    ScopeNotHeld(String),
    /// The tenant's recoveries are on hold since that moment.
    #[error("recoveries of this tenant are on hold since {since}")]
    RecoveryOnHold {
        /// Which hold.
        hold: HoldId,
        /// Since when.
        since: Timestamp,
    },
    /// The hold was released before.
    #[error("the hold was released at {0}")]
    HoldReleased(Timestamp),
    /// Several holds stand, and none was named.
    #[error("several holds stand; name one by its id")]
    SeveralHolds,
    /// The entity is no longer as the caller saw it.
    #[error("the entity has changed since the caller read it")]
    Changed,
    /// Who caused a hold wants to release it.
    #[error("whoever caused a hold cannot release it")]
    OwnHold,
    /// The application may do what the caller may not, and whoever gives it a secret can act as it.
    #[error("the application may do more than the caller")]
    ApplicationBeyondCaller,
    /// What an application cannot get or lose.
    #[error(transparent)]
    Application(#[from] ApplicationRefusal),
    /// A role is assigned to whoever assigns it, or taken from her.
    #[error("nobody gives herself a role or takes one back")]
    OwnRole,
    /// The assignment would give somebody a right that whoever assigns it may not pass on.
    #[error("the caller does not hold {0} there and cannot pass it on")]
    RoleBeyondCaller(RoleAction),
    /// Without the assignment the application may do what the caller may not.
    #[error("without it the application may do what the caller may not: {0}")]
    UnboundBeyondCaller(RoleAction),
    /// A user would get, or lose, a principal name to which a role is assigned.
    #[error("a role is assigned to the principal name {0:?}")]
    NameAssigned(String),
    /// A principal name looks like an object id, and somebody else can have that one.
    #[error("a principal name cannot have the form of an object id")]
    NameIsId,
    /// That assignment exists.
    #[error("the role is assigned to that principal in that scope already")]
    AssignedAlready,
    /// The tenant has as many assignments as it may have.
    #[error("the tenant has {} role assignments, which is the most", crate::principal::MAX_ASSIGNMENTS)]
    TooManyAssignments,
    /// The reason for breaking the glass is none.
    #[error(
        "the reason for breaking the glass must have {} to {} characters",
        crate::hold::MIN_REASON,
        crate::hold::MAX_REASON
    )]
    BreakGlassReason,
    /// The device is no longer managed.
    #[error("the device is retired; it must enroll again before its passcode can be recovered")]
    DeviceRetired,
    /// The device has no open enrolment.
    #[error("the device is not enrolled; it must enroll before its passcode can be recovered")]
    DeviceNotEnrolled,
    /// The platform has no way to do it.
    #[error("recovering a passcode is not possible on {0}")]
    PlatformUnsupported(&'static str),
    /// Something of that key exists already.
    #[error("a {0} with that key already exists")]
    AlreadyExists(&'static str),
    /// The passcode was shown to another caller, or the window is over, or retention took it.
    #[error("the passcode is no longer shown: {0}")]
    NotDisclosed(Withheld),
    /// An enrolment token that is unknown, used or expired.
    #[error("the enrollment token is {0}")]
    EnrollmentToken(TokenFault),
    /// A tenant whose licence is not active.
    #[error("the tenant has no active licence")]
    Unlicensed,
    /// A recovery of less than what is asked for has changed the device already, and must end first.
    #[error("a recovery of the disk alone is being carried out; ask again when the device has answered")]
    RecoveryUnderWay,
    /// The action is not open any more.
    #[error("the action has already ended")]
    ActionEnded,
}

/// Why a passcode is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// No role of the caller allows it on that device.
    MissingRole,
    /// No value, or not the result of the action.
    Nothing,
    /// Another caller saw it first.
    OtherCaller,
    /// The disclosure window is over.
    WindowOver,
    /// Retention destroyed it.
    Shredded,
    /// Reading is on hold.
    OnHold,
    /// No role of the caller allows breaking the glass on that device.
    BreakGlassRole,
    /// The reason for breaking the glass is too short or too long.
    BreakGlassReason,
}

impl std::fmt::Display for Withheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MissingRole => "no role of the caller allows it",
            Self::Nothing => "there is none",
            Self::OtherCaller => "another caller has read it",
            Self::WindowOver => "the disclosure window is over",
            Self::Shredded => "its retention is over",
            Self::OnHold => "reading is on hold",
            Self::BreakGlassRole => "no role of the caller allows breaking the glass",
            Self::BreakGlassReason => "the reason for breaking the glass is too short or too long",
        })
    }
}

/// What is wrong with an enrolment token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// No such token.
    Unknown,
    /// It served already.
    Used,
    /// It is too old.
    Expired,
}

impl std::fmt::Display for TokenFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "not known",
            Self::Used => "already used",
            Self::Expired => "expired",
        })
    }
}
