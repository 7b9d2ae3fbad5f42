//! `chaveiroHold`: a hold on asking or on reading, of the tenant or of one party. Ours: Graph knows nothing like it, and `$metadata` leaves it out.

use super::properties::{ID, flag, number, text};
use super::{Default, Edm, EntityType, Property, Target};

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

pub(super) const HOLD: EntityType = EntityType {
    target: Target::Hold,
    name: "chaveiroHold",
    properties: PROPERTIES,
    beta_only: true,
    key: "chaveiroHoldId",
};
