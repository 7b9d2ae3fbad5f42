//! The route list: the walks to each action, as its page documents them or the shortest one, then every collection and entity.
//! Walks can be longer; what is listed is what a person reads.

use std::collections::VecDeque;
use std::fmt::Write;

use chaveiro_core::actions::ACTIONS;
use chaveiro_core::permission::Permission;
use chaveiro_core::role::RoleAction;

use crate::model::{DOCUMENTED, Edge, MODEL, OPERATIONS, Target};
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

/// How deep a listed collection may lie: scripts, their run states, the device of one, its users.
const MAX_LISTED_HOPS: usize = 3;

/// What is no walk to an entity: method, path, the least permission.
pub(crate) const BESIDE: [(&str, &str, Option<Permission>); 4] = [
    ("POST", BATCH, None),
    ("GET", METADATA, None),
    ("GET", "/deviceManagement/auditEvents/getAuditCategories()", Some(Permission::AppsReadAll)),
    (
        "GET",
        "/deviceManagement/auditEvents/getAuditActivityTypes(category='{category}')",
        Some(Permission::AppsReadAll),
    ),
];

/// Up to twenty requests in one.
pub(crate) const BATCH: &str = "/$batch";

/// The model as CSDL.
pub(crate) const METADATA: &str = "/$metadata";

/// The list.
pub fn routes() -> Vec<RouteRow> {
    let mut rows = Vec::new();
    let device = MODEL.entity_type(Target::Device).map_or("id", |entity| entity.key);
    for action in ACTIONS.iter().filter(|action| !DOCUMENTED.iter().any(|documented| documented.names(action))) {
        rows.push(RouteRow {
            method: "POST",
            path: format!("/deviceManagement/managedDevices/{{{device}}}/{}", action.name),
            permissions: vec![action.permission],
            role_action: action.role_action,
            documented: None,
        });
    }
    for documented in DOCUMENTED {
        for action in ACTIONS.iter().filter(|action| documented.names(action)) {
            rows.push(RouteRow {
                method: "POST",
                path: documented.template.to_owned(),
                permissions: vec![action.permission],
                role_action: action.role_action,
                documented: Some(documented.page),
            });
        }
    }
    // Breadth first: short paths come before long ones.
    let mut open: VecDeque<(String, &'static Edge, usize)> =
        MODEL.edges_from(Target::Service).map(|edge| (format!("/{}", edge.name), edge, 1)).collect();
    while let Some((path, edge, depth)) = open.pop_front() {
        let placeholder = placeholder(&path, MODEL.entity_type(edge.to).map_or("id", |entity| entity.key));
        let entity_path = if edge.many { format!("{path}/{{{placeholder}}}") } else { path.clone() };
        if edge.many {
            add(&mut rows, &path, edge, EndShape::Set);
            add(&mut rows, &format!("{path}/$count"), edge, EndShape::SetCount);
            add(&mut rows, &format!("{path}/$ref"), edge, EndShape::SetRef);
            add(&mut rows, &format!("{entity_path}/$ref"), edge, EndShape::EntityRef);
        }
        add(&mut rows, &entity_path, edge, EndShape::Entity);
        for operation in OPERATIONS.iter().filter(|operation| operation.on == edge.to) {
            rows.push(RouteRow {
                method: "POST",
                path: format!("{entity_path}/{}", operation.name),
                permissions: operation.permissions.to_vec(),
                role_action: role_action_at(edge.to, Verb::Operate),
                documented: None,
            });
        }
        if depth < MAX_LISTED_HOPS {
            for next in MODEL.edges_from(edge.to) {
                open.push_back((format!("{entity_path}/{}", next.name), next, depth + 1));
            }
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
pub fn routes_txt() -> String {
    let mut text = String::from("# Every path stands under /beta and /v1.0. Printed by `chaveiro routes`.\n");
    for (method, path, permission) in BESIDE {
        let least = permission.map_or("-", Permission::name);
        let _ = writeln!(text, "{method:<6} {path}  [{least}]");
    }
    for row in routes() {
        let least = row.permissions.first().map_or("-", |permission| permission.name());
        // Writing into a string does not fail.
        let _ = writeln!(text, "{:<6} {}  [{least}]", row.method, row.path);
    }
    text
}
