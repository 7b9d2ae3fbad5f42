//! Single entities, and their properties. A single device is also where a passcode is shown. The unit of work that
//! admits the request decides and records the disclosure, and the envelope is opened only after that is durable.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::action::ActionRecord;
use chaveiro_core::decisions::check_in;
use chaveiro_core::decisions::disclose_passcode::{self, AskForAll, Disclosure, Seen, has_passcode};
use chaveiro_core::device::{ManagedDevice, Platform};
use chaveiro_core::escrow::{EscrowedSecret, SecretKind};
use chaveiro_core::id::{EnrollmentId, RequestId};
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::refusal::Withheld;
use chaveiro_core::{Decided, Timestamp};
use http::StatusCode;
use serde_json::Value;

use super::admit::{Admitted, Asked};
use super::answer::{context, controlled, set_path};
use super::expand::{Expanded, Expanding};
use super::expansions::Expansions;
use super::response;
use super::store::{read_store, write_and_alert_in};
use crate::GraphState;
use crate::entity::{Entity, Told};
use crate::error::GraphError;
use crate::kinds::managed_device::action_results::{Entry, Reason, Shown, with_results};
use crate::model::Property;
use crate::query::Selection;
use crate::render::Form;
use crate::render::outline::{Object, Outline};
use crate::resolve::{End, PropertyPath};

const RESULTS: &str = "deviceActionResults";

/// The property that says whether the device waits for work now.
const CONNECTED: &str = "chaveiro_connected";

/// The results of a device, as far as one request may see them.
enum Results {
    /// Without passcodes, for that reason, each with the time at which the escrow received its first one.
    Withheld(Reason, Vec<(ActionRecord, Option<Timestamp>)>),
    /// With a decision about each passcode, which is recorded.
    Decided(Vec<Seen>),
}

impl Results {
    fn withheld(view: &dyn View, device: &ManagedDevice, reason: Reason) -> Result<Self, StoreError> {
        let results = view.current_results(device.tenant, device.id)?;
        let passcodes = disclose_passcode::passcodes(view, device.tenant, &results)?;
        let with_time = |record: ActionRecord| {
            let is_it = |secret: &&EscrowedSecret| {
                secret.context.action == record.id && secret.context.kind == SecretKind::Passcode
            };
            let sealed = passcodes.iter().find(is_it).map(|secret| secret.received);
            (record, sealed)
        };
        Ok(Self::Withheld(reason, results.into_iter().map(with_time).collect()))
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

/// An entity that a request reads.
struct Found {
    told: Told,
    selection: Selection,
    expansions: Expansions,
    expanded: Expanded,
    connects: Option<EnrollmentId>,
    /// The results of its actions, if it is a device and they are asked for.
    results: Option<Results>,
}

/// Reads what an admitted request shows of its entity, beside these results of a device.
fn find(
    asked: &Asked,
    view: &dyn View,
    state: &GraphState,
    admitted: Admitted,
    results: Option<Results>,
) -> Result<Found, GraphError> {
    // What is not asked for is not read.
    let connects = asked_for(CONNECTED, asked, &admitted).map_or(Ok(None), |device| connects(view, device))?;
    let Admitted { binding, selection, expansions, sight, .. } = admitted;
    let from = asked.reading(view, state.witness.as_ref(), &sight);
    let expanded = expansions.read(&from, asked, binding.node.as_ref())?;
    let told = binding.node.served(&from, &selection, Form::Single)?;
    Ok(Found { told, selection, expansions, expanded, connects, results })
}

/// The device that a request reads, if that member is asked for.
fn asked_for<'a>(member: &str, asked: &Asked, admitted: &'a Admitted) -> Option<&'a ManagedDevice> {
    let device = admitted.binding.device()?;
    outline(asked, device, &admitted.selection).has(member).then_some(device)
}

fn outline<'a>(asked: &Asked, entity: &dyn Entity, selection: &'a Selection) -> Outline<'a> {
    Outline::new(entity.entity_type(), asked.walk.version, selection, Form::Single)
}

/// Reads the entity of a request. Passcodes that it may show are decided on in the same unit of work.
async fn read(state: &Arc<GraphState>, asked: &Arc<Asked>) -> Result<Found, GraphError> {
    let (face, asked) = (Arc::clone(state), Arc::clone(asked));
    let Some(reason) = withheld(&asked) else {
        let read = write_and_alert_in(state, asked.scope(), move |unit| {
            let mut admitted = asked.admit(unit)?;
            let device = admitted.binding.device().map(|device| (device.tenant, device.id));
            if let Some((tenant, id)) = device
                && check_in::store_idle_of(unit, face.seen.as_ref(), tenant, id)?
            {
                admitted = asked.admit(unit)?;
            }
            let (reason, break_glass) = (asked.reason.as_deref(), asked.break_glass.as_deref());
            let (caller, request, facts) = (&asked.caller, asked.request, admitted.facts()?);
            let ask = AskForAll { caller, facts, request, reason, break_glass };
            let seen = disclose_passcode::disclose_all(unit, &ask, asked.now)?;
            find(&asked, unit, &face, admitted, Some(Results::Decided(seen)))
        });
        return read.await;
    };
    let read = read_store(state, move |view| {
        let admitted = asked.admit(view)?;
        let device = asked_for(RESULTS, &asked, &admitted);
        let results = device.map(|device| Results::withheld(view, device, reason)).transpose()?;
        find(&asked, view, &face, admitted, results)
    });
    read.await
}

/// One entity.
pub(super) async fn single(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    let Found { told, selection, expansions, expanded, connects, results } = read(state, &asked).await?;
    let mut outline = outline(&asked, told.entity(), &selection);
    outline.known = Some((CONNECTED, connects.map(|enrollment| state.waker.waits(enrollment)).into()));
    if let End::Property(path) = &asked.walk.end {
        return Ok(property(state, &asked, path, outline.value(path.property.name, told.as_ref()), results));
    }
    // `with_results` writes this member last, and by itself.
    outline.last = results.is_some().then_some(RESULTS);

    let control = asked.control(&state.base_url);
    let path = if asked.walk.hops.last().is_some_and(|hop| hop.key.is_some()) {
        set_path(&asked.walk)
    } else {
        asked.walk.parenthesised("")
    };
    let (tag, mut body) = (told.entity().tag(), Vec::new());
    let context = context(state, asked.walk.version, &path, &selection, true);
    let mut object = Object::begin(&mut body, control.begin(context));
    controlled(&asked, &control, &outline, told.as_ref(), tag.as_deref(), &mut object);
    let outlines = expansions.outlines(&asked);
    let expanding = Expanding { asked: &asked, control, expansions: &expansions, outlines };
    expanding.write(expanded, &|| asked.path.clone(), &mut object)?;
    let Some(results) = results else {
        object.end();
        let answer = response::json_bytes(control.format, StatusCode::OK, body.into());
        return Ok(response::tagged(answer, tag.as_deref()));
    };
    let body = with_results(control.format, &body, RESULTS, &entries(state, &asked, results));
    Ok(response::tagged(response::secret_json(control.format, body), tag.as_deref()))
}

/// A property alone: what an entity says of it whose `$select` names it.
fn property(
    state: &GraphState,
    asked: &Asked,
    path: &PropertyPath,
    whole: Value,
    results: Option<Results>,
) -> Response {
    let control = asked.control(&state.base_url);
    let context =
        format!("{}/{}/$metadata#{}", state.base_url, asked.walk.version.segment(), asked.walk.parenthesised(""));
    let begun = control.begin(context);
    if let Some(results) = results {
        let mut head = Vec::new();
        Object::begin(&mut head, begun);
        let body = with_results(control.format, &head, "value", &entries(state, asked, results));
        return response::secret_json(control.format, body);
    }
    let member = |value: Value, member: &&Property| match value {
        Value::Object(mut members) => members.remove(member.name).unwrap_or_default(),
        _ => Value::Null,
    };
    let edm = path.last().edm;
    match path.members.iter().fold(whole, member) {
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
    }
}

/// The reason why this request shows no passcode at all; `None` if each is decided on.
fn withheld(asked: &Asked) -> Option<Reason> {
    let permitted = asked.caller.permissions.contains(disclose_passcode::PERMISSION);
    // A selection that is refused shows nothing either.
    let selection = asked.query.as_ref().ok().and_then(|query| asked.selection(query).ok());
    match (permitted, !asked.head && selection.is_some_and(|selection| selection.names(RESULTS))) {
        (false, _) => Some(Reason::MissingPermission),
        (true, false) => Some(Reason::NotSelected),
        (true, true) => None,
    }
}

/// The actions with what is shown of each, the passcode included when it may be: its disclosure is durable by now.
fn entries(state: &GraphState, asked: &Asked, results: Results) -> Vec<Entry> {
    match results {
        Results::Decided(seen) => {
            let entry = |Seen { action: record, decision, sealed, window }| Entry {
                record,
                sealed,
                shown: open(state, asked.request, decision),
                window,
            };
            seen.into_iter().map(entry).collect()
        }
        Results::Withheld(reason, results) => {
            let shown = results.into_iter().map(|(record, sealed)| {
                let shown = if has_passcode(&record) { Shown::Withheld(reason) } else { Shown::Nothing };
                Entry { record, sealed, shown, window: None }
            });
            shown.collect()
        }
    }
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
