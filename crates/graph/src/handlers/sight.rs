//! What a resource says of devices, for a caller who does not see all of them.

use chaveiro_core::ports::{DeviceScope, StoreError, View};
use chaveiro_core::query::{Filter, Order, ResourceField};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use serde_json::Value;

use crate::query::QueryError;
use crate::render::Form;

const DEVICE_COUNT: &str = "deviceCount";

/// Refuses to filter and order by what [`in_sight`] does not tell: answers and cursors would.
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
    view: &dyn View,
    sight: &Visibility,
    resource: Resource,
    form: Form,
) -> Result<Resource, StoreError> {
    if *sight == Visibility::All || resource.kind != ResourceKind::DetectedApp {
        return Ok(resource);
    }
    let count = match form {
        Form::Listed => Value::Null,
        Form::Single => {
            let scope = DeviceScope::WithApp(resource.id);
            view.count_devices(resource.tenant, scope, sight, &Filter::always())?.into()
        }
    };
    let mut properties: Value = serde_json::from_str(&resource.properties).unwrap_or_default();
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(DEVICE_COUNT.to_owned(), count);
    }
    Ok(Resource { properties: properties.to_string(), ..resource })
}
