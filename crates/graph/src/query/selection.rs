//! `$select`: the properties of an answer, and the members of structures.

use serde_json::Value;

use super::error::QueryError;
use crate::model::{Edm, EntityType, Property};
use crate::resolve::Version;
use crate::shown::shown;

/// A property that a caller names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The property.
    pub property: &'static str,
    /// The member of it that the caller names; `None` means all members.
    pub member: Option<&'static str>,
}

impl Named {
    /// The whole of a property.
    pub fn whole(property: &'static str) -> Self {
        Self { property, member: None }
    }

    /// The property of the type with that name, or its member that is named behind a slash.
    fn read(name: &str, entity: &EntityType, version: Version) -> Result<Self, QueryError> {
        let unknown = || {
            let of_beta = version != Version::Beta && Self::read(name, entity, Version::Beta).is_ok();
            let advice = if of_beta { "It is in /beta alone." } else { "$metadata lists the properties of the type." };
            QueryError::Property { name: shown(name), entity: entity.name, advice }
        };
        let (first, member) = name.split_once('/').map_or((name, None), |(first, member)| (first, Some(member)));
        let property = entity.property(first).filter(|property| version.serves(property, entity));
        let property = property.ok_or_else(unknown)?;
        let Some(member) = member else { return Ok(Self::whole(property.name)) };
        let Edm::Complex(of) = property.edm else {
            return Err(QueryError::NoMembers { name: name.to_owned(), property: property.name });
        };
        let member = of.property(member).filter(|member| version.serves_member(member, of)).ok_or_else(unknown)?;
        Ok(Self { property: property.name, member: Some(member.name) })
    }
}

/// The properties that a response holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those that are served without `$select`.
    Default,
    /// All properties; the caller also named these.
    All(Vec<Named>),
    /// The named properties alone.
    Only(Vec<Named>),
}

impl Selection {
    /// The properties of that type with these names. A name that is repeated counts once.
    pub fn of(names: &[String], entity: &EntityType, version: Version) -> Result<Self, QueryError> {
        let mut chosen: Vec<Named> = Vec::new();
        for name in names.iter().filter(|name| *name != "*") {
            let named = Named::read(name, entity, version)?;
            if !chosen.contains(&named) {
                chosen.push(named);
            }
        }
        Ok(if names.iter().any(|name| name == "*") { Self::All(chosen) } else { Self::Only(chosen) })
    }

    /// Returns true if that property is served.
    pub fn contains(&self, property: &Property) -> bool {
        match self {
            Self::Default => !property.on_select,
            Self::All(_) => true,
            Self::Only(_) => self.names(property.name),
        }
    }

    /// Returns true if one of the properties with these names is served.
    pub fn contains_any(&self, names: &[&str], of: &EntityType) -> bool {
        of.properties.iter().any(|property| names.contains(&property.name) && self.contains(property))
    }

    /// Returns true if items of a list show their `@odata.etag`. A caller that names properties gets only those.
    pub fn shows_tag(&self) -> bool {
        !matches!(self, Self::Only(_))
    }

    /// Returns true if the caller wrote the name of that property.
    pub fn names(&self, name: &str) -> bool {
        match self {
            Self::Default => false,
            Self::All(names) | Self::Only(names) => names.iter().any(|named| named.property == name),
        }
    }

    /// The value of a property, reduced to the members that the caller names.
    pub fn narrow(&self, property: &str, value: Value) -> Value {
        let Self::Only(names) = self else { return value };
        let Value::Object(mut object) = value else { return value };
        let of_property = names.iter().filter(|named| named.property == property);
        // A property that is named without a member stays whole.
        if let Some(members) = of_property.map(|named| named.member).collect::<Option<Vec<_>>>() {
            object.retain(|name, _| members.contains(&name.as_str()));
        }
        object.into()
    }

    /// The part of `@odata.context` that tells the selection.
    pub fn context(&self) -> String {
        let name = |named: &Named| match named.member {
            Some(member) => format!("{}/{member}", named.property),
            None => named.property.to_owned(),
        };
        match self {
            Self::Default | Self::All(_) => String::new(),
            Self::Only(names) => format!("({})", names.iter().map(name).collect::<Vec<_>>().join(",")),
        }
    }
}
