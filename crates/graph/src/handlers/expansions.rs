//! The expansions of a request, admitted: a caller that expands an edge needs what reading through it needs.

use chaveiro_core::caller::Caller;
use chaveiro_core::refusal::RightsRefusal;
use chaveiro_core::rights::Rights;
use chaveiro_core::scope_tag::Visibility;

use crate::error::GraphError;
use crate::query::{Expand, Query, Selection};
use crate::resolve::Walk;
use crate::verb::{self, Verb};

/// Expansions of a request that are admitted, each with the devices of which it may be read.
pub(crate) struct Expansions(pub(super) Vec<(Expand, Selection, Visibility)>);

impl Expansions {
    /// Those that the query asks for, if the caller may read through each.
    pub(super) fn admit(walk: &Walk, caller: &Caller, query: &Query, rights: &Rights) -> Result<Self, GraphError> {
        let expands = query.expands(walk)?.into_iter().map(|expand| {
            let verb = if expand.edge.many { Verb::List } else { Verb::Read };
            let required = verb::permissions(expand.edge, verb);
            if !caller.permissions.contains_any(required) {
                return Err(RightsRefusal::MissingPermission(required).into());
            }
            let role_action = verb::role_action_at(expand.edge.to, verb);
            rights.require(role_action)?;
            let selection = match &expand.select {
                Some(names) => Selection::of(names, expand.edge.to, walk.version)?,
                None => Selection::Default,
            };
            Ok((expand, selection, rights.sight_by(role_action)))
        });
        Ok(Self(expands.collect::<Result<_, GraphError>>()?))
    }
}
