//! `detectedApp`: a program that was found on devices. It counts the devices that have it, for each caller those in sight.

use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError};
use chaveiro_core::query::{Filter, Order, ResourceField};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use serde_json::Value;

use super::device_management::DEVICE_MANAGEMENT;
use super::resource;
use crate::entity::Reading;
use crate::kind::Kind;
use crate::model::properties::{ID, member, number, text};
use crate::model::{Access, DETECTED_APP_PLATFORM_TYPE, Default, Edge, Edm, EntityType, Property};
use crate::query::{QueryError, Selection};
use crate::render::Form;

const DEVICE_COUNT: &str = "deviceCount";

const PROPERTIES: &[Property] = &[
    ID,
    text("displayName").required(),
    text("version"),
    Property::new("sizeInByte", Edm::Int64).or(Default::Zero),
    number(DEVICE_COUNT),
    text("publisher"),
    member("platform", &DETECTED_APP_PLATFORM_TYPE, "unknown"),
];

pub(super) static DETECTED_APP: EntityType = EntityType {
    about: "A program that was found on devices. `deviceCount` counts the devices that have it and that the caller sees.",
    has_tag: true,
    edges: &[Edge { access: Access::Owned, ..Edge::many(&DEVICE_MANAGEMENT, "detectedApps", &DETECTED_APP) }],
    ..EntityType::new("detectedApp", PROPERTIES, "detectedAppId")
};

pub(super) const KIND: Kind = resource::kind(&DETECTED_APP);

/// Refuses to filter and order by the number that [`in_sight`] hides: answers and cursors would tell it.
pub(super) fn check(
    sight: &Visibility,
    filter: &Filter<ResourceField>,
    order: &[Order<ResourceField>],
) -> Result<(), QueryError> {
    let hidden = |field: &ResourceField| matches!(field, ResourceField::Member { name: DEVICE_COUNT, .. });
    match *sight != Visibility::All && (filter.asks(&hidden) || order.iter().any(|key| hidden(&key.field))) {
        true => Err(QueryError::OutOfSight(DEVICE_COUNT)),
        false => Ok(()),
    }
}

/// The resource with nothing in it about devices out of sight: a detected app counts those that the caller sees. Lists say
/// `null` instead, because counting for each of a thousand apps is not worth a list.
pub(super) fn in_sight(
    from: &Reading<'_>,
    resource: Resource,
    selection: &Selection,
    form: Form,
) -> Result<Resource, StoreError> {
    let is_counted =
        resource.kind == ResourceKind::DetectedApp && selection.contains_any(&[DEVICE_COUNT], &DETECTED_APP);
    if *from.sight == Visibility::All || !is_counted {
        return Ok(resource);
    }
    let count = match form {
        Form::Listed => Value::Null,
        Form::Single => {
            let scope = DeviceScope::managed(DeviceSet::WithApp(resource.id));
            from.view.count_devices(resource.tenant, scope, from.sight, &Filter::always())?.into()
        }
    };
    let mut properties: Value = serde_json::from_str(&resource.properties).unwrap_or_default();
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(DEVICE_COUNT.to_owned(), count);
    }
    Ok(Resource { properties: properties.to_string(), ..resource })
}
