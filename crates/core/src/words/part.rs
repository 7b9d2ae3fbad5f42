//! Parts of a record as values: what a store keeps, and what administrators set, without the type of each part.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::id::ResourceId;
use crate::query::Value;

/// The `Part` that is the field of that name.
macro_rules! part {
    ($field:ident) => {
        Some(Part {
            name: stringify!($field),
            get: |device| $crate::part::Valued::to_value(&device.$field),
            set: |device, value| $crate::part::put(&mut device.$field, value),
        })
    };
}
pub(crate) use part;

/// A type of parts.
pub(crate) trait Valued: Sized {
    /// The value.
    fn to_value(&self) -> Value;

    /// The part with that value, if it can have it.
    fn from_value(value: Value) -> Option<Self>;
}

/// Puts a value in the place of a part. Returns false if the part cannot have it.
pub(crate) fn put<T: Valued>(part: &mut T, value: Value) -> bool {
    T::from_value(value).map(|value| *part = value).is_some()
}

impl<T: Valued> Valued for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl Valued for bool {
    fn to_value(&self) -> Value {
        Value::Flag(*self)
    }

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Flag(flag) = value { Some(flag) } else { None }
    }
}

impl Valued for String {
    fn to_value(&self) -> Value {
        self.as_str().into()
    }

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.into()) } else { None }
    }
}

impl Valued for BTreeSet<String> {
    fn to_value(&self) -> Value {
        Value::Texts(self.iter().cloned().collect())
    }

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Texts(texts) = value { Some(texts.into_iter().collect()) } else { None }
    }
}

impl Valued for Timestamp {
    fn to_value(&self) -> Value {
        Value::Time(self.as_microsecond())
    }

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Time(micros) = value { Self::from_microsecond(micros).ok() } else { None }
    }
}

impl Valued for ResourceId {
    fn to_value(&self) -> Value {
        self.to_string().into()
    }

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { text.parse().ok() } else { None }
    }
}
