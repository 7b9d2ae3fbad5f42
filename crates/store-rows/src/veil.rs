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

use uuid::Uuid;

use crate::row_key::RowKey;

/// The largest number that fits into a name: SQLite counts up, and does not reach it.
const NUMBERS: u64 = (1 << 62) - 1;

/// The purpose of a name. A name of one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The id of an audit event.
    Event,
    /// The end of a page of a list.
    Page,
}

impl Purpose {
    /// Returns the number of the purpose, which is part of what is authenticated.
    pub fn number(self) -> i64 {
        match self {
            Self::Event => 0,
            Self::Page => 1,
        }
    }
}

/// The key of the names.
#[derive(Clone)]
pub struct Veil(RowKey);

impl Veil {
    /// Returns the key of the names of a database with that key.
    pub fn new(key: &RowKey) -> Self {
        Self(key.derive(b"chaveiro opaque names v1\0"))
    }

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

    /// Returns the name of a number. The tenant is given by its row.
    pub fn name(&self, purpose: i64, tenant: i64, number: u64) -> Uuid {
        const VERSION: u64 = 0xf000;
        let tag = self.digest(purpose, 0, tenant, number) & !VERSION | 0x8000;
        let rest = (number ^ self.digest(purpose, 1, tenant, tag)) & NUMBERS;
        uuid::Builder::from_custom_bytes(Uuid::from_u64_pair(tag, rest).into_bytes()).into_uuid()
    }

    /// Returns the number of a name; `None` if the name is of another tenant, purpose or key.
    pub fn number(&self, purpose: i64, tenant: i64, name: Uuid) -> Option<u64> {
        let (tag, rest) = name.as_u64_pair();
        let number = (rest ^ self.digest(purpose, 1, tenant, tag)) & NUMBERS;
        (self.name(purpose, tenant, number) == name).then_some(number)
    }

    /// Returns the number of a name as text. Only the spelling in which names are written opens; other spellings of the
    /// same UUID are other texts.
    pub fn opened(&self, purpose: i64, tenant: i64, text: &str) -> Option<i64> {
        let name = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
        self.number(purpose, tenant, name).and_then(|number| i64::try_from(number).ok())
    }
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
