//! Single entities, and their properties. A single device is also where a passcode is shown: the disclosure is decided
//! and recorded in one unit of work, and only after that is durable is the envelope opened.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::action::ActionRecord;
use chaveiro_core::decisions::disclose_passcode::{self, AskForAll, Disclosure, Seen, has_passcode};
use chaveiro_core::device::{ManagedDevice, Platform};
use chaveiro_core::escrow::SecretKind;
use chaveiro_core::id::{DeviceId, EnrollmentId, RequestId};
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::refusal::Withheld;
use chaveiro_core::{Decided, Timestamp};
use http::StatusCode;
use serde_json::{Map, Value};

use super::admit::Asked;
use super::answer::{context, controlled, set_path};
use super::expand::Expanding;
use super::response;
use super::store::{read_store, write_and_alert};
use crate::GraphState;
use crate::entity_tag;
use crate::error::GraphError;
use crate::model::Property;
use crate::query::Selection;
use crate::render::Form;
use crate::render::action_result::{Entry, Reason, Shown, with_results};
use crate::resolve::{End, PropertyPath};

const RESULTS: &str = "deviceActionResults";

/// The property that says whether the device waits for work now.
const CONNECTED: &str = "chaveiro_connected";

/// The results of a device, as far as one request may see them.
enum Results {
    /// Without passcodes, for that reason, each with the time at which the escrow received its first one.
    Withheld(Reason, Vec<(ActionRecord, Option<Timestamp>)>),
    /// With a decision about each passcode, which a unit of work of its own makes.
    Decided(DeviceId),
}

impl Results {
    fn of(view: &dyn View, device: &ManagedDevice, withheld: Option<Reason>) -> Result<Self, StoreError> {
        let Some(reason) = withheld else { return Ok(Self::Decided(device.id)) };
        let mut results = Vec::new();
        for record in view.current_results(device.tenant, device.id)? {
            let sealed = sealed(view, &record)?;
            results.push((record, sealed));
        }
        Ok(Self::Withheld(reason, results))
    }
}

/// Returns the enrolment under which a device keeps a connection; `None` for devices that keep none.
fn connects(view: &dyn View, device: &ManagedDevice) -> Result<Option<EnrollmentId>, StoreError> {
    match device.platform {
        Platform::Linux => Ok(view.open_enrollment(device.tenant, device.id)?.map(|enrollment| enrollment.id)),
        // Devices of the other platforms come when they choose to.
        Platform::Windows | Platform::WindowsPhone => Ok(None),
    }
}

/// Returns the time at which the escrow received the first passcode of an action.
fn sealed(view: &dyn View, record: &ActionRecord) -> Result<Option<Timestamp>, StoreError> {
    let secrets = view.secrets(record.tenant, record.id)?;
    Ok(secrets.iter().find(|secret| secret.context.kind == SecretKind::Passcode).map(|secret| secret.received))
}

/// One entity.
pub(super) async fn single(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    let reading = Arc::clone(&asked);
    let (base_url, witness) = (state.base_url.clone(), Arc::clone(&state.witness));
    let found = read_store(state, move |view| {
        let admitted = reading.admit(view)?;
        let entity = admitted.binding.node.as_ref();
        let from = admitted.reading(view, witness.as_ref(), &reading);
        let object = entity.render(&from, &admitted.selection, Form::Single)?;
        let tag = entity.tag();
        let mut object = match reading.walk.end {
            End::Property(_) => object,
            _ => controlled(&reading, &reading.control(&base_url), entity, entity_tag::first(tag.clone(), object)),
        };
        let expanding = Expanding { from, base_url: &base_url, asked: &reading };
        admitted.expansions.put(&expanding, entity, &reading.path, &mut object)?;
        // What is not asked for is not read.
        let device = |member| admitted.binding.device().filter(|_| object.contains_key(member));
        let connects = device(CONNECTED).map_or(Ok(None), |device| connects(view, device))?;
        let withheld = withheld(&reading, &admitted.selection);
        let results = device(RESULTS).map(|device| Results::of(view, device, withheld)).transpose()?;
        Ok((object, connects, results, tag, admitted.selection))
    });
    let (mut object, connects, results, tag, selection) = found.await?;
    if let Some(connected) = object.get_mut(CONNECTED) {
        *connected = connects.map(|enrollment| state.waker.waits(enrollment)).into();
    }
    if let End::Property(path) = &asked.walk.end {
        return property(state, &asked, path, object, results).await;
    }

    let control = asked.control(&state.base_url);
    let path = if asked.walk.hops.last().is_some_and(|hop| hop.key.is_some()) {
        set_path(&asked.walk)
    } else {
        asked.walk.parenthesised("")
    };
    let mut body = control.begin(context(state, asked.walk.version, &path, &selection, true));
    body.extend(object);
    let Some(results) = results else {
        let answer = response::json(control.format, StatusCode::OK, &Value::Object(body));
        return Ok(response::tagged(answer, tag.as_deref()));
    };
    // `with_results` writes this member last, and by itself.
    body.remove(RESULTS);
    let body = with_results(control.format, &body, RESULTS, &entries(state, &asked, results).await?);
    Ok(response::tagged(response::secret_json(control.format, body), tag.as_deref()))
}

/// A property alone: what an entity says of it whose `$select` names it.
async fn property(
    state: &Arc<GraphState>,
    asked: &Arc<Asked>,
    path: &PropertyPath,
    mut object: Map<String, Value>,
    results: Option<Results>,
) -> Result<Response, GraphError> {
    let control = asked.control(&state.base_url);
    let context =
        format!("{}/{}/$metadata#{}", state.base_url, asked.walk.version.segment(), asked.walk.parenthesised(""));
    let begun = control.begin(context);
    if let Some(results) = results {
        let body = with_results(control.format, &begun, "value", &entries(state, asked, results).await?);
        return Ok(response::secret_json(control.format, body));
    }
    let whole = object.remove(path.property.name).unwrap_or_default();
    let member = |value: Value, member: &&Property| match value {
        Value::Object(mut members) => members.remove(member.name).unwrap_or_default(),
        _ => Value::Null,
    };
    let edm = path.last().edm;
    Ok(match path.members.iter().fold(whole, member) {
        Value::Null => response::no_content(),
        Value::String(text) if path.raw && path.is_binary() => {
            response::raw_bytes(STANDARD.decode(text).unwrap_or_default())
        }
        Value::String(text) if path.raw => response::raw_text(text),
        value if path.raw => response::raw_text(value.to_string()),
        value => {
            let body = control.individual(begun, edm, value);
            response::json(control.format, StatusCode::OK, &Value::Object(body))
        }
    })
}

/// The reason why this request shows no passcode at all; `None` if each is decided on.
fn withheld(asked: &Asked, selection: &Selection) -> Option<Reason> {
    let permitted = asked.caller.permissions.contains(disclose_passcode::PERMISSION);
    match (permitted, selection.names(RESULTS) && !asked.head) {
        (false, _) => Some(Reason::MissingPermission),
        (true, false) => Some(Reason::NotSelected),
        (true, true) => None,
    }
}

/// The actions with what is shown of each, the passcode included when it may be.
async fn entries(state: &Arc<GraphState>, asked: &Arc<Asked>, results: Results) -> Result<Vec<Entry>, GraphError> {
    let (reason, results) = match results {
        Results::Decided(device) => return disclosed(state, asked, device).await,
        Results::Withheld(reason, results) => (reason, results),
    };
    let shown = results.into_iter().map(|(record, sealed)| {
        let shown = if has_passcode(&record) { Shown::Withheld(reason) } else { Shown::Nothing };
        Entry { record, sealed, shown, window: None }
    });
    Ok(shown.collect())
}

/// Records the disclosures, durably, and then opens the envelopes.
async fn disclosed(state: &Arc<GraphState>, asked: &Arc<Asked>, device: DeviceId) -> Result<Vec<Entry>, GraphError> {
    let asked = Arc::clone(asked);
    let request = asked.request;
    let decided = write_and_alert(state, move |unit| {
        asked.require_valid(unit)?;
        let (reason, break_glass) = (asked.reason.as_deref(), asked.break_glass.as_deref());
        let ask = AskForAll { caller: &asked.caller, device, request, reason, break_glass };
        disclose_passcode::disclose_all(unit, &ask, asked.now)
    });
    let entry = |Seen { action: record, decision, sealed, window }| Entry {
        record,
        sealed,
        shown: open(state, request, decision),
        window,
    };
    Ok(decided.await?.into_iter().map(entry).collect())
}

fn open(state: &GraphState, request: RequestId, decision: Option<Decided<Disclosure, Withheld>>) -> Shown {
    let shown = match decision {
        None => Shown::Nothing,
        Some(Decided::RefusedAndRecorded(withheld)) => Shown::Withheld(Reason::Domain(withheld)),
        Some(Decided::Done(disclosure)) => match state.unsealer.unseal(&disclosure.context, &disclosure.envelope) {
            Ok(passcode) => Shown::Passcode(passcode),
            Err(error) => {
                tracing::error!(request.id = %request, %error, "an envelope was not opened");
                Shown::Withheld(Reason::NotOpenable)
            }
        },
    };
    match &shown {
        Shown::Passcode(_) => state.tally.shown(),
        Shown::Withheld(reason) => state.tally.refused(*reason),
        Shown::Nothing => {}
    }
    shown
}
