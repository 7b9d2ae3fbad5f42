//! `managedDeviceOverview`: the numbers of managed devices by operating system, of those that the caller sees.
//!
//! Reference: the public metadata's type of that name. `linuxCount` is of beta alone: in v1.0 Linux counts as unknown.

use chaveiro_core::device::Platform;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError};
use chaveiro_core::query::{DeviceField, Filter, Test};
use serde_json::{Value, json};

use super::device_management::DEVICE_MANAGEMENT;
use crate::entity::{Entity, Nothing, Reading, Served, Told};
use crate::follow::Finding;
use crate::kind::Kind;
use crate::model::properties::{ID, number, texts};
use crate::model::{ComplexType, Edge, Edm, EntityType, Filters, KeyForm, Property, complex_type};
use crate::query::Selection;
use crate::render::outline::{Values, Wanted};
use crate::render::{Form, complex, named};
use crate::resolve::Version;
use crate::short_list::Rendered;

const ENROLLED: &str = "enrolledDeviceCount";
const MDM_ENROLLED: &str = "mdmEnrolledCount";
/// Property and type have one name.
const SYSTEMS: &str = "deviceOperatingSystemSummary";
const ACCESS_STATES: &str = "deviceExchangeAccessStateSummary";

const BY_SYSTEM: ComplexType = complex_type(
    SYSTEMS,
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
    ACCESS_STATES,
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
    number(ENROLLED).read_only(),
    number(MDM_ENROLLED).read_only(),
    number("dualEnrolledDeviceCount").read_only(),
    Property::new(SYSTEMS, Edm::Complex(&BY_SYSTEM)).read_only(),
    Property::new(ACCESS_STATES, Edm::Complex(&BY_ACCESS)).read_only(),
    Property::new("managedDeviceModelsAndManufacturers", Edm::Complex(&MODELS)).read_only().beta(),
    Property::new("lastModifiedDateTime", Edm::DateTime).read_only().beta(),
];

static OVERVIEW: EntityType = EntityType {
    about: "The numbers of the managed devices that the caller sees, by operating system. v1.0 has no `linuxCount`, so Linux is in `unknownCount` there.",
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

    /// Counts what the caller selects.
    fn served(self: Box<Self>, from: &Reading<'_>, selection: &Selection, _: Form) -> Result<Told, StoreError> {
        let count = |shown_by: &[&str], set, filter| match selection.contains_any(shown_by, &OVERVIEW) {
            true => from.view.count_devices(from.tenant, DeviceScope::managed(set), from.sight, &filter),
            false => Ok(0),
        };
        let of = |platform: Platform| {
            let test = Test::Equal(platform.operating_system().into());
            let filter = Filter::Is { field: DeviceField::OPERATING_SYSTEM, test, holds: true };
            count(&[SYSTEMS], DeviceSet::All, filter)
        };
        Ok(Box::new(Numbers {
            of: *self,
            all: count(&[ENROLLED, MDM_ENROLLED, ACCESS_STATES], DeviceSet::All, Filter::always())?,
            windows: of(Platform::Windows)?,
            windows_phone: of(Platform::WindowsPhone)?,
            linux: of(Platform::Linux)?,
            comanaged: count(&[SYSTEMS], DeviceSet::Comanaged, Filter::always())?,
        }))
    }
}

/// The numbers of an overview.
struct Numbers {
    of: Overview,
    all: u64,
    windows: u64,
    windows_phone: u64,
    linux: u64,
    comanaged: u64,
}

impl Served for Numbers {
    fn entity(&self) -> &dyn Entity {
        &self.of
    }
}

impl Values for Numbers {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let version = wanted.version;
        Some(match wanted.property.name {
            "id" => json!(self.of.0),
            ENROLLED | MDM_ENROLLED => json!(self.all),
            SYSTEMS => {
                let known = [
                    ("windowsMobileCount", json!(self.windows_phone)),
                    ("windowsCount", json!(self.windows)),
                    ("unknownCount", json!(if version == Version::Beta { 0 } else { self.linux })),
                    ("configMgrDeviceCount", json!(self.comanaged)),
                    ("linuxCount", json!(self.linux)),
                ];
                complex(&BY_SYSTEM, version, named(known))
            }
            // No device's mailbox is guarded here.
            ACCESS_STATES => complex(&BY_ACCESS, version, named([("unavailableDeviceCount", json!(self.all))])),
            _ => return None,
        })
    }
}
