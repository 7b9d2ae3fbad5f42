//! The route list: the walks to each action, as its page documents them or the shortest one, then every collection and entity.
//! Walks can be longer; what is listed is what a person reads.

use std::collections::VecDeque;
use std::fmt::Write;

use chaveiro_core::actions::ACTIONS;
use chaveiro_core::permission::Permission;
use chaveiro_core::remote_action::RemoteAction;
use chaveiro_core::role::RoleAction;

use crate::model::{DOCUMENTED, Edge, Function, Model, SERVICE};
use crate::verb::{EndShape, Verb, permissions, role_action_at, verbs};

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRow {
    /// The HTTP method.
    pub method: &'static str,
    /// The path without version, keys as `{name}`.
    pub path: String,
    /// Any one of these is needed.
    pub permissions: Vec<Permission>,
    /// A role of the caller must allow this too.
    pub role_action: RoleAction,
    /// The page that spells it out, for documented walks to an action.
    pub documented: Option<&'static str>,
}

/// The depth to which collections are listed: scripts, their run states, the device of one.
const MAX_LISTED_HOPS: usize = 3;

/// A request that is no walk to an entity.
pub(crate) enum Beside {
    /// Up to twenty requests in one.
    Batch,
    /// The model as CSDL.
    Metadata,
    /// A function of a collection, at that path, with any one of these permissions.
    Function(&'static Function, String, &'static [Permission]),
}

impl Beside {
    /// The method.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Batch => "POST",
            Self::Metadata | Self::Function(..) => "GET",
        }
    }

    /// The path.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Batch => "/$batch",
            Self::Metadata => "/$metadata",
            Self::Function(_, path, _) => path,
        }
    }

    /// The least permission.
    pub(crate) fn least(&self) -> Option<Permission> {
        match self {
            Self::Batch | Self::Metadata => None,
            Self::Function(_, _, permissions) => permissions.first().copied(),
        }
    }
}

/// The requests that are no walks to an entity.
pub(crate) fn beside(model: &'static Model) -> Vec<Beside> {
    let functions = ends(model).into_iter().flat_map(|(path, edge)| {
        edge.to.functions.iter().filter(move |_| edge.many).map(move |function| {
            let given = function.parameter.as_ref().map(|given| format!("{0}='{{{0}}}'", given.name));
            let path = format!("{path}/{}({})", function.name, given.unwrap_or_default());
            Beside::Function(function, path, edge.read)
        })
    });
    [Beside::Batch, Beside::Metadata].into_iter().chain(functions).collect()
}

/// The edges that are listed, each with the path to its end, short paths first.
fn ends(model: &'static Model) -> Vec<(String, &'static Edge)> {
    let mut open: VecDeque<(String, &'static Edge, usize)> =
        model.edges_from(&SERVICE).map(|edge| (format!("/{}", edge.name), edge, 1)).collect();
    let mut ends = Vec::new();
    while let Some((path, edge, depth)) = open.pop_front() {
        if depth < MAX_LISTED_HOPS {
            let entity_path = entity_path(&path, edge);
            let next = model.edges_from(edge.to);
            open.extend(next.map(|next| (format!("{entity_path}/{}", next.name), next, depth + 1)));
        }
        ends.push((path, edge));
    }
    ends
}

/// The path to an entity at the end of an edge to which that path leads.
fn entity_path(path: &str, edge: &Edge) -> String {
    match edge.many {
        true => format!("{path}/{{{}}}", placeholder(path, edge.to.key)),
        false => path.to_owned(),
    }
}

/// The list.
pub fn routes(model: &'static Model) -> Vec<RouteRow> {
    let mut rows = Vec::new();
    let acts = |action: &RemoteAction, path: String, documented| RouteRow {
        method: "POST",
        path,
        permissions: vec![action.permission],
        role_action: action.role_action,
        documented,
    };
    let device = model.types.iter().find(|entity| entity.acts).map_or("id", |entity| entity.key);
    for action in ACTIONS.iter().filter(|action| !DOCUMENTED.iter().any(|documented| documented.names(action))) {
        let path = format!("/deviceManagement/managedDevices/{{{device}}}/{}", action.name);
        rows.push(acts(action, path, None));
    }
    for documented in DOCUMENTED {
        for action in ACTIONS.iter().filter(|action| documented.names(action)) {
            rows.push(acts(action, documented.template.to_owned(), Some(documented.page)));
        }
    }
    for (path, edge) in ends(model) {
        let entity_path = entity_path(&path, edge);
        if edge.many {
            add(&mut rows, &path, edge, EndShape::Set);
            add(&mut rows, &format!("{path}/$count"), edge, EndShape::SetCount);
            add(&mut rows, &format!("{path}/$ref"), edge, EndShape::SetRef);
            add(&mut rows, &format!("{entity_path}/$ref"), edge, EndShape::EntityRef);
        }
        add(&mut rows, &entity_path, edge, EndShape::Entity);
        for operation in edge.to.operations {
            rows.push(RouteRow {
                method: "POST",
                path: format!("{entity_path}/{}", operation.name),
                permissions: operation.permissions.to_vec(),
                role_action: role_action_at(edge.to, Verb::Operate),
                documented: None,
            });
        }
    }
    rows
}

/// A name for a key that no other key of the path has.
fn placeholder(path: &str, name: &str) -> String {
    match path.contains(&format!("{{{name}}}")) {
        true => format!("{name}1"),
        false => name.to_owned(),
    }
}

fn add(rows: &mut Vec<RouteRow>, path: &str, edge: &'static Edge, shape: EndShape) {
    for (method, verb) in verbs(shape, edge.access) {
        let permissions = permissions(edge, *verb).to_vec();
        let role_action = role_action_at(edge.to, *verb);
        rows.push(RouteRow { method, path: path.to_owned(), permissions, role_action, documented: None });
    }
}

/// The list as text: method, path, least privileged permission.
pub fn routes_txt(model: &'static Model) -> String {
    let mut text = String::from("# Every path stands under /beta and /v1.0. Printed by `chaveiro routes`.\n");
    for row in beside(model) {
        let least = row.least().map_or("-", Permission::name);
        // Writing into a string does not fail.
        let _ = writeln!(text, "{:<6} {}  [{least}]", row.method(), row.path());
    }
    for row in routes(model) {
        let least = row.permissions.first().map_or("-", |permission| permission.name());
        let _ = writeln!(text, "{:<6} {}  [{least}]", row.method, row.path);
    }
    text
}
