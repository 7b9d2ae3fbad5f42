//! Every route, for every kind of caller, on a device of its scope, of another scope and of another tenant. What must come
//! out follows from the tables of routes and roles; what does come out is asked of the real thing.

use std::fmt::Write;

use chaveiro_core::actions::ACTIONS;
use chaveiro_core::principal::PrincipalKind;
use chaveiro_core::role::{ROLES, Role, RoleAction};
use chaveiro_graph::model::Service;
use chaveiro_graph::{MODEL, RouteRow, routes};
use serde_json::json;

use super::NO_HOLD;
use crate::world::{FOREIGN, NO_LIMIT, OTHER, OWN, World, filled, permissions};

/// A column.
struct Column {
    name: String,
    token: String,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Roleless,
    Role(&'static Role, Scope),
    Application,
    Operator,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    Own,
}

async fn columns(world: &World) -> Vec<Column> {
    let names: Vec<String> = permissions().split(' ').map(str::to_owned).collect();
    let mut columns = vec![
        Column { name: "a person without any role".to_owned(), token: world.person("x"), kind: Kind::Roleless },
        Column {
            name: "an application without assignments".to_owned(),
            token: world.token_with(&json!({"roles": names, "azp": "script"})),
            kind: Kind::Application,
        },
        Column {
            name: "an operator".to_owned(),
            token: world.token_with(&json!({"roles": names, "azp": "chaveiro-cli", "idtyp": "operator", "chaveiro_host": {"user": "root", "uid": 0}})),
            kind: Kind::Operator,
        },
    ];
    let all = [(Role::parse("intune-administrator").expect("a role"), Scope::All)];
    let own = ROLES.iter().map(|role| (role, Scope::Own));
    for (number, (role, scope)) in (1..).zip(all.into_iter().chain(own)) {
        let (person, tag) = (format!("p{number}@x"), (scope == Scope::Own).then_some("own"));
        world.assign(number, role.key, PrincipalKind::User, &person, tag).await;
        let where_to = if scope == Scope::All { "on all devices" } else { "in the scope own" };
        let name = format!("{} {where_to}", role.name);
        columns.push(Column { name, token: world.person(&person), kind: Kind::Role(role, scope) });
    }
    columns
}

/// What must come out: `+` it is admitted, `-` 403, `.` 404, `!` 401.
fn expected(route: &RouteRow, kind: Kind, number: u64) -> char {
    // People who are signed in may end their own sessions, without any role; those of this world are no users in it.
    let of_oneself = route.path == "/me/revokeSignInSessions";
    if of_oneself {
        return if matches!(kind, Kind::Roleless | Kind::Role(..)) { '.' } else { '+' };
    }
    // Roles are the same everywhere: their key belongs to no scope.
    let has_keys = route.path.replace("{roleDefinitionId}", "").contains('{');
    let (role, scope) = match kind {
        Kind::Roleless if is_of_directory(route) => return '-',
        Kind::Roleless => return '!',
        Kind::Role(role, scope) => (Some(role), scope),
        Kind::Application | Kind::Operator => (None, Scope::All),
    };
    let allows = |action: RoleAction| match (kind, role) {
        (_, Some(role)) => role.allows(action),
        (Kind::Application, None) => !action.is_only_assigned(),
        (_, None) => true,
    };
    // Graph describes it, and there is none here; an application and an operator have no `me`, and the people of this
    // world are no users in it.
    let absent = ["/{id}", "/{auditEventId}", "/{remoteActionAuditId}", "/deviceCategory", "/windowsProtectionState"]
        .iter()
        .any(|end| route.path.ends_with(end));
    let about_me = route.path.starts_with("/me");
    let by_device =
        ["{managedDeviceId}", "DeviceStateId}", "{directoryDeviceId}"].iter().any(|key| route.path.contains(key));
    let sees = allows(RoleAction::ManagedDevicesRead) && (scope == Scope::All || number == OWN);
    let about_the_tenant = route.method != "GET"
        && !route.path.ends_with("/$ref")
        && !ACTIONS.iter().any(|action| route.path.ends_with(action.name))
        && !route.path.ends_with("{managedDeviceId}")
        && !route.path.ends_with("DeviceStateId}");
    // A hold is about the whole tenant, and there for those who see all of it.
    let hold_unseen = route.path.contains("{chaveiroHoldId}") && scope == Scope::Own;
    let tag_unseen = route.path.contains("{roleScopeTagId}") && scope == Scope::Own && number != OWN;
    let assignment_unseen = route.path.contains("RoleAssignmentId}") && scope == Scope::Own && number != OWN;
    match () {
        () if !allows(route.role_action) => '-',
        () if about_me && role.is_none() => '+',
        () if absent || about_me => '.',
        () if hold_unseen || assignment_unseen || tag_unseen => '.',
        () if has_keys && (number == FOREIGN || by_device && !sees) => '.',
        () if about_the_tenant && scope == Scope::Own => '-',
        () => '+',
    }
}

/// The directory has another answer for a caller without any role.
fn is_of_directory(route: &RouteRow) -> bool {
    let walk = MODEL.parse(&format!("/beta{}", filled(&route.path, OWN)));
    walk.is_ok_and(|walk| walk.service() == Service::Directory)
}

#[tokio::test]
async fn every_route_is_open_to_exactly_those_whom_the_tables_name() {
    let world = World::with(NO_HOLD, NO_LIMIT).await;
    let columns = columns(&world).await;
    let mut printed = String::from(
        "+ admitted   - 403   . 404   ! 401; three signs: a device in the scope \"own\", in another scope, of another tenant\n\n",
    );
    for (number, column) in columns.iter().enumerate() {
        writeln!(printed, "{} {}", letter(number), column.name).expect("written");
    }
    writeln!(printed, "\n{}", (0..columns.len()).map(|number| format!("{}   ", letter(number))).collect::<String>())
        .expect("written");
    let mut wrong = Vec::new();
    for route in routes() {
        for column in &columns {
            for number in [OWN, OTHER, FOREIGN] {
                let path = format!("/beta{}", filled(&route.path, number));
                let must = expected(&route, column.kind, number);
                printed.push(must);
                let (status, answer) = world.ask(&column.token, route.method, &path, &[]).await;
                let found = match status {
                    401 => '!',
                    403 => '-',
                    404 => '.',
                    _ => '+',
                };
                if found != must {
                    wrong.push(format!("{} {path} by {}: {status}, not {must}: {answer}", route.method, column.name));
                }
                if route.method == "DELETE" && found == '+' {
                    let (of, tag) = if number == FOREIGN { (2, "own") } else { (1, tag(number)) };
                    world.restore(of, number, tag).await;
                }
            }
            printed.push(' ');
        }
        writeln!(printed, " {:<6} {}  {}", route.method, route.path, route.role_action).expect("written");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), routes().len(), wrong.join("\n"));
    insta::assert_snapshot!("authorisation_matrix", printed);
}

fn letter(number: usize) -> char {
    char::from(b'A' + number as u8)
}

fn tag(number: u64) -> &'static str {
    if number == OWN { "own" } else { "other" }
}
