//! `managedDeviceOverview`: the numbers of managed devices by operating system, of those that the caller sees.
//!
//! Reference: the public metadata's type of that name. `linuxCount` is of beta alone: in v1.0 Linux counts as unknown.

use chaveiro_core::device::Platform;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError};
use chaveiro_core::query::{DeviceField, Filter, Test};
use serde_json::{Map, Value, json};

use super::device_management::DEVICE_MANAGEMENT;
use crate::entity::{Entity, Nothing, Reading};
use crate::follow::Finding;
use crate::kind::Kind;
use crate::model::properties::{ID, number, texts};
use crate::model::{ComplexType, Edge, Edm, EntityType, Filters, KeyForm, Property, complex_type};
use crate::query::Selection;
use crate::render::{Form, complex, named, object};
use crate::resolve::Version;
use crate::short_list::Rendered;

const BY_SYSTEM: ComplexType = complex_type(
    "deviceOperatingSystemSummary",
    &[
        number("androidCount"),
        number("iosCount"),
        number("macOSCount"),
        number("windowsMobileCount"),
        number("windowsCount"),
        number("unknownCount"),
        number("androidDedicatedCount"),
        number("androidDeviceAdminCount"),
        number("androidFullyManagedCount"),
        number("androidWorkProfileCount"),
        number("androidCorporateWorkProfileCount"),
        number("configMgrDeviceCount"),
        number("aospUserlessCount").beta(),
        number("aospUserAssociatedCount").beta(),
        number("linuxCount").beta(),
        number("chromeOSCount").beta(),
    ],
);

const BY_ACCESS: ComplexType = complex_type(
    "deviceExchangeAccessStateSummary",
    &[
        number("allowedDeviceCount"),
        number("blockedDeviceCount"),
        number("quarantinedDeviceCount"),
        number("unknownDeviceCount"),
        number("unavailableDeviceCount"),
    ],
);

const MODELS: ComplexType =
    complex_type("managedDeviceModelsAndManufacturers", &[texts("deviceModels"), texts("deviceManufacturers")]);

const PROPERTIES: &[Property] = &[
    ID,
    number("enrolledDeviceCount").read_only(),
    number("mdmEnrolledCount").read_only(),
    number("dualEnrolledDeviceCount").read_only(),
    Property::new("deviceOperatingSystemSummary", Edm::Complex(&BY_SYSTEM)).read_only(),
    Property::new("deviceExchangeAccessStateSummary", Edm::Complex(&BY_ACCESS)).read_only(),
    Property::new("managedDeviceModelsAndManufacturers", Edm::Complex(&MODELS)).read_only().beta(),
    Property::new("lastModifiedDateTime", Edm::DateTime).read_only().beta(),
];

static OVERVIEW: EntityType = EntityType {
    key_form: KeyForm::None,
    filters: Filters::Nothing,
    edges: &[Edge::one(&DEVICE_MANAGEMENT, "managedDeviceOverview", &OVERVIEW)],
    ..EntityType::new("managedDeviceOverview", PROPERTIES, "")
};

const READ_ONLY: Kind = Kind::read_only::<Rendered>(&OVERVIEW, |_, _| Some(Box::new(Nothing)));

pub(super) const KIND: Kind = Kind {
    finding: Finding { single: |_, tenant, _| Ok(Some(Box::new(Overview(tenant)))), ..READ_ONLY.finding },
    ..READ_ONLY
};

struct Overview(TenantId);

impl Entity for Overview {
    fn entity_type(&self) -> &'static EntityType {
        &OVERVIEW
    }

    fn id(&self) -> String {
        self.0.to_string()
    }

    fn render(&self, from: &Reading<'_>, selection: &Selection, form: Form) -> Result<Map<String, Value>, StoreError> {
        let count = |set, filter| {
            let scope = DeviceScope::managed(set);
            from.view.count_devices(from.tenant, scope, from.sight, &filter)
        };
        let of = |platform: Platform| {
            let test = Test::Equal(platform.operating_system().into());
            count(DeviceSet::All, Filter::Is { field: DeviceField::OPERATING_SYSTEM, test, holds: true })
        };
        let all = count(DeviceSet::All, Filter::always())?;
        let linux = of(Platform::Linux)?;
        let by_system = [
            ("windowsMobileCount", json!(of(Platform::WindowsPhone)?)),
            ("windowsCount", json!(of(Platform::Windows)?)),
            ("unknownCount", json!(if from.version == Version::Beta { 0 } else { linux })),
            ("configMgrDeviceCount", json!(count(DeviceSet::Comanaged, Filter::always())?)),
            ("linuxCount", json!(linux)),
        ];
        let known = [
            ("id", json!(self.0)),
            ("enrolledDeviceCount", json!(all)),
            ("mdmEnrolledCount", json!(all)),
            ("deviceOperatingSystemSummary", complex(&BY_SYSTEM, from.version, named(by_system))),
            // No device's mailbox is guarded here.
            (
                "deviceExchangeAccessStateSummary",
                complex(&BY_ACCESS, from.version, named([("unavailableDeviceCount", json!(all))])),
            ),
        ];
        Ok(object(&OVERVIEW, from.version, selection, form, named(known)))
    }
}
