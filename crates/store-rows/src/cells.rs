//! The values of a row, in the order in which they are read.

use chaveiro_core::Timestamp;
use chaveiro_core::ports::StoreError;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::message::Field;
use crate::text::{member, moment, parse};

/// The reason why the content of a row cannot be read: the name of a column and the fault, never a value.
#[derive(Debug)]
pub struct Content(pub String);

impl From<Content> for StoreError {
    fn from(Content(text): Content) -> Self {
        Self::Inconsistent(text)
    }
}

fn not_of_its_kind(column: &str) -> Content {
    Content(format!("{column} has a value of another kind"))
}

/// A value that a column holds as it is.
pub trait Plain: Sized {
    /// Returns the value of that column.
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content>;
}

impl Plain for i64 {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        match field {
            Field::Integer(number) => Ok(number),
            _ => Err(not_of_its_kind(column)),
        }
    }
}

impl Plain for i32 {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        Self::try_from(i64::of(field, column)?).map_err(|_| not_of_its_kind(column))
    }
}

impl Plain for u32 {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        Self::try_from(i64::of(field, column)?).map_err(|_| not_of_its_kind(column))
    }
}

impl Plain for u16 {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        Self::try_from(i64::of(field, column)?).map_err(|_| not_of_its_kind(column))
    }
}

impl Plain for bool {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        Ok(i64::of(field, column)? != 0)
    }
}

impl Plain for String {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        text(field, column).map(str::to_owned)
    }
}

impl Plain for Box<str> {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        text(field, column).map(Into::into)
    }
}

impl Plain for Vec<u8> {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        match field {
            Field::Blob(bytes) => Ok(bytes.to_vec()),
            _ => Err(not_of_its_kind(column)),
        }
    }
}

impl<const N: usize> Plain for [u8; N] {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        match field {
            Field::Blob(bytes) => bytes.try_into().map_err(|_| not_of_its_kind(column)),
            _ => Err(not_of_its_kind(column)),
        }
    }
}

impl<T: Plain> Plain for Option<T> {
    fn of(field: Field<'_>, column: &str) -> Result<Self, Content> {
        match field {
            Field::Null => Ok(None),
            field => T::of(field, column).map(Some),
        }
    }
}

fn text<'a>(field: Field<'a>, column: &str) -> Result<&'a str, Content> {
    match field {
        Field::Text(text) => std::str::from_utf8(text).map_err(|_| not_of_its_kind(column)),
        _ => Err(not_of_its_kind(column)),
    }
}

fn optional_text<'a>(field: Field<'a>, column: &str) -> Result<Option<&'a str>, Content> {
    match field {
        Field::Null => Ok(None),
        field => text(field, column).map(Some),
    }
}

fn empty(column: &str) -> Content {
    Content(format!("{column} is empty"))
}

/// The values of a row, which are read in the order of its columns.
pub trait Cells {
    /// Returns the value of the next column, which has that name.
    fn next(&mut self, name: &str) -> Result<Field<'_>, Content>;

    /// Returns the next value.
    fn get<T: Plain>(&mut self, name: &str) -> Result<T, Content> {
        T::of(self.next(name)?, name)
    }

    /// Returns the next value, which is an identifier.
    fn uuid(&mut self, name: &str) -> Result<Uuid, Content> {
        Ok(Uuid::from_bytes(self.get(name)?))
    }

    /// Returns the next value, which is an identifier or empty.
    fn optional_uuid(&mut self, name: &str) -> Result<Option<Uuid>, Content> {
        Ok(self.get::<Option<[u8; 16]>>(name)?.map(Uuid::from_bytes))
    }

    /// Returns the next value, which is a time.
    fn time(&mut self, name: &str) -> Result<Timestamp, Content> {
        moment(self.get(name)?, name)
    }

    /// Returns the next value, which is a time or empty.
    fn optional_time(&mut self, name: &str) -> Result<Option<Timestamp>, Content> {
        self.get::<Option<i64>>(name)?.map(|micros| moment(micros, name)).transpose()
    }

    /// Returns the next value, which is a structure as JSON.
    fn json<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Content> {
        self.optional_json(name)?.ok_or_else(|| empty(name))
    }

    /// Returns the next value, which is a structure as JSON or empty.
    fn optional_json<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Content> {
        optional_text(self.next(name)?, name)?.map(|text| parse(text, name)).transpose()
    }

    /// Returns the next value, which is the name of a member of an enumeration.
    fn name<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Content> {
        self.optional_name(name)?.ok_or_else(|| empty(name))
    }

    /// Returns the next value, which is the name of a member of an enumeration or empty.
    fn optional_name<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Content> {
        optional_text(self.next(name)?, name)?.map(|text| member(text, name)).transpose()
    }
}
