//! `chaveiroHold`: since when, because of whom, and how it ended.

use chaveiro_core::caller::Actor;
use chaveiro_core::hold::{Hold, HoldKind};
use serde_json::{Map, Value, json};

use super::{Form, date_time, object};
use crate::model::{MODEL, Target};
use crate::query::Selection;
use crate::resolve::Version;

/// The JSON of a hold.
pub fn hold(hold: &Hold, version: Version, selection: &Selection, form: Form) -> Map<String, Value> {
    let (by, release) = (&hold.caused_by, hold.released.as_ref());
    let counted = |kind| if hold.kind == kind { hold.counted } else { 0 };
    let known = [
        ("id", json!(hold.id)),
        ("placedDateTime", json!(date_time(hold.placed))),
        ("causedByUserPrincipalName", json!(by.user_principal_name)),
        ("causedByUserId", json!(by.user_id)),
        ("causedByApplicationId", json!(by.application_id)),
        ("kind", json!(hold.kind.name())),
        ("isOfCaller", json!(hold.party.is_some())),
        ("countedRecoveries", json!(counted(HoldKind::Asking))),
        ("countedReadings", json!(counted(HoldKind::Reading))),
        ("isReleased", json!(release.is_some())),
        ("releasedDateTime", json!(release.map(|release| date_time(release.at)))),
        ("releasedBy", json!(release.map(|release| name(&release.by)))),
        ("quietUntilDateTime", json!(release.and_then(|release| release.quiet_until).map(date_time))),
        ("reason", json!(release.and_then(|release| release.reason.as_ref()))),
    ];
    let known = known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    match MODEL.entity_type(Target::Hold) {
        Some(entity) => object(entity, version, selection, form, known),
        None => Map::new(),
    }
}

/// The person, or else the application.
fn name(actor: &Actor) -> &str {
    let person = actor.user_principal_name.as_ref().or(actor.user_id.as_ref());
    person.unwrap_or(&actor.application_id)
}
