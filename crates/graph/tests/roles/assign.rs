//! Role assignments through the API: their content, the callers who may make and remove each, and that no caller gains
//! rights by them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chaveiro_core::alert::{Alert, News};
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::{Actor, ActorKind, Caller, HostUser};
use chaveiro_core::decisions::assign_roles;
use chaveiro_core::id::AssignmentId;
use chaveiro_core::principal::{MAX_ASSIGNMENTS, Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::role::{ROLES, Role};
use serde_json::{Value, json};

use super::{DEVICES, message, world};
use crate::world::{BASE, FOREIGN, OTHER, OWN, World, device, id, permissions, seeded, tenant};

const DEFINITIONS: &str = "/beta/deviceManagement/roleDefinitions";
const ASSIGNMENTS: &str = "/beta/deviceManagement/roleAssignments";

fn role(key: &str) -> &'static Role {
    Role::parse(key).expect("a role")
}

/// A body that assigns that role: on all devices, or on those with a tag.
fn body(key: &str, kind: &str, name: &str, tag: Option<&str>) -> String {
    let mut body = json!({
        "@odata.type": "#microsoft.graph.deviceAndAppManagementRoleAssignment",
        "id": "",
        "displayName": "x",
        "roleDefinition@odata.bind": format!("https://graph.microsoft.com/beta/deviceManagement/roleDefinitions('{}')", role(key).id),
        "members": [name],
        "chaveiro_principalType": kind,
        "scopeType": if tag.is_some() { "resourceScope" } else { "allDevices" },
        "resourceScopes": [],
    });
    if let Some(tag) = tag {
        body["chaveiro_scopeTags"] = json!([tag]);
    }
    body.to_string()
}

/// A world with a role administrator, who has nothing else.
async fn administered() -> (World, String) {
    let world = world().await;
    world.assign(1, "intune-role-administrator", PrincipalKind::User, "ana@x", None).await;
    let ana = world.person("ana@x");
    (world, ana)
}

#[tokio::test]
async fn a_role_is_given_found_named_and_taken_back_without_a_shell() {
    let (world, ana) = administered().await;
    let bob = world.person("bob@x");
    assert_eq!(world.ask(&bob, "GET", DEVICES, &[]).await.0, 401);
    let given = body("help-desk-operator", "user", " Bob@X ", Some("own"));
    let (status, made) = world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &given).await;
    assert_eq!(status, 201, "{made}");
    for (name, value) in [
        ("displayName", json!("x")),
        ("description", json!(null)),
        ("scopeType", json!("resourceScope")),
        ("members", json!(["bob@x"])),
        ("resourceScopes", json!([])),
        ("scopeMembers", json!([])),
        ("chaveiro_principalType", json!("user")),
        ("chaveiro_scopeTags", json!(["own"])),
    ] {
        assert_eq!(made[name], value, "{name} of {made}");
    }
    let (_, seen) = world.ask(&bob, "GET", &format!("{DEVICES}?$select=id"), &[]).await;
    assert_eq!(seen["value"], json!([{"id": device(OWN)}]), "at once, and no further than the tag");

    let path = format!("{ASSIGNMENTS}/{}", made["id"].as_str().expect("text"));
    let renamed = r#"{"displayName": "desk of Lisbon", "description": "until\nJune", "members": ["BOB@x"]}"#;
    let (status, answer) = world.ask_with(&ana, "PATCH", &path, &[], renamed).await;
    assert_eq!((status, &answer["displayName"]), (200, &json!("desk of Lisbon")), "{answer}");
    let (_, single) = world.ask(&ana, "GET", &path, &[]).await;
    assert_eq!((&single["description"], &single["members"]), (&json!("until\nJune"), &json!(["bob@x"])));
    let (_, its) = world.ask(&ana, "GET", &format!("{path}/roleDefinition"), &[]).await;
    assert_eq!(its["displayName"], "Help Desk Operator");

    assert_eq!(world.ask(&ana, "DELETE", &path, &[]).await.0, 204);
    assert_eq!(world.ask(&bob, "GET", DEVICES, &[]).await.0, 401);
    assert_eq!(world.ask(&ana, "DELETE", &path, &[]).await.0, 404);
    let events = world.events().await;
    let told: Vec<_> = events.iter().map(|event| event["activity"].as_str().expect("text")).collect();
    assert_eq!(told, ["roleAssigned", "roleAssignmentChanged", "roleUnassigned"]);
    for event in &events {
        assert_eq!(event["actor"]["userPrincipalName"], "ana@x", "{event}");
        assert!(event["request"].is_string(), "{event}");
        for fact in [["role", "help-desk-operator"], ["user", "bob@x"], ["tags", "own"]] {
            assert!(event["details"].as_array().expect("facts").contains(&json!(fact)), "{fact:?} in {event}");
        }
    }
    let renamed = events[1]["details"].as_array().expect("facts");
    for fact in [["changed", "displayName,description"], ["description", "until\nJune"], ["name", "desk of Lisbon"]] {
        assert!(renamed.contains(&json!(fact)), "{fact:?} in {renamed:?}");
    }
    let told = world.alerts().await;
    let [Alert { news: News::RoleAssigned(given), .. }, Alert { news: News::RoleUnassigned(taken), .. }] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((given, given.principal.as_str()), (taken, "bob@x"));
    assert!(told.iter().all(|alert| alert.actor.user_principal_name.as_deref() == Some("ana@x")), "{told:?}");
    assert!(world.heard.0.load(Ordering::SeqCst) >= 2, "at once");
}

#[tokio::test]
async fn whatever_goes_through_the_api_is_told_by_whatever_token_and_nothing_from_the_host() {
    let (world, ana) = administered().await;
    let names: Vec<String> = permissions().split(' ').map(str::to_owned).collect();
    let operator = world.token_with(&json!({"roles": names, "azp": "chaveiro-cli", "idtyp": "operator", "chaveiro_host": {"user": "root", "uid": 0}}));
    for (token, who) in [(&operator, "bob@x"), (&ana, "eva@x")] {
        let given = body("help-desk-operator", "user", who, None);
        let (status, made) = world.ask_with(token, "POST", ASSIGNMENTS, &[], &given).await;
        assert_eq!(status, 201, "{made}");
        let path = format!("{ASSIGNMENTS}/{}", made["id"].as_str().expect("text"));
        assert_eq!(world.ask(token, "DELETE", &path, &[]).await.0, 204);
    }
    let (caller, row) = (Caller::operator(tenant(1), &person()), seeded(1, 50, "own", world.now()));
    let written = world.store.write(move |unit| {
        let event = |activity| AuditEvent::new(row.tenant, row.created, Actor::operator(&person()), activity);
        assign_roles::assign(unit, &caller, &row, event(Activity::RoleAssigned)).expect_err("the same as a seed");
        let row = RoleAssignment { principal: Principal::new(PrincipalKind::User, "x"), ..row.clone() };
        assign_roles::assign(unit, &caller, &row, event(Activity::RoleAssigned))?;
        assign_roles::unassign(unit, &caller, &row, event(Activity::RoleUnassigned))
    });
    written.await.expect("written");
    let told = world.alerts().await;
    let told: Vec<_> = told.iter().map(|alert| (alert.news.name(), alert.actor.kind)).collect();
    assert_eq!(
        told,
        [
            ("chaveiro.role_assigned", ActorKind::Operator),
            ("chaveiro.role_unassigned", ActorKind::Operator),
            ("chaveiro.role_assigned", ActorKind::Delegated),
            ("chaveiro.role_unassigned", ActorKind::Delegated),
        ]
    );
}

#[tokio::test]
async fn a_caller_who_hangs_up_neither_stops_an_assignment_half_way_nor_keeps_it_quiet() {
    let (world, ana) = administered().await;
    let world = Arc::new(world);
    let (begun, mut began) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    world.meanwhile.before_the_next(move |_| {
        begun.send(()).expect("the test waits");
        // A unit of work may be run again, and only the first run is waited for.
        let _ = waits.recv();
        Ok(())
    });
    let (asking, given) = (Arc::clone(&world), body("help-desk-operator", "user", "bob@x", None));
    let asked = tokio::spawn(async move { asking.ask_with(&ana, "POST", ASSIGNMENTS, &[], &given).await });
    began.recv().await.expect("it is being written");
    let rung = world.heard.0.load(Ordering::SeqCst);
    asked.abort();
    assert!(asked.await.expect_err("gone").is_cancelled());
    drop(go_on);
    let heard = async {
        while world.heard.0.load(Ordering::SeqCst) == rung {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.expect("rung for");
    assert_eq!((world.alerts().await.len(), world.recorded().await), (1, vec!["roleAssigned".to_owned()]));
}

#[tokio::test]
async fn the_roles_are_those_of_the_table_with_the_ids_of_intune() {
    let (world, ana) = administered().await;
    let (_, listed) = world.ask(&ana, "GET", DEFINITIONS, &[]).await;
    let listed = listed["value"].as_array().expect("a list");
    assert_eq!(listed.len(), ROLES.len());
    for (shown, role) in listed.iter().zip(ROLES) {
        assert_eq!((&shown["id"], &shown["chaveiro_key"]), (&json!(role.id), &json!(role.key)));
        assert_eq!((&shown["isBuiltIn"], &shown["isBuiltInRoleDefinition"]), (&json!(true), &json!(true)));
        let names: Vec<_> = role.actions.iter().map(|action| action.name()).collect();
        let allowed = &shown["rolePermissions"][0];
        assert_eq!(allowed["resourceActions"][0]["allowedResourceActions"], json!(names), "{shown}");
        assert_eq!(allowed["resourceActions"][0]["notAllowedResourceActions"], json!([]), "{shown}");
        assert_eq!(shown["permissions"], shown["rolePermissions"]);
    }
    let desk = "9e0cc482-82df-4ab2-a24c-0c23a3f52e1e";
    let (_, single) = world.ask(&ana, "GET", &format!("/v1.0/deviceManagement/roleDefinitions('{desk}')"), &[]).await;
    assert_eq!(single["displayName"], "Help Desk Operator");
    let resource_actions = json!([{"resourceActions": single["rolePermissions"][0]["resourceActions"]}]);
    assert_eq!(single["rolePermissions"], resource_actions, "v1.0 has no actions beside them");
    assert!(single.get("permissions").is_none() && single.get("isBuiltInRoleDefinition").is_none());
    for (query, expected) in [
        ("?$filter=displayName%20eq%20'help%20desk%20operator'&$select=id", json!([{"id": desk}])),
        ("?$filter=startswith(chaveiro_key,'hold')&$select=chaveiro_key", json!([{"chaveiro_key": "hold-releaser"}])),
        ("?$top=1&$orderby=displayName&$select=displayName", json!([{"displayName": "Break Glass"}])),
    ] {
        let (_, found) = world.ask(&ana, "GET", &format!("{DEFINITIONS}{query}"), &[]).await;
        assert_eq!(found["value"], expected, "{query}: {found}");
    }
    let absent = format!("{DEFINITIONS}/{}", id(1, 1));
    assert_eq!(world.ask(&ana, "GET", &absent, &[]).await.0, 404);
    assert_eq!(world.ask(&ana, "GET", &format!("{DEFINITIONS}/desk"), &[]).await.0, 400);
    for (method, path) in [("POST", DEFINITIONS.to_owned()), ("DELETE", format!("{DEFINITIONS}/{desk}"))] {
        assert_eq!(world.ask_with(&ana, method, &path, &[], "{}").await.0, 400, "roles are built in");
    }
}

#[tokio::test]
async fn assignments_are_listed_expanded_and_filtered_from_either_end() {
    let (world, ana) = administered().await;
    world.assign(2, "help-desk-operator", PrincipalKind::Application, "script", None).await;
    let rows = async |path: String| {
        let (status, answer) = world.ask(&ana, "GET", &path, &[]).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer["value"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    };
    let all = rows(format!("{ASSIGNMENTS}?$expand=roleDefinition($select=chaveiro_key)")).await;
    let seen: Vec<_> = all.iter().map(|one| (&one["members"][0], &one["roleDefinition"]["chaveiro_key"])).collect();
    let (absent, desk) = (json!("absent"), json!("help-desk-operator"));
    let (name, key) = (json!("ana@x"), json!("intune-role-administrator"));
    assert_eq!(seen.len(), 4, "none of another tenant: {all:?}");
    for expected in [(&absent, &desk), (&name, &key), (&json!("script"), &desk)] {
        assert!(seen.contains(&expected), "{expected:?} in {seen:?}");
    }
    let of_desk = format!("{DEFINITIONS}/{}/roleAssignments", role("help-desk-operator").id);
    assert_eq!(rows(of_desk.clone()).await.len(), 3);
    assert_eq!(rows(format!("{of_desk}?$filter=chaveiro_principalType%20eq%20'application'")).await.len(), 1);
    assert_eq!(rows(format!("{ASSIGNMENTS}?$filter=scopeType%20eq%20'allDevices'")).await.len(), 2);
    let (_, counted) = world.ask(&ana, "GET", &format!("{ASSIGNMENTS}/$count"), &[]).await;
    assert_eq!(counted, json!(4));
    let by_role = rows(format!("{DEFINITIONS}?$expand=roleAssignments($select=id)")).await;
    let found = by_role.iter().find(|one| one["chaveiro_key"] == "help-desk-operator").expect("listed");
    assert_eq!(found["roleAssignments"].as_array().map(Vec::len), Some(3), "{found}");
    let one = format!("{of_desk}/{}", id(0xa6, OWN));
    assert_eq!(world.ask(&ana, "GET", &one, &[]).await.1["displayName"], "seed 1");
    let elsewhere = format!("{DEFINITIONS}/{}/roleAssignments/{}", role("break-glass").id, id(0xa6, OWN));
    assert_eq!(world.ask(&ana, "GET", &elsewhere, &[]).await.0, 404, "not of that role");
    assert_eq!(world.ask_with(&ana, "POST", &of_desk, &[], "{}").await.0, 400, "made in one place");
    assert_eq!(world.ask(&ana, "GET", &format!("{ASSIGNMENTS}/{}", id(0xa6, FOREIGN)), &[]).await.0, 404);
}

#[tokio::test]
async fn what_an_assignment_does_not_say_is_refused_by_name_and_never_means_everything() {
    let (world, ana) = administered().await;
    let bind = format!("/deviceManagement/roleDefinitions/{}", role("help-desk-operator").id);
    let with = |more: Value| {
        let mut body = json!({"roleDefinition@odata.bind": bind, "members": ["desk"], "scopeType": "allDevices"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body.to_string()
    };
    let unsaid = json!({"roleDefinition@odata.bind": bind, "members": ["desk"]}).to_string();
    let roleless = json!({"members": ["desk"], "scopeType": "allDevices"}).to_string();
    let device = format!("{BASE}{DEVICES}/{}", device(OWN));
    for (body, words) in [
        (unsaid, "'scopeType' must be allDevices, or resourceScope with the tags"),
        (roleless, "needs 'roleDefinition@odata.bind'"),
        (with(json!({"scopeType": "resourceScope"})), "'scopeType' must be"),
        (with(json!({"scopeType": "resourceScope", "chaveiro_scopeTags": []})), "'scopeType' must be"),
        (with(json!({"scopeType": "allLicensedUsers"})), "no scope of users"),
        (with(json!({"scopeType": "everything"})), "one of resourceScope"),
        (with(json!({"chaveiro_scopeTags": ["a"]})), "with allDevices, leave them out"),
        (with(json!({"scopeType": "resourceScope", "chaveiro_scopeTags": ["a b"]})), "'chaveiro_scopeTags' must be"),
        (with(json!({"resourceScopes": ["g"]})), "scope tags in chaveiro_scopeTags"),
        (with(json!({"scopeMembers": ["g"]})), "scope tags in chaveiro_scopeTags"),
        (with(json!({"members": []})), "a list of one id or name"),
        (with(json!({"members": ["a", "b"]})), "an assignment of its own"),
        (with(json!({"chaveiro_principalType": "device"})), "one of user, group, application"),
        (with(json!({"displayName": "x".repeat(257)})), "'displayName' must be text of up to 256"),
        (with(json!({"description": "x".repeat(1501)})), "'description' must be text of up to 1500"),
        (with(json!({"roleScopeTags@odata.bind": []})), "no such binding"),
        (with(json!({"roleDefinition@odata.bind": device})), "the URL of one role"),
        (with(json!({"roleDefinition@odata.bind": "https://elsewhere.example/beta/x"})), "roleDefinitions('{id}')"),
        (with(json!({"roleDefinition@odata.bind": "nonsense"})), "roleDefinitions('{id}')"),
        (with(json!({"roleDefinition@odata.bind": [bind, bind]})), "the URL of one role"),
        (with(json!({"roleDefinition@odata.bind": DEFINITIONS})), "the URL of one role"),
        (with(json!({"roleDefinition@odata.bind": format!("{DEFINITIONS}/{}", id(1, 1))})), "the URL of one role"),
        (with(json!({"id": "5f0c6a1e-0000-0000-0000-000000000000"})), "read-only"),
    ] {
        let (status, answer) = world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(message(&answer).contains(words), "{body}: {answer}");
    }
    let seed = format!("{ASSIGNMENTS}/{}", id(0xa6, OWN));
    for (body, word) in [
        (json!({"members": ["eva"]}), "'members'"),
        (json!({"chaveiro_principalType": "user"}), "'members'"),
        (json!({"chaveiro_scopeTags": ["other"]}), "'scopeType'"),
        (json!({"scopeType": "allDevices", "chaveiro_scopeTags": []}), "'scopeType'"),
        (json!({"roleDefinition@odata.bind": format!("{DEFINITIONS}/{}", role("break-glass").id)}), "'roleDefinition'"),
    ] {
        let (status, answer) = world.ask_with(&ana, "PATCH", &seed, &[], &body.to_string()).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(message(&answer).contains(word) && message(&answer).contains("make another"), "{body}: {answer}");
    }
    let (_, read) = world.ask(&ana, "GET", &seed, &[]).await;
    let mut sent = json!({"roleDefinition@odata.bind": bind});
    for name in ["displayName", "description", "members", "scopeType", "resourceScopes", "chaveiro_scopeTags"] {
        sent[name] = read[name].clone();
    }
    assert_eq!(world.ask_with(&ana, "PATCH", &seed, &[], &sent.to_string()).await.0, 200, "what was read is sent back");
    assert_eq!(world.recorded().await, ["roleAssignmentChanged"], "and nothing else happened");
}

#[tokio::test]
async fn the_same_twice_is_refused_and_so_is_one_too_many() {
    let (world, ana) = administered().await;
    let given = body("help-desk-operator", "group", "Desk", None);
    assert_eq!(world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &given).await.0, 201);
    let again = body("help-desk-operator", "group", "desk", None);
    let (status, answer) = world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &again).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("Request_BadRequest")), "{answer}");
    assert!(message(&answer).contains("already exists"), "{answer}");
    for differs in [
        body("help-desk-operator", "group", "desk", Some("own")),
        body("help-desk-operator", "user", "desk", None),
        body("read-only-operator", "group", "desk", None),
    ] {
        assert_eq!(world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &differs).await.0, 201, "{differs}");
    }
    let now = world.now();
    world
        .write(move |unit| {
            for number in unit.role_assignments(tenant(1))?.len()..MAX_ASSIGNMENTS {
                let row = seeded(1, 1000 + number as u64, "many", now);
                unit.insert_role_assignment(&row)?;
            }
            Ok(())
        })
        .await;
    let one_more = body("help-desk-operator", "user", "eva@x", None);
    let (status, answer) = world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &one_more).await;
    assert_eq!(status, 400, "{answer}");
    assert!(message(&answer).contains("1000 role assignments") && message(&answer).contains("groups"), "{answer}");
    // A caller who filled it up has not kept the operator on the host from helping.
    let row = RoleAssignment { principal: Principal::new(PrincipalKind::User, "eva@x"), ..seeded(1, 3000, "own", now) };
    let event = AuditEvent::new(tenant(1), now, Actor::operator(&person()), Activity::RoleAssigned);
    let written = world
        .store
        .write(move |unit| assign_roles::assign(unit, &Caller::operator(tenant(1), &person()), &row, event.clone()));
    written.await.expect("assigned");
}

#[tokio::test]
async fn callers_cannot_change_their_own_role_assignments() {
    let world = world().await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "ana@x", None).await;
    world.assign(2, "read-only-operator", PrincipalKind::Group, "desk", Some("own")).await;
    world.assign(3, "help-desk-operator", PrincipalKind::User, "oid-1", None).await;
    let ana = world.token_with(&json!({
        "scp": permissions(), "oid": "OID-1", "upn": "Ana@x", "groups": ["Desk", "x"], "azp": "console",
    }));
    for (kind, name) in
        [("user", "ANA@X"), ("user", "oid-1"), ("group", "desk"), ("group", " X "), ("application", "CONSOLE")]
    {
        let (status, answer) =
            world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &body("read-only-operator", kind, name, None)).await;
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("Forbidden")), "{kind} {name}: {answer}");
        for words in ["callers cannot change their own role assignments", "Chaveiro_Roles_Manage", "chaveiro role"] {
            assert!(message(&answer).contains(words), "{words} in {answer}");
        }
    }
    for number in [1, 2, 3] {
        let path = format!("{ASSIGNMENTS}/{}", id(0xa5, number));
        assert_eq!(world.ask(&ana, "DELETE", &path, &[]).await.0, 403, "{number}");
    }
    // The name of a person is not that of a group.
    let other = body("read-only-operator", "group", "ana@x", None);
    assert_eq!(world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &other).await.0, 201);
    world.assign(4, "intune-administrator", PrincipalKind::Application, "robot", None).await;
    let robot = world.token_with(&json!({"roles": permissions().split(' ').collect::<Vec<_>>(), "azp": "Robot"}));
    let (status, answer) = world
        .ask_with(&robot, "POST", ASSIGNMENTS, &[], &body("read-only-operator", "application", "robot", None))
        .await;
    assert_eq!(status, 403, "{answer}");
    assert_eq!(world.ask(&robot, "DELETE", &format!("{ASSIGNMENTS}/{}", id(0xa5, 4)), &[]).await.0, 403);
    assert_eq!(world.recorded().await, ["roleAssigned"]);
}

#[tokio::test]
async fn rights_that_no_permission_implies_are_passed_on_by_those_who_hold_them() {
    let (world, roles) = administered().await;
    world.assign(2, "intune-administrator", PrincipalKind::User, "all@x", None).await;
    world.assign(3, "intune-role-administrator", PrincipalKind::User, "eva@x", None).await;
    world.assign(4, "break-glass", PrincipalKind::User, "eva@x", Some("own")).await;
    let (all, eva) = (world.person("all@x"), world.person("eva@x"));
    let names: Vec<String> = permissions().split(' ').map(str::to_owned).collect();
    let operator = world.token_with(&json!({"roles": names, "azp": "chaveiro-cli", "idtyp": "operator", "chaveiro_host": {"user": "root", "uid": 0}}));
    for (who, token, key, tag, lacking) in [
        ("role administrator", &roles, "help-desk-operator", None, ""),
        ("role administrator", &roles, "passcode-reader", None, ""),
        ("role administrator", &roles, "intune-role-administrator", None, ""),
        ("role administrator", &roles, "hold-releaser", None, "Chaveiro_Holds_Release"),
        ("role administrator", &roles, "break-glass", None, "Chaveiro_BreakGlass_Use"),
        ("role administrator", &roles, "intune-administrator", None, "Chaveiro_Holds_Release"),
        ("administrator", &all, "intune-administrator", None, ""),
        ("administrator", &all, "hold-releaser", Some("own"), ""),
        ("administrator", &all, "break-glass", None, "Chaveiro_BreakGlass_Use"),
        ("holder of break-glass", &eva, "break-glass", Some("own"), ""),
        ("holder of break-glass elsewhere", &eva, "break-glass", Some("other"), "Chaveiro_BreakGlass_Use"),
        ("holder of break-glass somewhere", &eva, "break-glass", None, "Chaveiro_BreakGlass_Use"),
        ("operator", &operator, "break-glass", None, ""),
    ] {
        let given = body(key, "user", &format!("{key}{}@{who}", tag.unwrap_or_default()), tag);
        let (status, answer) = world.ask_with(token, "POST", ASSIGNMENTS, &[], &given).await;
        assert_eq!(status, if lacking.is_empty() { 201 } else { 403 }, "{who}, {key}: {answer}");
        if !lacking.is_empty() {
            let text = message(&answer);
            assert!(text.contains(lacking) && text.contains("chaveiro role assign"), "{who}, {key}: {text}");
        }
    }
}

#[tokio::test]
async fn an_application_gets_nothing_beyond_what_it_had_and_what_the_caller_has() {
    let (world, roles) = administered().await;
    world.assign(2, "intune-administrator", PrincipalKind::User, "all@x", None).await;
    let all = world.person("all@x");
    let assign = async |token: &str, key: &str, app: &str, tag: Option<&str>| {
        let (status, answer) =
            world.ask_with(token, "POST", ASSIGNMENTS, &[], &body(key, "application", app, tag)).await;
        (status, answer["id"].as_str().unwrap_or_default().to_owned(), answer)
    };
    // Before, the application could do all that its permissions allow; the first assignment restricts it to the role.
    let (status, first, answer) = assign(&roles, "passcode-requester", "script", Some("own")).await;
    assert_eq!(status, 201, "{answer}");
    // Each further assignment adds rights.
    for (key, tag, lacking) in [
        ("passcode-requester", None, "ManagedDevices_Read"),
        ("passcode-requester", Some("other"), "ManagedDevices_Read"),
        ("passcode-reader", Some("own"), "Chaveiro_Passcodes_Disclose"),
        ("intune-administrator", Some("own"), "ManagedDevices_Update"),
    ] {
        let (status, _, answer) = assign(&roles, key, "script", tag).await;
        assert_eq!(status, 403, "{key}: {answer}");
        assert!(message(&answer).contains(lacking), "{key}: {answer}");
    }
    assert_eq!(assign(&all, "passcode-reader", "script", Some("own")).await.0, 201);
    // Neither is it a way to rights that no permission implies.
    let (status, _, answer) = assign(&roles, "hold-releaser", "fresh", None).await;
    assert_eq!(status, 403, "{answer}");

    // The last one that goes gives everything that the permissions say.
    let path = |id: &str| format!("{ASSIGNMENTS}/{id}");
    assert_eq!(world.ask(&roles, "DELETE", &path(&first), &[]).await.0, 204, "another binds it still");
    let (_, left) = world
        .ask(&roles, "GET", &format!("{ASSIGNMENTS}?$filter=chaveiro_principalType%20eq%20'application'"), &[])
        .await;
    let last = left["value"][0]["id"].as_str().expect("one");
    let (status, answer) = world.ask(&roles, "DELETE", &path(last), &[]).await;
    assert_eq!(status, 403, "{answer}");
    assert!(message(&answer).contains("everything that its permissions allow"), "{answer}");
    assert!(message(&answer).contains("chaveiro role unassign"), "{answer}");
    assert_eq!(world.ask(&all, "DELETE", &path(last), &[]).await.0, 204);
}

#[tokio::test]
async fn an_application_that_manages_roles_is_no_friend_with_everything() {
    let (world, ana) = administered().await;
    // A role administrator can have an application that manages roles like a person.
    let given = body("intune-role-administrator", "application", "friend", None);
    let (status, answer) = world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &given).await;
    assert_eq!(status, 201, "{answer}");
    let friend = world.token_with(&json!({"roles": permissions().split(' ').collect::<Vec<_>>(), "azp": "friend"}));
    for (key, kind, name, expected) in [
        ("help-desk-operator", "user", "ana@x", 403),
        ("passcode-reader", "group", "x", 403),
        ("help-desk-operator", "application", "ana's", 201),
        ("intune-role-administrator", "user", "bob@x", 201),
    ] {
        let (status, answer) = world.ask_with(&friend, "POST", ASSIGNMENTS, &[], &body(key, kind, name, None)).await;
        assert_eq!(status, expected, "{key} to {name}: {answer}");
    }
}

#[tokio::test]
async fn a_manager_of_the_roles_of_a_scope_sees_those_of_it_and_changes_none() {
    let world = world().await;
    world.assign(1, "intune-role-administrator", PrincipalKind::User, "ana@x", Some("own")).await;
    let ana = world.person("ana@x");
    let (_, listed) = world.ask(&ana, "GET", &format!("{ASSIGNMENTS}?$select=id&$count=true"), &[]).await;
    assert_eq!(listed["@odata.count"], 2, "her own and the one of her scope: {listed}");
    for (number, read, write) in [(OWN, 200, 403), (OTHER, 404, 404), (FOREIGN, 404, 404)] {
        let path = format!("{ASSIGNMENTS}/{}", id(0xa6, number));
        assert_eq!(world.ask(&ana, "GET", &path, &[]).await.0, read, "{number}");
        assert_eq!(world.ask(&ana, "GET", &format!("{path}/roleDefinition"), &[]).await.0, read, "{number}");
        assert_eq!(world.ask(&ana, "DELETE", &path, &[]).await.0, write, "{number}");
        assert_eq!(world.ask_with(&ana, "PATCH", &path, &[], r#"{"displayName": "mine"}"#).await.0, write, "{number}");
    }
    let (_, expanded) = world.ask(&ana, "GET", &format!("{DEFINITIONS}?$expand=roleAssignments"), &[]).await;
    let found: usize = expanded["value"]
        .as_array()
        .expect("roles")
        .iter()
        .map(|role| role["roleAssignments"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(found, 2, "{expanded}");
    let given = body("help-desk-operator", "user", "bob@x", Some("own"));
    assert_eq!(world.ask_with(&ana, "POST", ASSIGNMENTS, &[], &given).await.0, 403);
    let reads = world.token_with(&json!({"scp": "DeviceManagementRBAC.Read.All", "oid": "1", "upn": "ana@x"}));
    assert_eq!(world.ask(&reads, "GET", ASSIGNMENTS, &[]).await.0, 200);
    let (status, answer) = world.ask_with(&reads, "POST", ASSIGNMENTS, &[], &given).await;
    assert_eq!(status, 403);
    assert!(message(&answer).contains("DeviceManagementRBAC.ReadWrite.All"), "{answer}");
}

#[tokio::test]
async fn rights_are_read_when_the_assignment_is_written() {
    let (world, ana) = administered().await;
    let other = AssignmentId(id(0xa6, OWN));
    let path = format!("{ASSIGNMENTS}/{other}");
    let given = body("help-desk-operator", "user", "bob@x", None);
    for (method, path, body) in [
        ("POST", ASSIGNMENTS, given.as_str()),
        ("PATCH", path.as_str(), r#"{"displayName": "mine"}"#),
        ("DELETE", path.as_str(), ""),
    ] {
        // The caller's role goes after the request was admitted and before its unit of work begins.
        world.meanwhile.before_the_next(|unit| {
            unit.delete_role_assignment(tenant(1), AssignmentId(id(0xa5, 1)))?;
            Ok(())
        });
        let (status, answer) = world.ask_with(&ana, method, path, &[], body).await;
        assert_eq!((status, &answer["error"]["code"]), (401, &json!("UnknownError")), "{method}: {answer}");
        assert!(world.recorded().await.is_empty(), "{method}");
        let left: Vec<RoleAssignment> =
            world.store.read(|view| Ok(view.role_assignments(tenant(1))?)).await.expect("read");
        let seeds: Vec<_> = left.iter().map(|one| one.display_name.as_deref()).collect();
        assert_eq!(seeds, [Some("seed 1"), Some("seed 5")], "{method}");
        world.assign(1, "intune-role-administrator", PrincipalKind::User, "ana@x", None).await;
    }
    assert_eq!(world.ask_with(&ana, "DELETE", &path, &[], "").await.0, 204, "with her role she does");
}

/// The person on the host.
fn person() -> HostUser {
    HostUser::new("root", 0)
}
