//! Values as parameters and as cells of rows.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use chaveiro_store_rows::cells::{self, Content};
use chaveiro_store_rows::message::Field;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

/// A parameter of a statement. The server says of which type it is; an integer serves as a flag too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sql {
    Null,
    Flag(bool),
    Integer(i64),
    Text(String),
    Uuid(Uuid),
    Bytes(Vec<u8>),
    Integers(Vec<i64>),
    Texts(Vec<String>),
    Uuids(Vec<Uuid>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Sql {
    /// Returns the value as authenticators cover it, which is as it is read back.
    pub(crate) fn field(&self) -> Field<'_> {
        match self {
            Self::Flag(flag) => Field::Integer(i64::from(*flag)),
            Self::Integer(number) => Field::Integer(*number),
            Self::Text(text) => Field::Text(text.as_bytes()),
            Self::Uuid(id) => Field::Blob(id.as_bytes()),
            Self::Bytes(bytes) => Field::Blob(bytes),
            Self::Null | Self::Integers(_) | Self::Texts(_) | Self::Uuids(_) | Self::Blobs(_) => Field::Null,
        }
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $sql:expr),* $(,)?) => {
        $(impl From<$from> for Sql {
            fn from($value: $from) -> Self {
                $sql
            }
        })*
    };
}

from! {
    bool => |flag| Self::Flag(flag),
    i64 => |number| Self::Integer(number),
    i32 => |number| Self::Integer(number.into()),
    u32 => |number| Self::Integer(number.into()),
    u16 => |number| Self::Integer(number.into()),
    usize => |number| Self::Integer(i64::try_from(number).unwrap_or(i64::MAX)),
    String => |text| Self::Text(text),
    &str => |text| Self::Text(text.to_owned()),
    &String => |text| Self::Text(text.clone()),
    Uuid => |id| Self::Uuid(id),
    Vec<u8> => |bytes| Self::Bytes(bytes),
    &[u8] => |bytes| Self::Bytes(bytes.to_vec()),
    [u8; 32] => |bytes| Self::Bytes(bytes.to_vec()),
    &[u8; 32] => |bytes| Self::Bytes(bytes.to_vec()),
    Vec<i64> => |numbers| Self::Integers(numbers),
    Vec<String> => |texts| Self::Texts(texts),
    Vec<Uuid> => |ids| Self::Uuids(ids),
    Vec<Option<Vec<u8>>> => |blobs| Self::Blobs(blobs),
}

impl<T: Into<Sql>> From<Option<T>> for Sql {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl ToSql for Sql {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, ty) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Flag(flag), &Type::BOOL) => out.put_u8(u8::from(*flag)),
            (Self::Integer(number), &Type::BOOL) => out.put_u8(u8::from(*number != 0)),
            (Self::Integer(number), &Type::INT8) => out.put_i64(*number),
            (Self::Integer(number), &Type::INT4) => out.put_i32(i32::try_from(*number)?),
            (Self::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::JSON) => out.put_slice(text.as_bytes()),
            (Self::Uuid(id), &Type::UUID) => out.put_slice(id.as_bytes()),
            (Self::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
            (Self::Integers(numbers), &Type::INT8_ARRAY) => return numbers.to_sql(ty, out),
            (Self::Texts(texts), &Type::TEXT_ARRAY) => return texts.to_sql(ty, out),
            (Self::Uuids(ids), &Type::UUID_ARRAY) => return ids.to_sql(ty, out),
            (Self::Blobs(blobs), &Type::BYTEA_ARRAY) => return blobs.to_sql(ty, out),
            _ => return Err(format!("a parameter is no {ty}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A cell as backends share it, borrowed from its row.
struct Cell<'a>(Field<'a>);

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::BOOL => Field::Integer(i64::from(raw.first() == Some(&1))),
            Type::INT8 => Field::Integer(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Field::Integer(i32::from_be_bytes(raw.try_into()?).into()),
            Type::FLOAT8 => Field::Real(f64::from_be_bytes(raw.try_into()?)),
            Type::UUID | Type::BYTEA => Field::Blob(raw),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::JSON => Field::Text(raw),
            _ => return Err(format!("a column is a {ty}").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Field::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Returns the value of a column.
pub(crate) fn field(row: &Row, place: usize) -> Result<Field<'_>, Content> {
    row.try_get::<_, Cell<'_>>(place).map(|cell| cell.0).map_err(|error| Content(error.to_string()))
}

/// The values of a row, which are read in the order of its columns.
pub(crate) struct Cells<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Cells<'r> {
    /// Returns the values from the first column on.
    pub(crate) fn of(row: &'r Row) -> Self {
        Self::from(row, 0)
    }

    /// Returns the values from that column on.
    pub(crate) fn from(row: &'r Row, next: usize) -> Self {
        Self { row, next }
    }
}

impl cells::Cells for Cells<'_> {
    fn next(&mut self, name: &str) -> Result<Field<'_>, Content> {
        let place = self.next;
        let found = self.row.columns().get(place).map(tokio_postgres::Column::name);
        debug_assert_eq!(found, Some(name), "columns are read in another order");
        self.next += 1;
        field(self.row, place)
    }
}
