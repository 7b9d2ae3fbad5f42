//! A kind of entity: its type, which is data, and its code.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use chaveiro_core::Fault;
use chaveiro_core::ports::{BoxFuture, UnitOfWork};
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::GraphState;
use crate::error::GraphError;
use crate::follow::{Binding, FindMembers, Finding, NO_SINGLE};
use crate::handlers::admit::Asked;
use crate::model::{Access, EntityType};
use crate::query::{Fields, Query};

/// A kind of entity.
pub(crate) struct Kind {
    /// The type.
    pub(crate) entity: &'static EntityType,
    /// The code that finds and lists its entities.
    pub(crate) finding: Finding,
    /// The code that makes one.
    pub(crate) create: Option<Write>,
    /// The code that changes one.
    pub(crate) update: Option<Write>,
    /// The code that removes one, in the unit of work of the request.
    pub(crate) delete: Option<Delete>,
    /// The code of its operations, in their order.
    pub(crate) operations: &'static [Operate],
}

/// A request with a body, admitted, and the end of its walk at that moment.
pub(crate) struct Writing<'a> {
    pub(crate) state: &'a Arc<GraphState>,
    pub(crate) asked: Arc<Asked>,
    pub(crate) binding: Binding,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a mut Body,
}

/// Makes or changes an entity.
pub(crate) type Write = for<'a> fn(Writing<'a>) -> BoxFuture<'a, Result<Response, GraphError>>;

/// Removes the entity at the end of a walk.
pub(crate) type Delete = fn(&mut dyn UnitOfWork, &Asked) -> Result<(), Fault>;

/// Does an operation with parameters that are checked.
pub(crate) type Operate =
    for<'a> fn(&'a Arc<GraphState>, Arc<Asked>, &'a Map<String, Value>) -> BoxFuture<'a, Result<Response, GraphError>>;

impl Kind {
    /// A kind that callers only read, found at the end of its edges by that code, in lists with those fields.
    pub(crate) const fn read_only<F: Fields>(entity: &'static EntityType, members: FindMembers) -> Self {
        let finding = Finding { members, single: NO_SINGLE, check: Query::check::<F> };
        Self { entity, finding, create: None, update: None, delete: None, operations: &[] }
    }
}

/// Fails to compile when an edge or an operation of these kinds has no code, or a kind no description.
pub(crate) const fn require_code(kinds: &[&Kind]) {
    let mut of = 0;
    while of < kinds.len() {
        assert!(!kinds[of].entity.about.is_empty(), "a kind without a description");
        assert!(kinds[of].entity.operations.len() == kinds[of].operations.len(), "an operation without code");
        let edges = kinds[of].entity.edges;
        let mut edge = 0;
        while edge < edges.len() {
            let kind = named(kinds, edges[edge].to.name);
            let owned = matches!(edges[edge].access, Access::Owned);
            let changes = owned || matches!(edges[edge].access, Access::Device);
            assert!(!owned || kind.create.is_some(), "an edge without code that creates");
            assert!(!changes || (kind.update.is_some() && kind.delete.is_some()), "an edge without code that changes");
            edge += 1;
        }
        of += 1;
    }
}

/// The kind of that name. Fails to compile when there is none.
const fn named<'a>(kinds: &[&'a Kind], name: &str) -> &'a Kind {
    let mut at = 0;
    while at < kinds.len() {
        if same(kinds[at].entity.name.as_bytes(), name.as_bytes()) {
            return kinds[at];
        }
        at += 1;
    }
    panic!("an edge leads to a type that is in no list")
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}
