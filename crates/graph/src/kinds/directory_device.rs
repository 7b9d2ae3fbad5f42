//! `device`: a managed device as the directory calls it. Tools look here for the id by which other services know a device.
//!
//! Reference: the public metadata's type of that name. `deviceId` is the id in Entra that the device reported, or else the id
//! of the managed device, which is also its `id` here. Retired devices have left.

use chaveiro_core::device::{InventoryField, ManagedDevice, ManagementState, OwnerType};
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError, View};
use chaveiro_core::query::{self, DeviceField, Filter, Listing, Order, Paged, Test};
use chaveiro_core::scope_tag::Visibility;
use serde_json::{Value, json};

use crate::entity::{About, Collection, Entity, Reading, Told};
use crate::kind::Kind;
use crate::model::properties::{ID, text, texts};
use crate::model::{Edge, Edm, EntityType, Filters, KeyForm, Property, SERVICE, Service};
use crate::query::{Fields, QueryError, Selection, Source, constant, detail};
use crate::render::outline::{Values, Wanted};
use crate::render::{Form, date_time};
use crate::resolve::Key;

const DEVICE_ID: &str = "deviceId";

const fn flag(name: &'static str) -> Property {
    Property::new(name, Edm::Boolean).read_only()
}

const fn moment(name: &'static str) -> Property {
    Property::new(name, Edm::DateTime).read_only()
}

const PROPERTIES: &[Property] = &[
    ID,
    flag("accountEnabled"),
    moment("approximateLastSignInDateTime"),
    text(DEVICE_ID).read_only(),
    text("deviceOwnership").read_only(),
    text("displayName").read_only(),
    flag("isCompliant"),
    flag("isManaged"),
    text("managementType").read_only(),
    text("manufacturer").read_only(),
    text("mdmAppId").read_only(),
    text("model").read_only(),
    text("operatingSystem").read_only(),
    text("operatingSystemVersion").read_only(),
    texts("physicalIds").read_only(),
    text("profileType").read_only(),
    moment("registrationDateTime"),
    texts("systemLabels").read_only(),
    text("trustType").read_only(),
];

static DEVICE: EntityType = EntityType {
    about: "A managed device as the directory calls it, read with the permissions of managed devices. `deviceId` is the id in Entra that the device reported, or else the id of the managed device.",
    key_form: KeyForm::ObjectId,
    key_name: Some(DEVICE_ID),
    service: Service::Directory,
    filters: Filters::Named("displayName", || FIELDS.iter().map(|(name, _)| *name).collect()),
    edges: &[Edge { contained: false, ..Edge::many(&SERVICE, "devices", &DEVICE) }],
    ..EntityType::new("device", PROPERTIES, "directoryDeviceId")
};

pub(super) const KIND: Kind = Kind::read_only::<Field>(&DEVICE, |_, _| Some(Box::new(Devices)));

/// A property by which devices are found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    /// That of the managed device.
    Of(DeviceField),
    /// `deviceId`.
    DeviceId,
}

const ENTRA_ID: DeviceField = DeviceField::Reported(InventoryField::AZURE_AD_DEVICE_ID);

const FIELDS: [(&str, Field); 9] = [
    ("id", Field::Of(DeviceField::ID)),
    (DEVICE_ID, Field::DeviceId),
    ("displayName", Field::Of(DeviceField::DEVICE_NAME)),
    ("operatingSystem", Field::Of(DeviceField::OPERATING_SYSTEM)),
    ("operatingSystemVersion", Field::Of(DeviceField::Reported(InventoryField::OS_VERSION))),
    ("manufacturer", Field::Of(DeviceField::Reported(InventoryField::MANUFACTURER))),
    ("model", Field::Of(DeviceField::MODEL)),
    ("registrationDateTime", Field::Of(DeviceField::ENROLLED)),
    ("approximateLastSignInDateTime", Field::Of(DeviceField::LAST_SYNC)),
];

impl Fields for Field {
    const SEARCHED: &'static [Self] = &[];

    fn source(property: &Property) -> Option<Source<Self>> {
        let field = FIELDS.iter().find(|(name, _)| *name == property.name).map(|(_, field)| field.clone());
        match property.name {
            "accountEnabled" | "isManaged" => Some(Source::Constant(true.into())),
            "isCompliant" | "mdmAppId" | "trustType" => constant(property).map(Source::Constant),
            _ => field.map(Source::Field),
        }
    }
}

/// The condition on managed devices that is true of the same devices.
fn of_managed(filter: &Filter<Field>) -> Filter<DeviceField> {
    let is = |field, test: &Test, holds| Filter::Is { field, test: test.clone(), holds };
    match filter {
        Filter::All(parts) => Filter::all(parts.iter().map(of_managed).collect()),
        Filter::Any(parts) => Filter::any(parts.iter().map(of_managed).collect()),
        Filter::Is { field: Field::Of(field), test, holds } => is(*field, test, *holds),
        Filter::Is { field: Field::DeviceId, test, holds } => {
            let null = Test::Equal(query::Value::Null);
            let by_entra = Filter::all(vec![is(ENTRA_ID, &null, false), is(ENTRA_ID, test, *holds)]);
            let by_us = Filter::all(vec![is(ENTRA_ID, &null, true), is(DeviceField::ID, test, *holds)]);
            Filter::any(vec![by_entra, by_us])
        }
    }
}

/// The managed devices of a tenant.
struct Devices;

impl Collection for Devices {
    type Field = Field;
    type Row = Device;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Device>, StoreError> {
        let by_id = key.id.map_or(Ok(None), |id| view.device(tenant, DeviceId(id)))?;
        let found = by_id.filter(|device| device.management_state == ManagementState::Managed);
        if let Some(found) = found {
            return Ok(Some(Device(found)));
        }
        let test = Test::Equal(key.canonical().into());
        let filter = Filter::Is { field: ENTRA_ID, test, holds: true };
        let listing = Listing { filter, ..Listing::first(2) };
        let found = view.devices(tenant, DeviceScope::managed(DeviceSet::All), &Visibility::All, &listing)?;
        // A device reports this id of itself: where two report one, neither is taken for the other.
        Ok(<[ManagedDevice; 1]>::try_from(found.items).ok().map(|[found]| Device(found)))
    }

    fn count(&self, from: &Reading<'_>, filter: &Filter<Field>) -> Result<u64, StoreError> {
        let scope = DeviceScope::managed(DeviceSet::All);
        from.view.count_devices(from.tenant, scope, from.sight, &of_managed(filter))
    }

    fn rows(&self, from: &Reading<'_>, listing: &Listing<Field>) -> Result<Paged<Device>, StoreError> {
        let keys = listing.order.iter().filter_map(|key| match key.field {
            Field::Of(field) => Some(Order { field, descending: key.descending }),
            Field::DeviceId => None,
        });
        let listing = Listing {
            filter: of_managed(&listing.filter),
            order: keys.collect(),
            after: listing.after.clone(),
            skip: listing.skip,
            limit: listing.limit,
        };
        let scope = DeviceScope::managed(DeviceSet::All);
        let page = from.view.devices(from.tenant, scope, from.sight, &listing)?;
        Ok(Paged { items: page.items.into_iter().map(Device).collect(), next: page.next })
    }

    fn check(&self, _: &Visibility, _: &Filter<Field>, order: &[Order<Field>]) -> Result<(), QueryError> {
        match order.iter().any(|key| key.field == Field::DeviceId) {
            true => Err(QueryError::value(
                "$orderby",
                "deviceId",
                detail!("otherProperty", "another property than {name}", name = "deviceId"),
            )),
            false => Ok(()),
        }
    }
}

/// A managed device in the words of the directory.
struct Device(ManagedDevice);

impl Entity for Device {
    fn entity_type(&self) -> &'static EntityType {
        &DEVICE
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }

    fn is_seen(&self, _: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        Ok(sight.admits(&self.0.scope_tags))
    }

    fn about(&self) -> About<'_> {
        About::Itself(&self.0)
    }

    fn served(self: Box<Self>, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Told, StoreError> {
        Ok(self)
    }
}

impl Values for Device {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let device = &self.0;
        let reported = |field| json!(device.inventory.text(field));
        let ownership = match device.owner_type {
            OwnerType::Unknown => "Unknown",
            OwnerType::Company => "Company",
            OwnerType::Personal => "Personal",
        };
        Some(match wanted.property.name {
            "id" => json!(device.id),
            "accountEnabled" | "isManaged" => json!(true),
            "approximateLastSignInDateTime" => json!(date_time(device.last_sync)),
            DEVICE_ID => match device.inventory.text(InventoryField::AZURE_AD_DEVICE_ID) {
                Some(entra) => json!(entra),
                None => json!(device.id),
            },
            "deviceOwnership" => json!(ownership),
            "displayName" => reported(InventoryField::DEVICE_NAME),
            "managementType" => json!("MDM"),
            "manufacturer" => reported(InventoryField::MANUFACTURER),
            "model" => reported(InventoryField::MODEL),
            "operatingSystem" => json!(device.platform.operating_system()),
            "operatingSystemVersion" => reported(InventoryField::OS_VERSION),
            "profileType" => json!("RegisteredDevice"),
            "registrationDateTime" => json!(date_time(device.enrolled)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_that_is_compared_is_one_of_the_type() {
        for (name, field) in FIELDS {
            let property = DEVICE.property(name).expect(name);
            assert_eq!(Field::source(property), Some(Source::Field(field)));
        }
    }

    #[test]
    fn a_device_id_is_that_of_the_directory_or_else_ours() {
        let id = uuid::Uuid::from_u128(7).to_string();
        for (entra, ours, holds) in [(Some("e"), "e", true), (Some("e"), id.as_str(), false), (None, id.as_str(), true)]
        {
            for negated in [false, true] {
                let test = Test::Equal(ours.into());
                let filter = of_managed(&Filter::Is { field: Field::DeviceId, test, holds: !negated });
                let value = |field: &DeviceField| match *field {
                    DeviceField::ID => id.as_str().into(),
                    _ => entra.map_or(query::Value::Null, query::Value::from),
                };
                assert_eq!(filter.matches(&value), holds != negated, "{entra:?} {ours} {negated}");
            }
        }
    }
}
