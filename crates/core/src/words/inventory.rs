//! The inventory: the values that devices report, one row each.
//!
//! A row names the value in the store, in Graph's `managedDevice`, and in commands. Rendering, filters, the columns of a
//! store, the reference of the conformance suite and the documents go over the rows. An unknown value is served as its row
//! says.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::sha256_hex;
use crate::platform::Platform;
use crate::query::Value;

/// One value that devices report.
#[derive(Debug)]
pub struct Reported {
    /// The name under which it is stored.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// The property of `managedDevice` that has the value, and its aliases; empty if none has.
    pub properties: &'static [&'static str],
    /// True if its property is an empty text while the value is unknown.
    pub or_empty: bool,
    /// The member of `hardwareInformation` that has the value.
    pub hardware: Option<&'static str>,
    /// The platforms that are asked for it after enrolment.
    pub asked_of: &'static [Platform],
    /// The name of the value in stored commands, if that is another.
    pub asked_as: Option<&'static str>,
    /// The description, for the documents.
    pub about: &'static str,
}

/// The kind of a reported value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// The address of a network interface: twelve upper-case hex digits.
    MacAddress,
    /// A number of 32 bits; Graph says 0 while it is unknown.
    Number,
    /// A number of bytes; Graph says 0 while it is unknown.
    Bytes,
    /// True or false; Graph says false while it is unknown.
    Flag,
    /// One of these names; the first says that it is unknown.
    OneOf(&'static [&'static str]),
}

/// A row that has nothing but a name yet.
const ROW: Reported = Reported {
    name: "",
    kind: Kind::Text,
    properties: &[],
    or_empty: false,
    hardware: None,
    asked_of: &[],
    asked_as: None,
    about: "",
};

const EVERYWHERE: &[Platform] = &[Platform::Windows, Platform::WindowsPhone, Platform::Linux];
const LINUX: &[Platform] = &[Platform::Linux];

/// Every value, in the order in which it is asked for.
pub const REPORTED: &[Reported] = &[
    Reported {
        name: "osVersion",
        properties: &["osVersion"],
        asked_of: EVERYWHERE,
        about: "Version of the operating system, such as `10.0.26200.9278`.",
        ..ROW
    },
    Reported {
        name: "deviceName",
        properties: &["deviceName"],
        asked_of: EVERYWHERE,
        about: "Name of the device.",
        ..ROW
    },
    Reported {
        name: "serialNumber",
        properties: &["serialNumber"],
        hardware: Some("serialNumber"),
        asked_of: EVERYWHERE,
        about: "Serial number of the device.",
        ..ROW
    },
    Reported {
        name: "totalStorageBytes",
        kind: Kind::Bytes,
        properties: &["totalStorageSpaceInBytes"],
        hardware: Some("totalStorageSpace"),
        asked_of: EVERYWHERE,
        asked_as: Some("totalStorage"),
        about: "Size of the storage.",
        ..ROW
    },
    Reported {
        name: "freeStorageBytes",
        kind: Kind::Bytes,
        properties: &["freeStorageSpaceInBytes"],
        hardware: Some("freeStorageSpace"),
        asked_of: EVERYWHERE,
        asked_as: Some("freeStorage"),
        about: "Free space of the storage.",
        ..ROW
    },
    Reported {
        name: "physicalMemoryBytes",
        kind: Kind::Bytes,
        properties: &["physicalMemoryInBytes"],
        asked_of: EVERYWHERE,
        asked_as: Some("totalRam"),
        about: "Size of the memory.",
        ..ROW
    },
    Reported {
        name: "isEncrypted",
        kind: Kind::Flag,
        properties: &["isEncrypted"],
        hardware: Some("isEncrypted"),
        asked_of: LINUX,
        about: "Encryption of the system volume.",
        ..ROW
    },
    Reported {
        name: "manufacturer",
        properties: &["manufacturer"],
        hardware: Some("manufacturer"),
        about: "Manufacturer of the device.",
        ..ROW
    },
    Reported { name: "model", properties: &["model"], hardware: Some("model"), about: "Model of the device.", ..ROW },
    Reported {
        name: "language",
        hardware: Some("operatingSystemLanguage"),
        about: "Language of the system, as a tag like `en-US`.",
        ..ROW
    },
    Reported {
        name: "skuNumber",
        kind: Kind::Number,
        properties: &["skuNumber"],
        about: "Edition of Windows, as its SKU number.",
        ..ROW
    },
    Reported {
        name: "azureAdDeviceId",
        properties: &["azureADDeviceId", "azureActiveDirectoryDeviceId"],
        about: "Id of the device in Entra.",
        ..ROW
    },
    Reported {
        name: "imei",
        properties: &["imei"],
        or_empty: true,
        hardware: Some("imei"),
        about: "IMEI of a mobile device.",
        ..ROW
    },
    Reported {
        name: "ethernetMacAddress",
        kind: Kind::MacAddress,
        properties: &["ethernetMacAddress"],
        about: "Address of the first LAN interface.",
        ..ROW
    },
    Reported {
        name: "wifiMacAddress",
        kind: Kind::MacAddress,
        properties: &["wiFiMacAddress"],
        or_empty: true,
        hardware: Some("wifiMac"),
        asked_of: EVERYWHERE,
        about: "Address of the first WLAN interface.",
        ..ROW
    },
    Reported {
        name: "processorArchitecture",
        kind: Kind::OneOf(&["unknown", "x86", "x64", "arm", "arM64"]),
        properties: &["processorArchitecture"],
        asked_of: EVERYWHERE,
        about: "Architecture of the processor.",
        ..ROW
    },
    Reported { name: "asked", about: "Mark of the values that the device was asked for last.", ..ROW },
    Reported { name: "packagesSha256", about: "Hex SHA-256 of the list of packages that was taken last.", ..ROW },
];

/// A reference to a row of [`REPORTED`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InventoryField(usize);

impl InventoryField {
    /// Version of the operating system.
    pub const OS_VERSION: Self = Self::of("osVersion");
    /// Name of the device.
    pub const DEVICE_NAME: Self = Self::of("deviceName");
    /// Serial number.
    pub const SERIAL_NUMBER: Self = Self::of("serialNumber");
    /// Manufacturer.
    pub const MANUFACTURER: Self = Self::of("manufacturer");
    /// Model.
    pub const MODEL: Self = Self::of("model");
    /// Language of the system.
    pub const LANGUAGE: Self = Self::of("language");
    /// Edition of Windows.
    pub const SKU_NUMBER: Self = Self::of("skuNumber");
    /// Id of the device in Entra.
    pub const AZURE_AD_DEVICE_ID: Self = Self::of("azureAdDeviceId");
    /// IMEI.
    pub const IMEI: Self = Self::of("imei");
    /// Address of the first LAN interface.
    pub const ETHERNET_MAC_ADDRESS: Self = Self::of("ethernetMacAddress");
    /// Size of the storage.
    pub const TOTAL_STORAGE: Self = Self::of("totalStorageBytes");
    /// Size of the memory.
    pub const PHYSICAL_MEMORY: Self = Self::of("physicalMemoryBytes");
    /// Mark of the values that the device was asked for last.
    pub const ASKED: Self = Self::of("asked");
    /// Hex SHA-256 of the list of packages that was taken last.
    pub const PACKAGES_SHA256: Self = Self::of("packagesSha256");

    /// The row of that name. In a constant, a name without a row does not compile.
    const fn of(name: &str) -> Self {
        let mut index = 0;
        while !is_same(REPORTED[index].name, name) {
            index += 1;
        }
        Self(index)
    }

    /// Every value, in the order of the rows.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..REPORTED.len()).map(Self)
    }

    /// The value that is stored under that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|field| field.row().name == name)
    }

    /// The value that a property of that name has; the name may be an alias.
    pub const fn of_property(name: &str) -> Option<Self> {
        let mut index = 0;
        while index < REPORTED.len() {
            if is_among(REPORTED[index].properties, name) {
                return Some(Self(index));
            }
            index += 1;
        }
        None
    }

    /// The values that a device of that platform is asked for after enrolment.
    pub fn asked_of(platform: Platform) -> impl Iterator<Item = Self> {
        Self::all().filter(move |field| field.row().asked_of.contains(&platform))
    }

    /// The mark of the values that a device of that platform is asked for. It changes with them.
    pub fn mark(platform: Platform) -> &'static str {
        fn mark(platform: Platform) -> String {
            let names: Vec<&str> = InventoryField::asked_of(platform).map(|field| field.row().name).collect();
            sha256_hex(names.join(" ").as_bytes())[..16].to_owned()
        }
        static MARKS: LazyLock<[String; 3]> =
            LazyLock::new(|| [Platform::Windows, Platform::WindowsPhone, Platform::Linux].map(mark));
        let [windows, windows_phone, linux] = &*MARKS;
        match platform {
            Platform::Windows => windows,
            Platform::WindowsPhone => windows_phone,
            Platform::Linux => linux,
        }
    }

    /// The row.
    pub const fn row(self) -> &'static Reported {
        &REPORTED[self.0]
    }

    fn command_name(self) -> &'static str {
        let row = self.row();
        row.asked_as.unwrap_or(row.name)
    }
}

/// Returns true if a name is one of these, in constants too.
pub(crate) const fn is_among(names: &[&str], name: &str) -> bool {
    let mut index = 0;
    while index < names.len() {
        if is_same(names[index], name) {
            return true;
        }
        index += 1;
    }
    false
}

/// Returns true if two texts are equal, in constants too.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

impl fmt::Debug for InventoryField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().name)
    }
}

impl Serialize for InventoryField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.command_name())
    }
}

impl<'de> Deserialize<'de> for InventoryField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Self::all().find(|field| field.command_name() == name);
        found.ok_or_else(|| D::Error::custom(format!("no inventory value is called {name}")))
    }
}

impl Reported {
    /// The value of its property while it is unknown.
    pub fn unknown(&self) -> Value {
        if self.or_empty { "".into() } else { self.kind.unknown() }
    }

    /// Returns true if the value says something: no empty text stands for an unknown value.
    fn admits(&self, value: &Value) -> bool {
        self.kind.admits(value) && !(self.or_empty && *value == "".into())
    }
}

impl Kind {
    /// The value of a member of `hardwareInformation` while it is unknown.
    pub fn unknown(self) -> Value {
        match self {
            Self::Text | Self::MacAddress => Value::Null,
            Self::Number | Self::Bytes => Value::Number(0),
            Self::Flag => Value::Flag(false),
            Self::OneOf(names) => names.first().map_or(Value::Null, |unknown| (*unknown).into()),
        }
    }

    fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text | Self::MacAddress, Value::Text(_)) | (Self::Flag, Value::Flag(_)) => true,
            (Self::Number, Value::Number(number)) => i32::try_from(*number).is_ok(),
            (Self::Bytes, Value::Number(bytes)) => *bytes >= 0,
            (Self::OneOf(names), Value::Text(name)) => names.contains(&name.as_str()),
            _ => false,
        }
    }
}

/// The values that a device has reported. Copies share them until one of them changes.
#[derive(Clone, Default)]
pub struct Inventory(Arc<Reading>);

/// The values, which are read from their stored form when the first is asked for.
#[derive(Clone, Default)]
struct Reading {
    stored: Box<str>,
    values: OnceLock<Values>,
}

/// The known values, by the places of their rows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Values([Option<Value>; REPORTED.len()]);

impl Default for Values {
    fn default() -> Self {
        Self([const { None }; REPORTED.len()])
    }
}

impl Inventory {
    /// The inventory in that stored form, a JSON object. Of a text that is none, every value is unknown: the device is
    /// asked for its inventory again.
    pub fn stored(text: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Reading { stored: text.into(), values: OnceLock::new() }))
    }

    fn values(&self) -> &Values {
        self.0.values.get_or_init(|| serde_json::from_str(&self.0.stored).unwrap_or_default())
    }

    /// The value, if it is known.
    pub fn get(&self, field: InventoryField) -> Option<&Value> {
        self.values().0[field.0].as_ref()
    }

    /// The value, if it is known and text.
    pub fn text(&self, field: InventoryField) -> Option<&str> {
        match self.get(field) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of its property.
    pub fn served(&self, field: InventoryField) -> Value {
        self.get(field).cloned().unwrap_or_else(|| field.row().unknown())
    }

    /// The value of its member of `hardwareInformation`.
    pub fn of_hardware(&self, field: InventoryField) -> Value {
        self.get(field).cloned().unwrap_or_else(|| field.row().kind.unknown())
    }

    /// Puts a value in the place of the one that was known. Nothing, or a value of another kind, is an unknown value.
    pub fn set(&mut self, field: InventoryField, value: Option<Value>) {
        // The values are read by the comparison.
        if self.get(field) != value.as_ref()
            && let Some(values) = Arc::make_mut(&mut self.0).values.get_mut()
        {
            values.set(field, value);
        }
    }

    /// The inventory with that value.
    pub fn with(mut self, field: InventoryField, value: impl Into<Value>) -> Self {
        self.set(field, Some(value.into()));
        self
    }
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values().known()).finish()
    }
}

impl PartialEq for Inventory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.values() == other.values()
    }
}

impl Eq for Inventory {}

impl Values {
    fn set(&mut self, field: InventoryField, value: Option<Value>) {
        self.0[field.0] = value.filter(|value| field.row().admits(value));
    }

    fn known(&self) -> impl Iterator<Item = (InventoryField, &Value)> {
        InventoryField::all().zip(&self.0).filter_map(|(field, value)| Some((field, value.as_ref()?)))
    }
}

impl Serialize for Inventory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, value) in self.values().known() {
            let name = field.row().name;
            match value {
                Value::Flag(flag) => map.serialize_entry(name, flag)?,
                Value::Number(number) => map.serialize_entry(name, number)?,
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Null | Value::Time(_) | Value::Texts(_) => {}
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Values {
    /// Names without a row and values of another kind are left out.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfValues)
    }
}

struct OfValues;

impl<'de> Visitor<'de> for OfValues {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of reported values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
        let (mut values, mut next) = (Values::default(), 0);
        while let Some(field) = map.next_key_seed(Row(next))? {
            let Given(value) = map.next_value()?;
            if let Some(field) = field {
                values.set(field, value);
                next = field.0 + 1;
            }
        }
        Ok(values)
    }
}

/// Reads the name of a row. They are stored in their order, so the one of that place is most often right.
struct Row(usize);

impl<'de> DeserializeSeed<'de> for Row {
    type Value = Option<InventoryField>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Row {
    type Value = Option<InventoryField>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a reported value")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let mut from_there = (self.0..REPORTED.len()).chain(0..self.0);
        Ok(from_there.find(|row| REPORTED[*row].name == name).map(InventoryField))
    }
}

/// A stored value; nothing stands for one of a kind that no row has.
struct Given(Option<Value>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfGiven).map(Self)
    }
}

struct OfGiven;

impl<'de> Visitor<'de> for OfGiven {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(Value::Flag(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Value::Number(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().map(Value::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_row() {
        let (mut stored, mut asked, mut served, mut hardware) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for field in InventoryField::all() {
            let row = field.row();
            assert_eq!(InventoryField::named(row.name), Some(field));
            stored.push(row.name);
            asked.push(field.command_name());
            served.extend(row.properties);
            hardware.extend(row.hardware);
            assert!(row.about.ends_with('.') && !row.about.contains('|'), "{}", row.name);
        }
        for mut names in [stored, asked, served, hardware] {
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{names:?}");
        }
    }

    #[test]
    fn what_earlier_versions_stored_is_read() {
        let text = r#"{"deviceName":"D","totalStorageBytes":7,"isEncrypted":true,"skuNumber":4,"model":null,"imei":9,
            "freeStorageBytes":18446744073709551615,"ofALaterVersion":{"a":[1]},"osVersion":[1,{"b":2}],
            "language":{"c":[]},"physicalMemoryBytes":1.5}"#;
        let inventory = Inventory::stored(text);
        let stored = serde_json::to_string(&inventory).expect("written");
        assert_eq!(stored, r#"{"deviceName":"D","totalStorageBytes":7,"isEncrypted":true,"skuNumber":4}"#);
        for (name, field) in
            [("totalStorage", InventoryField::TOTAL_STORAGE), ("totalRam", InventoryField::PHYSICAL_MEMORY)]
        {
            assert_eq!(serde_json::to_string(&field).expect("written"), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<InventoryField>(&format!("\"{name}\"")).expect("read"), field);
        }
    }

    #[test]
    fn values_are_read_when_the_first_is_asked_for_and_once_for_all_copies() {
        let inventory = Inventory::stored(r#"{"model":"M","deviceName":"D"}"#);
        let mut copy = inventory.clone();
        assert!(inventory == copy && inventory.0.values.get().is_none(), "copies are equal unread");
        assert_eq!(inventory.text(InventoryField::MODEL), Some("M"), "in any order");
        assert!(copy.0.values.get().is_some());
        copy.set(InventoryField::MODEL, Some("M".into()));
        assert!(Arc::ptr_eq(&inventory.0, &copy.0), "it was so");
        copy.set(InventoryField::MODEL, None);
        assert_eq!((inventory.text(InventoryField::MODEL), copy.text(InventoryField::MODEL)), (Some("M"), None));
        assert_eq!(copy.text(InventoryField::DEVICE_NAME), Some("D"));
        for (text, device_name) in [("{", None), ("[]", None), (r#"{"deviceName":"D"}"#, Some("D"))] {
            assert_eq!(Inventory::stored(text).text(InventoryField::DEVICE_NAME), device_name, "{text}");
        }
    }

    #[test]
    fn an_unknown_value_is_served_empty_where_production_does_and_an_empty_one_is_unknown() {
        let imei = InventoryField::IMEI;
        let mut inventory = Inventory::default().with(imei, "");
        assert_eq!((inventory.get(imei), inventory.served(imei)), (None, "".into()));
        assert_eq!(inventory.of_hardware(imei), Value::Null);
        inventory.set(InventoryField::MODEL, Some("".into()));
        assert_eq!(inventory.served(InventoryField::MODEL), "".into());
        inventory.set(InventoryField::MODEL, None);
        assert_eq!(inventory.served(InventoryField::MODEL), Value::Null);
    }

    #[test]
    fn a_value_of_another_kind_is_unknown() {
        let mut inventory = Inventory::default().with(InventoryField::TOTAL_STORAGE, 7);
        assert_eq!(inventory.served(InventoryField::TOTAL_STORAGE), Value::Number(7));
        inventory.set(InventoryField::TOTAL_STORAGE, Some("much".into()));
        assert_eq!(inventory.served(InventoryField::TOTAL_STORAGE), Value::Number(0));
        assert_eq!(inventory.get(InventoryField::TOTAL_STORAGE), None);
    }
}
