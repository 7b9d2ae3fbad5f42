//! The reasons why a passcode is not shown.

use strum::VariantArray;

/// The reason why a passcode is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Withheld {
    /// No role of the caller allows it on that device.
    MissingRole,
    /// There is no value, or it is not the result of the action.
    Nothing,
    /// Another caller read it first.
    OtherCaller,
    /// The disclosure window is over.
    WindowOver,
    /// Retention destroyed the value.
    Shredded,
    /// Reading is on hold.
    OnHold,
    /// No role of the caller allows breaking the glass on that device.
    BreakGlassRole,
    /// The break-glass reason is too short or too long.
    BreakGlassReason,
}

impl Withheld {
    /// Every reason.
    pub const ALL: &'static [Self] = Self::VARIANTS;
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
