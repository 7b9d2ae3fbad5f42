//! OData actions with parameters that are no remote actions, and functions of collections.

use std::collections::BTreeSet;

use chaveiro_core::permission::Permission;
use serde_json::Value;

use super::{Edm, Property};

/// An OData action of an entity. The role that it needs is that of its type.
#[derive(Debug)]
pub struct Operation {
    /// The segment.
    pub name: &'static str,
    /// Any one of these is needed.
    pub permissions: &'static [Permission],
    /// The members of its body, which may be left out where nothing is required.
    pub parameters: &'static [Property],
    /// The type of its answer; 204 without.
    pub answers: Option<Edm>,
    /// Parameters whose values are narrower than their types, with their schemas.
    pub narrowed: Option<Narrowed>,
    /// True if every signed-in user may do it to their own account, without any role.
    pub of_oneself: bool,
}

/// Names of parameters with their schemas.
pub type Narrowed = fn() -> Vec<(&'static str, Value)>;

/// A function of a collection, which answers a list of names.
#[derive(Debug)]
pub struct Function {
    /// The segment, without parentheses.
    pub name: &'static str,
    /// The parameter.
    pub parameter: Option<Parameter>,
    /// The names for that value of the parameter.
    pub names: fn(&str) -> BTreeSet<&'static str>,
}

/// The parameter of a function: text.
#[derive(Debug)]
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// The description of its values in OpenAPI.
    pub description: &'static str,
    /// Values that it takes.
    pub examples: fn() -> BTreeSet<&'static str>,
}
