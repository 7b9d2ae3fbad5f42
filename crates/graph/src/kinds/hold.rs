//! `chaveiroHold`: a hold on asking or on reading, of the tenant or of one party. An extension: Graph knows nothing like it,
//! and `$metadata` leaves it out.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use chaveiro_core::caller::Actor;
use chaveiro_core::decisions::hold;
use chaveiro_core::hold::{Hold, HoldKind, MAX_QUIET_MINUTES, MAX_REASON, MIN_REASON, MOST, Release};
use chaveiro_core::id::{HoldId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::refusal::HoldRefusal;
use chaveiro_core::role::RoleAction;
use chaveiro_core::scope_tag::Visibility;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::device_management::DEVICE_MANAGEMENT;
use crate::GraphState;
use crate::body::BodyError;
use crate::entity::{Entity, Few, Reading, Small, Told};
use crate::error::row::{Row, bad_request, coded, gateway, precondition, unauthorized};
use crate::error::{GraphError, Place};
use crate::handlers::admit::Asked;
use crate::handlers::response;
use crate::kind::Kind;
use crate::model::properties::{ID, flag, number, text};
use crate::model::{Absent, Default, Edge, Edm, EntityType, KeyForm, Operation, Property, RoleActions};
use crate::openapi::schema::{ANY_LINE, line};
use crate::query::Selection;
use crate::render::outline::{Values, Wanted, whole};
use crate::render::{Form, date_time};
use crate::resolve::Key;
use crate::short_list::Rendered;

const PROPERTIES: &[Property] = &[
    ID,
    Property::new("placedDateTime", Edm::DateTime).or(Default::Never).read_only(),
    text("causedByUserPrincipalName").read_only(),
    text("causedByUserId").read_only(),
    text("causedByApplicationId").read_only(),
    text("kind").read_only(),
    flag("isOfCaller").read_only(),
    number("countedRecoveries").read_only(),
    number("countedReadings").read_only(),
    flag("isReleased").read_only(),
    Property::new("releasedDateTime", Edm::DateTime).read_only(),
    text("releasedBy").read_only(),
    Property::new("quietUntilDateTime", Edm::DateTime).read_only(),
    text("reason").read_only(),
];

/// Those that read the remote actions that a hold counted, and those that may release one.
const READ: &[Permission] =
    &[Permission::ManagedDevicesReadAll, Permission::ManagedDevicesReadWriteAll, Permission::PrivilegedOperationsAll];

static HOLD: EntityType = EntityType {
    about: "A hold on asking for passcodes or on reading them, of the tenant or of the caller that exceeded a limit. Another person ends it with `release`.",
    beta_only: true,
    key_form: KeyForm::Guid("a hold"),
    absent: Absent::Called("hold"),
    role: RoleActions::new(RoleAction::AuditRead, RoleAction::HoldsRelease),
    has_tag: true,
    edges: &[Edge {
        beta_only: true,
        read: READ,
        write: &[],
        ..Edge::many(&DEVICE_MANAGEMENT, "chaveiroHolds", &HOLD)
    }],
    operations: &[Operation {
        name: "release",
        // What a release lets through are privileged operations: no token without that permission opens the way for them.
        permissions: &[Permission::PrivilegedOperationsAll],
        parameters: &[text("reason"), number("quietMinutes").unknown()],
        narrowed: Some(narrowed),
        answers: None,
        of_oneself: false,
    }],
    ..EntityType::new("chaveiroHold", PROPERTIES, "chaveiroHoldId")
};

pub(super) const KIND: Kind = Kind {
    operations: &[|state, asked, given| Box::pin(release(state, asked, given))],
    ..Kind::read_only::<Rendered>(&HOLD, |_, _| Some(Box::new(Few(Holds))))
};

/// The answer to a refusal about a hold.
pub(super) fn refused(refusal: &HoldRefusal, place: &Place) -> Row {
    match refusal {
        HoldRefusal::RecoveryOnHold { hold, since } => gateway(
            coded!("recoveryOnHold", hold = hold.to_string(), since = since.to_string()),
            StatusCode::FORBIDDEN,
            "RecoveryOnHold",
            format!(
                "Recoveries of this tenant are on hold since {since}, because more of them were requested than its limit allows. Nothing was done for this device. Another user with a role that grants Chaveiro_Holds_Release, or an operator on the server's host, can look at the hold with `chaveiro hold list` and release it with `chaveiro hold release`. For one device that cannot wait, a caller with the role Break Glass sends the header x-chaveiro-break-glass with a reason."
            ),
        ),
        HoldRefusal::BreakGlassReason => bad_request(
            coded!("breakGlassReasonInvalid"),
            format!(
                "x-chaveiro-break-glass must be a reason of {MIN_REASON} to {MAX_REASON} characters in UTF-8. Nothing was done."
            ),
        ),
        HoldRefusal::Released(at) => {
            precondition(coded!("holdReleased", at = at.to_string()), refusal, "there is nothing to do")
        }
        HoldRefusal::Own => {
            let help = "ask another user with a role that grants Chaveiro_Holds_Release, or an operator on the server's host, to release it with `chaveiro hold release`";
            unauthorized(coded!("holdOfCaller"), refusal, help, place)
        }
    }
}

fn narrowed() -> Vec<(&'static str, Value)> {
    let or_null = |of: &str| json!([of, "null"]);
    vec![
        ("reason", line(or_null("string"), MAX_REASON, ANY_LINE)),
        ("quietMinutes", json!({"type": or_null("integer"), "minimum": 1, "maximum": MAX_QUIET_MINUTES})),
    ]
}

/// The holds of a tenant, newest first.
struct Holds;

impl Small for Holds {
    type Row = Hold;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Hold>, StoreError> {
        key.id.map_or(Ok(None), |id| view.hold(tenant, HoldId(id)))
    }

    fn all(&self, from: &Reading<'_>) -> Result<Vec<Hold>, StoreError> {
        if *from.sight != Visibility::All {
            return Ok(Vec::new());
        }
        // Holds that stand are always listed, however many came since.
        let mut holds = from.view.holds(from.tenant, MOST)?;
        let standing = from.view.standing_holds(from.tenant)?.into_iter();
        let older: Vec<_> = standing.filter(|hold| holds.iter().all(|known| known.id != hold.id)).collect();
        holds.extend(older);
        Ok(holds)
    }

    fn place(hold: &Hold) -> i64 {
        -hold.placed.as_microsecond()
    }
}

impl Entity for Hold {
    fn entity_type(&self) -> &'static EntityType {
        &HOLD
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    /// A hold says who asked for recoveries anywhere in the tenant.
    fn is_seen(&self, _: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        Ok(*sight == Visibility::All)
    }

    fn served(self: Box<Self>, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Told, StoreError> {
        Ok(self)
    }

    fn state(&self) -> Vec<u8> {
        whole(&HOLD, self)
    }
}

impl Values for Hold {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let (by, release) = (&self.caused_by, self.released.as_ref());
        let counted = |kind| if self.kind == kind { self.counted } else { 0 };
        Some(match wanted.property.name {
            "id" => json!(self.id),
            "placedDateTime" => json!(date_time(self.placed)),
            "causedByUserPrincipalName" => json!(by.user_principal_name),
            "causedByUserId" => json!(by.user_id),
            "causedByApplicationId" => json!(by.application_id),
            "kind" => json!(self.kind.name()),
            "isOfCaller" => json!(self.party.is_some()),
            "countedRecoveries" => json!(counted(HoldKind::Asking)),
            "countedReadings" => json!(counted(HoldKind::Reading)),
            "isReleased" => json!(release.is_some()),
            "releasedDateTime" => json!(release.map(|release| date_time(release.at))),
            "releasedBy" => json!(release.map(|release| name(&release.by))),
            "quietUntilDateTime" => json!(release.and_then(|release| release.quiet_until).map(date_time)),
            "reason" => json!(release.and_then(|release| release.reason.as_ref())),
            _ => return None,
        })
    }
}

/// The person, or else the application.
fn name(actor: &Actor) -> &str {
    let person = actor.user_principal_name.as_ref().or(actor.user_id.as_ref());
    person.unwrap_or(&actor.application_id)
}

/// Ends a hold.
async fn release(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    given: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let reason = given.get("reason").and_then(Value::as_str).map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control)) {
        let expected = format!("one line of up to {MAX_REASON} characters");
        return Err(BodyError::Value { name: "reason", expected }.into());
    }
    let quiet_until = match given.get("quietMinutes").and_then(Value::as_i64) {
        None => None,
        Some(minutes @ 1..) if minutes <= i64::from(MAX_QUIET_MINUTES) => {
            asked.now.checked_add(Duration::from_secs(minutes.unsigned_abs() * 60)).ok()
        }
        Some(_) => {
            let expected = format!("a number of minutes from 1 to {MAX_QUIET_MINUTES}, or left out");
            return Err(BodyError::Value { name: "quietMinutes", expected }.into());
        }
    };
    let by = asked.caller.actor.clone();
    let release = Release { at: asked.now, by, quiet_until, reason: reason.map(str::to_owned) };
    let written = state.store.write(move |unit| {
        let found: Box<Hold> = asked.follow_to_row(unit)?;
        hold::release_in_request(unit, found.tenant, found.id, release.clone(), asked.request)
    });
    let hold = written.await?;
    tracing::info!(tenant.id = %hold.tenant, hold.id = %hold.id, "a hold was released through the API");
    Ok(response::no_content())
}
