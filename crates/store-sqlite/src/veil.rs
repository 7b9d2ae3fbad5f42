//! Opaque names of rows. Rows are numbered over all tenants, and a number visible to a tenant would reveal the activity
//! of the others.
//!
//! A name is a UUID of version 8. It has 60 bits of an authenticator of tenant and number, then the number under a mask
//! that the authenticator gives. The keys are derived from the key of the row authenticators, which is not in the
//! database. A name leads back to its number without an index, only in its tenant and for its purpose.
//!
//! ```text
//! tag  = HMAC(key, purpose, 0, tenant, number)        bits 0..64 of the name, without the four of the version
//! rest = number xor HMAC(key, purpose, 1, tenant, tag)   bits 64..128, without the two of the variant
//! ```

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use uuid::Uuid;

use crate::row_key::RowKey;

/// The largest number that fits into a name: SQLite counts up, and does not reach it.
const NUMBERS: u64 = (1 << 62) - 1;

/// The purpose of a name. A name of one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The id of an audit event.
    Event,
    /// The end of a page of a list.
    Page,
}

impl Purpose {
    fn number(self) -> i64 {
        match self {
            Self::Event => 0,
            Self::Page => 1,
        }
    }
}

/// The key of the names.
#[derive(Clone)]
struct Veil(RowKey);

impl Veil {
    /// Returns the first half of a digest over these values.
    fn digest(&self, purpose: i64, step: u8, tenant: i64, value: u64) -> u64 {
        let mut message = Vec::with_capacity(25);
        message.extend(purpose.to_be_bytes());
        message.push(step);
        message.extend(tenant.to_be_bytes());
        message.extend(value.to_be_bytes());
        let mut half = [0; 8];
        half.copy_from_slice(&self.0.sign(&message)[..8]);
        u64::from_be_bytes(half)
    }

    fn name(&self, purpose: i64, tenant: i64, number: u64) -> Uuid {
        const VERSION: u64 = 0xf000;
        let tag = self.digest(purpose, 0, tenant, number) & !VERSION | 0x8000;
        let rest = (number ^ self.digest(purpose, 1, tenant, tag)) & NUMBERS;
        uuid::Builder::from_custom_bytes(Uuid::from_u64_pair(tag, rest).into_bytes()).into_uuid()
    }

    fn number(&self, purpose: i64, tenant: i64, name: Uuid) -> Option<u64> {
        let (tag, rest) = name.as_u64_pair();
        let number = (rest ^ self.digest(purpose, 1, tenant, tag)) & NUMBERS;
        (self.name(purpose, tenant, number) == name).then_some(number)
    }
}

/// Registers the SQL functions `opaque(purpose, tenant, number)`, a text, and `opened(purpose, tenant, text)`, the
/// number or null. The tenant is given by its row.
pub(crate) fn functions(connection: &Connection, key: &RowKey) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let veil = Veil(key.derive(b"chaveiro opaque names v1\0"));
    let opening = veil.clone();
    connection.create_scalar_function("opaque", 3, flags, move |arguments| {
        let number: i64 = arguments.get(2)?;
        Ok(veil.name(arguments.get(0)?, arguments.get(1)?, number.unsigned_abs()).to_string())
    })?;
    connection.create_scalar_function("opened", 3, flags, move |arguments| {
        let (purpose, tenant) = (arguments.get(0)?, arguments.get(1)?);
        // Only the spelling in which names are written; other spellings of the same UUID are other texts.
        let text = arguments.get_raw(2).as_str().ok().filter(|text| text.len() == 36);
        let number = text.and_then(|text| opening.number(purpose, tenant, Uuid::try_parse(text).ok()?));
        Ok(number.and_then(|number| i64::try_from(number).ok()))
    })
}

/// Returns the SQL that names a number. Tenant and number are expressions.
pub(crate) fn opaque(purpose: Purpose, tenant: &str, number: &str) -> String {
    format!("opaque({}, {tenant}, {number})", purpose.number())
}

/// Returns the SQL that opens a name. Tenant and name are expressions.
pub(crate) fn opened(purpose: Purpose, tenant: &str, name: &str) -> String {
    format!("opened({}, {tenant}, {name})", purpose.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veil() -> Veil {
        Veil(RowKey::of_test(7).derive(b"names"))
    }

    #[test]
    fn a_name_leads_back_to_its_number_in_its_tenant_and_for_its_purpose_alone() {
        let veil = veil();
        for number in [0, 1, 2, 1 << 40, NUMBERS] {
            let name = veil.name(0, 1, number);
            assert_eq!(veil.number(0, 1, name), Some(number));
            assert_eq!(veil.number(0, 2, name), None, "another tenant");
            assert_eq!(veil.number(1, 1, name), None, "another purpose");
            assert_eq!(Veil(RowKey::of_test(8).derive(b"names")).number(0, 1, name), None, "another key");
            let flipped = Uuid::from_u128(name.as_u128() ^ 1);
            assert_eq!(veil.number(0, 1, flipped), None);
            assert_eq!((name.get_version_num(), name.get_variant()), (8, uuid::Variant::RFC4122));
        }
        assert_eq!(veil.number(0, 1, Uuid::nil()), None);
    }

    #[test]
    fn names_of_neighbours_have_nothing_in_common() {
        let veil = veil();
        let names: Vec<u128> = (1..=1000).map(|number| veil.name(0, 1, number).as_u128()).collect();
        // Of the 122 free bits, two unrelated names share about half.
        for pair in names.windows(2) {
            let apart = (pair[0] ^ pair[1]).count_ones();
            assert!((25..=97).contains(&apart), "{apart} bits");
        }
        assert!(
            names.windows(2).filter(|pair| pair[0] < pair[1]).count() < 600,
            "their order is not that of their numbers"
        );
    }
}
