//! Properties that many types have, and those that extend the results of actions.

use super::{Default, Edm, EnumType, Property};

/// Properties that no Graph metadata knows, all on `deviceActionResults` entries, and what they say. Those of
/// entities are in their types: [`Property::is_extension`].
/// Their prefix keeps them apart; SDKs put them into their additional data.
pub const EXTENSIONS: &[(&str, &str)] = &[
    ("chaveiro_actionId", "The id of the action, as audit events name it."),
    ("chaveiro_requestedBy", "The name of the user or application that asked for it."),
    ("chaveiro_attempt", "The number of times that the commands were sent, from 1."),
    ("chaveiro_outcome", "The reason why the action ended as it did; null while it is open."),
    ("chaveiro_deviceStatus", "The device's own status for the deciding command; null when it gave none."),
    ("chaveiro_deviceReason", "The device's own words for why it did not, or not wholly; null when it gave none."),
    ("chaveiro_opens", "The locks that the passcode opens: login:ACCOUNT, luks2:VOLUME, or screen."),
    (
        "chaveiro_passcodeSealedDateTime",
        "The time when the escrow received the passcode; null before that, and for actions without one.",
    ),
    (
        "chaveiro_verifiedDateTime",
        "The time when the device proved that the passcode opens all of that; null if a device proves nothing.",
    ),
    (
        "chaveiro_beforeRestoreDateTime",
        "The restore from an older backup since which nothing has confirmed this result; null when it is certain.",
    ),
    ("chaveiro_passcodeWithheld", "The reason why passcode is null although the action is done; null otherwise."),
    (
        "chaveiro_passcodeUncertain",
        "True if the device gave the passcode in an unusual way, so that it may not open the device.",
    ),
    (
        "chaveiro_passcodeFirstReadBy",
        "The first reader of the passcode, for callers that may read it; null otherwise, and before the first reading.",
    ),
    ("chaveiro_passcodeFirstReadDateTime", "The time of that first reading; null where the reader is."),
    (
        "chaveiro_passcodeReadableUntilDateTime",
        "The time until which that reader may read it again; null where the reader is, and for a passcode that is kept until a newer one replaces it.",
    ),
];

pub(crate) const ID: Property = Property::new("id", Edm::String).or(Default::Text("")).read_only();
/// The time of creation, which the server sets.
pub(crate) const CREATED: Property = Property::new("createdDateTime", Edm::DateTime).or(Default::Never).read_only();
/// The time of the last change, which the server sets.
pub(crate) const MODIFIED: Property =
    Property::new("lastModifiedDateTime", Edm::DateTime).or(Default::Never).read_only();

pub(crate) const fn text(name: &'static str) -> Property {
    Property::new(name, Edm::String)
}

pub(crate) const fn flag(name: &'static str) -> Property {
    Property::new(name, Edm::Boolean).or(Default::False)
}

pub(crate) const fn number(name: &'static str) -> Property {
    Property::new(name, Edm::Int32).or(Default::Zero)
}

pub(crate) const fn time(name: &'static str) -> Property {
    Property::new(name, Edm::DateTime).or(Default::Never)
}

pub(crate) const fn member(name: &'static str, of: &'static EnumType, default: &'static str) -> Property {
    Property::new(name, Edm::Enum(of)).or(Default::Text(default))
}

pub(crate) const fn texts(name: &'static str) -> Property {
    Property::new(name, Edm::Collection(&Edm::String)).or(Default::Empty)
}
