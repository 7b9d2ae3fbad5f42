//! `deviceActionResults`, the one place where a passcode can be in a response.
//!
//! The entries are written straight into the response buffer, which is sized beforehand and wiped when the response was
//! sent. So no copy of the passcode goes into a JSON tree, and no reallocation leaves one behind.

use chaveiro_core::Timestamp;
use chaveiro_core::action::{ActionRecord, ActionState};
use chaveiro_core::actions::keeps_uncertain_value;
use chaveiro_core::decisions::disclose_passcode::Window;
use chaveiro_core::refusal::Withheld;
use chaveiro_core::secret::{MAX_PASSCODE_BYTES, Passcode};
use serde_json::{Value, json};
use strum::EnumCount;
use zeroize::Zeroizing;

use crate::model::result_type;
use crate::negotiation::{Format, Metadata};
use crate::render::date_time;
use crate::render::typed::structure;

/// Room for one entry: the passcode, each byte of which can become a six-byte escape, and the rest.
const ENTRY_BYTES: usize = 6 * MAX_PASSCODE_BYTES + 2048;

/// The reason why `passcode` is null although the action is done; the value of `chaveiro_passcodeWithheld`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount)]
pub(crate) enum Reason {
    /// The caller lacks the privileged permission.
    MissingPermission,
    /// `$select` does not name `deviceActionResults`.
    NotSelected,
    /// The server has no key to open it ("ingest only"), or the envelope does not open.
    NotOpenable,
    /// The domain's reason.
    Domain(Withheld),
}

/// The reasons that are not the domain's. A variant that is not listed does not compile.
const OWN: [Reason; <Reason as EnumCount>::COUNT - 1] =
    [Reason::MissingPermission, Reason::NotSelected, Reason::NotOpenable];

impl Reason {
    /// The number of all reasons.
    pub(crate) const COUNT: usize = OWN.len() + Withheld::ALL.len();

    /// Every reason.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        OWN.into_iter().chain(Withheld::ALL.iter().copied().map(Self::Domain))
    }

    /// The stable code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::MissingPermission => "missingPermission",
            Self::NotSelected => "notSelected",
            Self::NotOpenable => "notOpenable",
            Self::Domain(Withheld::MissingRole) => "missingRole",
            Self::Domain(Withheld::Nothing) => "nothing",
            Self::Domain(Withheld::OtherCaller) => "otherCaller",
            Self::Domain(Withheld::WindowOver) => "windowOver",
            Self::Domain(Withheld::Shredded) => "shredded",
            Self::Domain(Withheld::OnHold) => "readingOnHold",
            Self::Domain(Withheld::BreakGlassRole) => "breakGlassRole",
            Self::Domain(Withheld::BreakGlassReason) => "breakGlassReason",
        }
    }
}

/// The passcode of an action as it is shown.
pub(crate) enum Shown {
    /// The action is not done: there is nothing to say.
    Nothing,
    /// It is not shown.
    Withheld(Reason),
    /// It is shown; the disclosure is recorded.
    Passcode(Passcode),
}

/// An entry: the action, and what is said of its passcode.
pub(crate) struct Entry {
    /// The action.
    pub(crate) record: ActionRecord,
    /// The time at which the escrow received its first passcode.
    pub(crate) sealed: Option<Timestamp>,
    /// The passcode.
    pub(crate) shown: Shown,
    /// The disclosure so far, for callers that may read the passcode.
    pub(crate) window: Option<Window>,
}

/// The body of an answer: an object that was begun, with `results` as its last member, under that name.
pub(crate) fn with_results(format: Format, begun: &[u8], name: &str, results: &[Entry]) -> Zeroizing<Vec<u8>> {
    // A property alone says its type before its value; one of an entity has said it.
    let of: &[u8] = match format.metadata == Metadata::Full && name == "value" {
        true => b"\"@odata.type\":\"#Collection(microsoft.graph.deviceActionResult)\",",
        false => b"",
    };
    let mut body = Zeroizing::new(Vec::with_capacity(begun.len() + 128 + results.len() * ENTRY_BYTES));
    body.extend_from_slice(begun);
    if !begun.ends_with(b"{") {
        body.push(b',');
    }
    body.extend_from_slice(of);
    body.extend_from_slice(format!("\"{name}\":[").as_bytes());
    for (index, entry) in results.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write_entry(&mut body, format, entry);
    }
    body.extend_from_slice(b"]}");
    body
}

fn write_entry(body: &mut Vec<u8>, format: Format, entry: &Entry) {
    let Entry { record, shown, window, .. } = entry;
    let failed = matches!(record.state, ActionState::Failed | ActionState::NotSupported);
    let withheld = match shown {
        Shown::Withheld(reason) => Some(reason.code()),
        Shown::Nothing | Shown::Passcode(_) => None,
    };
    let of = result_type(record.name);
    let mut before = json!({
        "@odata.type": of.map(|of| format!("#microsoft.graph.{}", of.name)),
        "actionName": record.name,
        "actionState": record.state.name(),
        "startDateTime": date_time(record.started),
        "lastUpdatedDateTime": date_time(record.updated),
        "errorCode": if failed { record.device_status.unwrap_or_default() } else { 0 },
        "chaveiro_actionId": record.id,
        "chaveiro_requestedBy": record.requested_by.name(),
        "chaveiro_attempt": record.attempt,
        "chaveiro_outcome": record.outcome.map(|outcome| outcome.code()),
        "chaveiro_deviceStatus": record.device_status,
        "chaveiro_deviceReason": record.device_reason,
        "chaveiro_opens": record.opens.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "chaveiro_passcodeSealedDateTime": entry.sealed.map(date_time),
        "chaveiro_verifiedDateTime": record.verified.map(date_time),
        "chaveiro_beforeRestoreDateTime": record.before_restore.map(date_time),
        "chaveiro_passcodeWithheld": withheld,
        "chaveiro_passcodeUncertain": keeps_uncertain_value(record),
        "chaveiro_passcodeFirstReadBy": window.as_ref().map(|window| &window.reader),
        "chaveiro_passcodeFirstReadDateTime": window.as_ref().map(|window| date_time(window.opened)),
        "chaveiro_passcodeReadableUntilDateTime": window.as_ref().and_then(|window| window.ends).map(date_time),
    });
    // Members that its type does not have are left out.
    let has = |name: &str| of.is_some_and(|of| of.property(name).is_some());
    let has_passcode = has("passcode");
    if let Some(members) = before.as_object_mut() {
        let stays = |name: &str| match name {
            "errorCode" => has("errorCode"),
            name => has_passcode || !name.starts_with("chaveiro_passcode"),
        };
        members.retain(|name, _| stays(name));
    }
    if let Some(of) = of
        && let Value::Object(members) = before.take()
    {
        before = structure(format, of, members).into();
    }
    let before = before.to_string();
    body.extend_from_slice(before.strip_suffix('}').unwrap_or(&before).as_bytes());
    if has_passcode {
        body.extend_from_slice(b",\"passcode\":");
        match shown {
            Shown::Passcode(passcode) => write_text(body, passcode.expose_secret()),
            Shown::Nothing | Shown::Withheld(_) => body.extend_from_slice(b"null"),
        }
    }
    body.push(b'}');
}

/// A JSON string, written without an intermediate copy.
fn write_text(body: &mut Vec<u8>, text: &str) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(body, text);
}

#[cfg(test)]
mod tests {
    use chaveiro_core::action::Outcome;
    use chaveiro_core::caller::Actor;
    use chaveiro_core::id::{ActionId, DeviceId, TenantId};
    use chaveiro_core::lock::Lock;

    use super::*;

    fn record(number: u128, state: ActionState) -> ActionRecord {
        let (id, nil) = (ActionId(uuid::Uuid::from_u128(number)), uuid::Uuid::nil());
        let of = (TenantId(nil), DeviceId(nil));
        ActionRecord {
            state,
            outcome: (!state.is_open()).then_some(Outcome::Replaced),
            device_status: Some(500),
            locks: vec![Lock::Screen],
            ..ActionRecord::pending(id, of, "recoverPasscode", Actor::system(), Timestamp::UNIX_EPOCH)
        }
    }

    fn entry(state: ActionState, shown: Shown) -> Entry {
        let reader = "r".repeat(256);
        let window = Window { opened: Timestamp::UNIX_EPOCH, reader, ends: Some(Timestamp::UNIX_EPOCH) };
        Entry { record: record(1, state), sealed: Some(Timestamp::UNIX_EPOCH), shown, window: Some(window) }
    }

    #[test]
    fn every_passcode_survives_the_escaping_and_never_outgrows_the_buffer() {
        for text in ["123456", "a\"b\\c\n\u{1}é", &"\u{1}".repeat(MAX_PASSCODE_BYTES)] {
            let passcode = Passcode::new(Zeroizing::new(text.to_owned())).expect("a passcode");
            let shown = vec![entry(ActionState::Done, Shown::Passcode(passcode))];
            let body = with_results(Format::default(), b"{", "deviceActionResults", &shown);
            assert!(body.len() <= 64 + ENTRY_BYTES);
            let json: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(json["deviceActionResults"][0]["passcode"], text);
        }
    }

    #[test]
    fn only_a_failed_action_has_an_error_code() {
        for (state, code) in [(ActionState::Done, 0), (ActionState::Failed, 500), (ActionState::Pending, 0)] {
            let body = with_results(Format::default(), b"{", "deviceActionResults", &[entry(state, Shown::Nothing)]);
            let json: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(json["deviceActionResults"][0]["errorCode"], code);
        }
    }
}
