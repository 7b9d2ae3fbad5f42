//! `deviceManagement`: the one entity under which a tenant has its devices and what belongs to them.

use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use serde_json::{Value, json};

use crate::entity::{Entity, Nothing, Reading, Told};
use crate::follow::Finding;
use crate::kind::Kind;
use crate::model::lacking::OF_DEVICE_MANAGEMENT;
use crate::model::properties::ID;
use crate::model::{Edge, EntityType, KeyForm, SERVICE};
use crate::query::Selection;
use crate::render::Form;
use crate::render::outline::{Values, Wanted};
use crate::short_list::Rendered;

pub(super) static DEVICE_MANAGEMENT: EntityType = EntityType {
    about: "The entity under which a tenant has its devices, and the scripts, roles, holds and records that belong to them.",
    key_form: KeyForm::None,
    edges: &[Edge::one(&SERVICE, "deviceManagement", &DEVICE_MANAGEMENT)],
    not_offered: OF_DEVICE_MANAGEMENT,
    ..EntityType::new("deviceManagement", &[ID], "")
};

const READ_ONLY: Kind = Kind::read_only::<Rendered>(&DEVICE_MANAGEMENT, |_, _| Some(Box::new(Nothing)));

pub(super) const KIND: Kind = Kind {
    finding: Finding { single: |_, tenant, _| Ok(Some(Box::new(DeviceManagement(tenant)))), ..READ_ONLY.finding },
    ..READ_ONLY
};

struct DeviceManagement(TenantId);

impl Entity for DeviceManagement {
    fn entity_type(&self) -> &'static EntityType {
        &DEVICE_MANAGEMENT
    }

    fn id(&self) -> String {
        self.0.to_string()
    }

    fn served(self: Box<Self>, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Told, StoreError> {
        Ok(self)
    }
}

impl Values for DeviceManagement {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        (wanted.property.name == "id").then(|| json!(self.0))
    }
}
