//! What a resource says of devices, for a caller who does not see all of them.

use chaveiro_core::ports::{DeviceScope, StoreError, View};
use chaveiro_core::query::Filter;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use serde_json::Value;

use crate::render::Form;

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
        properties.insert("deviceCount".to_owned(), count);
    }
    Ok(Resource { properties: properties.to_string(), ..resource })
}
