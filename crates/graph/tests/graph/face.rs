//! Entities and walks beside the seven URLs: what Graph hangs on a device, the other kinds of scripts, `me`, and what
//! a PATCH keeps.

use super::*;

impl World {
    /// A token of that user, through an application.
    pub(crate) fn token_of_user(&self, scopes: &str, object_id: &str, principal_name: &str) -> String {
        let now = self.clock.now().as_second();
        self.sign(&json!({
            "aud": BASE, "iss": format!("{BASE}/{}/v2.0", tenant(1)), "tid": tenant(1),
            "iat": now, "nbf": now, "exp": now + 3600,
            "azp": id_of_an_application(), "idtyp": "user", "oid": object_id, "sub": object_id, "upn": principal_name, "scp": scopes,
        }))
    }
}

impl World {
    async fn make_administrator(&self, number: u64, principal_name: &str) {
        use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
        let assignment = RoleAssignment {
            id: chaveiro_core::id::AssignmentId(id(0xa5, number)),
            tenant: tenant(1),
            display_name: None,
            description: None,
            role: chaveiro_core::role::Role::parse("intune-administrator").expect("a role"),
            principal: Principal::new(PrincipalKind::User, principal_name),
            scope: scope_tag::Visibility::All,
            created: self.clock.now(),
        };
        self.store.write(move |unit| Ok(unit.insert_role_assignment(&assignment)?)).await.expect("inserted");
    }
}

fn id_of_an_application() -> String {
    id(0xaa, 1).to_string()
}

#[tokio::test]
async fn what_graph_hangs_on_a_device_is_empty_or_absent_and_nothing_else() {
    let world = World::new().await;
    let token = world.token();
    for (name, status) in [
        ("deviceCompliancePolicyStates", 200),
        ("deviceConfigurationStates", 200),
        ("logCollectionRequests", 200),
        ("assignmentFilterEvaluationStatusDetails", 200),
        ("managedDeviceMobileAppConfigurationStates", 200),
        ("securityBaselineStates", 200),
        ("deviceCategory", 404),
        ("windowsProtectionState", 404),
    ] {
        let (found, answer) = world.call(&token, "GET", &format!("{}/{name}", device_path(1)), "").await;
        assert_eq!(found, status, "{name}: {answer}");
        if status == 200 {
            assert_eq!((&answer["value"], &answer["@odata.count"]), (&json!([]), &json!(0)), "{name}");
            let key = format!("{}/{name}/{}", device_path(1), id(1, 1));
            assert_eq!(world.call(&token, "GET", &key, "").await.0, 404, "{key}");
            let absent = format!("{}/{name}", device_path(99));
            assert_eq!(world.call(&token, "GET", &absent, "").await.0, 404, "{absent}");
        }
    }
    let states = format!("{}/deviceHealthScriptStates", device_path(1));
    let (_, answer) = world.call(&token, "GET", &states, "").await;
    assert_eq!(answer["value"][0]["id"], id(0xd0, 1).to_string(), "{answer}");
    let of_another = format!("{}/deviceHealthScriptStates/{}", device_path(4), id(0xd0, 1));
    assert_eq!(world.call(&token, "GET", &of_another, "").await.0, 404);
}

#[tokio::test]
async fn every_kind_of_script_leads_to_the_device_through_the_states_of_its_users_too() {
    let world = World::new().await;
    let token = world.token();
    let bind = json!({"managedDevice@odata.bind": format!("{BASE}{}", device_path(1))}).to_string();
    for scripts in ["deviceManagementScripts", "deviceShellScripts", "deviceCustomAttributeShellScripts"] {
        let collection = format!("/beta/deviceManagement/{scripts}");
        let (status, script) = world.call(&token, "POST", &collection, "{\"displayName\":\"x\"}").await;
        assert_eq!(status, 201, "{script}");
        let script = format!("{collection}/{}", script["id"].as_str().expect("an id"));
        let (status, user) =
            world.call(&token, "POST", &format!("{script}/userRunStates"), "{\"userPrincipalName\":\"a@b.c\"}").await;
        assert_eq!(status, 201, "{user}");
        let user = format!("{script}/userRunStates/{}", user["id"].as_str().expect("an id"));
        for parent in [&script, &user] {
            let (status, state) = world.call(&token, "POST", &format!("{parent}/deviceRunStates"), &bind).await;
            assert_eq!(status, 201, "{state}");
            let device = format!("{parent}/deviceRunStates/{}/managedDevice", state["id"].as_str().expect("an id"));
            assert_eq!(world.call(&token, "GET", &device, "").await.1["id"], device_id_text(1));
            assert_eq!(world.call(&token, "POST", &format!("{device}/recoverPasscode"), "").await.0, 204, "{device}");
        }
        assert_eq!(world.call(&token, "DELETE", &script, "").await.0, 204);
        assert_eq!(world.call(&token, "GET", &user, "").await.0, 404, "what belongs to a script goes with it");
    }
    let frequency = |text: &str| json!({"displayName": "x", "executionFrequency": text}).to_string();
    let shell = "/beta/deviceManagement/deviceShellScripts";
    assert_eq!(world.call(&token, "POST", shell, &frequency("PT1H")).await.0, 201);
    assert_eq!(world.call(&token, "POST", shell, &frequency("hourly")).await.0, 400);
}

fn device_id_text(number: u64) -> String {
    device(number).to_string()
}

#[tokio::test]
async fn me_is_the_user_of_the_token_and_an_application_has_none() {
    let world = World::new().await;
    let scopes =
        "User.Read.All DeviceManagementManagedDevices.PrivilegedOperations.All DeviceManagementManagedDevices.Read.All";
    let key = device(1);
    let user = id(0xa, 1).to_string();
    for (number, name) in [(1, "somebody@else.example"), (2, "ana@example.org"), (3, "nobody@example.org")] {
        world.make_administrator(number, name).await;
    }
    // By object id of ours, by principal name when the directory's object id is another.
    for token in [
        world.token_of_user(scopes, &user, "somebody@else.example"),
        world.token_of_user(scopes, &id(0xabc, 7).to_string(), "ANA@example.org"),
    ] {
        for me in ["me", "ME", "users/me-token-to-replace", "users('me-token-to-replace')"] {
            let (status, answer) = world.call(&token, "GET", &format!("/v1.0/{me}"), "").await;
            assert_eq!((status, &answer["id"]), (200, &json!(user)), "{me}: {answer}");
            let recover = format!("/beta/{me}/managedDevices/{key}/recoverPasscode");
            assert_eq!(world.call(&token, "POST", &recover, "").await.0, 204, "{me}");
            let foreign = format!("/beta/{me}/managedDevices/{}/recoverPasscode", device(4));
            assert_eq!(world.call(&token, "POST", &foreign, "").await.0, 404, "{me}");
        }
        let (_, listed) = world.call(&token, "GET", "/v1.0/me/managedDevices", "").await;
        assert_eq!(listed["value"].as_array().map(Vec::len), Some(1));
        let context = listed["@odata.context"].as_str().unwrap_or_default();
        assert!(context.contains("/$metadata#users('"), "{context}");
    }
    let stranger = world.token_of_user(scopes, &id(0xabc, 8).to_string(), "nobody@example.org");
    assert_eq!(world.call(&stranger, "GET", "/beta/me", "").await.0, 404);
    let (status, answer) = world.call(&world.token(), "GET", "/beta/me/managedDevices", "").await;
    assert_eq!(status, 400);
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(text.starts_with("/me request is only valid with delegated authentication flow."), "{text}");
}

#[tokio::test]
async fn a_patch_of_a_device_keeps_all_it_takes_and_refuses_the_rest() {
    let world = World::new().await;
    let token = world.token();
    let through_user = format!("/beta/users/{}/managedDevices/{}", id(0xa, 1), device(1));
    for (path, body, property, value) in [
        (device_path(1), json!({"notes": "on loan"}), "notes", json!("on loan")),
        (device_path(1), json!({"notes": null}), "notes", Value::Null),
        (device_path(1), json!({"managedDeviceName": "kiosk"}), "managedDeviceName", json!("kiosk")),
        (device_path(1), json!({"ownerType": "personal"}), "managedDeviceOwnerType", json!("personal")),
        (device_path(1), json!({"managedDeviceOwnerType": "company"}), "ownerType", json!("company")),
        (device_path(1), json!({"roleScopeTagIds": ["7", "12"]}), "roleScopeTagIds", json!(["12", "7"])),
        (through_user.clone(), json!({"notes": "via its user"}), "notes", json!("via its user")),
    ] {
        let (status, answer) = world.call(&token, "PATCH", &path, &body.to_string()).await;
        assert_eq!((status, &answer[property]), (200, &value), "{body}: {answer}");
        assert_eq!(world.call(&token, "GET", &device_path(1), "").await.1[property], value, "{body}");
    }
    for (body, word) in [
        (json!({"deviceFirmwareConfigurationInterfaceManaged": true}), "cannot be set here"),
        (json!({"complianceState": "compliant"}), "read-only"),
        (json!({"roleScopeTagIds": []}), "1 to 100"),
        (json!({"ownerType": "company", "managedDeviceOwnerType": "personal"}), "same"),
        (json!({"hardwareInformation": {}}), "read-only"),
    ] {
        let (status, answer) = world.call(&token, "PATCH", &device_path(1), &body.to_string()).await;
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && text.contains(word), "{body}: {answer}");
    }
    for (of, status) in [("managedDevice", 200), ("windowsManagedDevice", 200), ("user", 400)] {
        let body = json!({"@odata.type": format!("#microsoft.graph.{of}"), "notes": of});
        assert_eq!(world.call(&token, "PATCH", &device_path(1), &body.to_string()).await.0, status, "{of}");
    }
    assert_eq!(world.call(&token, "DELETE", &through_user, "").await.0, 204);
    assert_eq!(world.call(&token, "GET", &device_path(1), "").await.1["managementState"], "retireIssued");
}

#[tokio::test]
async fn a_deleted_device_is_retired_and_its_passcode_can_still_be_read() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;
    assert_eq!(world.call(&token, "DELETE", &device_path(1), "").await.0, 204);
    let (_, seen) = world.call(&token, "GET", &format!("{}?$select=deviceActionResults", device_path(1)), "").await;
    assert_eq!(seen["deviceActionResults"][0]["passcode"], PLANTED, "{seen}");
}

#[tokio::test]
async fn segments_of_graph_that_the_server_lacks_are_told_from_unknown_ones() {
    let world = World::new().await;
    let token = world.token();
    let (scripts, script) = ("/beta/deviceManagement", id(0xc1, 1));
    for (path, word) in [
        (format!("{}/wipe", device_path(1)), "'wipe': Microsoft Graph knows it"),
        (format!("{}/microsoft.graph.REBOOTNOW", device_path(1)), "'rebootNow': Microsoft Graph knows it"),
        (format!("{}/getFileVaultKey()", device_path(1)), "Microsoft Graph knows it"),
        ("/beta/deviceManagement/managedDevices/executeAction".into(), "cannot be recovered in bulk"),
        ("/beta/deviceManagement/comanagedDevices/microsoft.graph.executeAction".into(), "cannot be recovered in bulk"),
        (format!("/beta/users/{}/managedDevices/moveDevicesToOU", id(0xa, 1)), "Microsoft Graph knows it"),
        ("/beta/deviceManagement/managedDevices/appDiagnostics(upn='a')".into(), "Microsoft Graph knows it"),
        (format!("{scripts}/deviceHealthScripts/{script}/runSummary"), "'runSummary': Microsoft Graph knows it"),
        (format!("{scripts}/deviceComplianceScripts('{script}')/Assignments"), "'assignments': Microsoft Graph knows"),
        (format!("{scripts}/deviceShellScripts/{script}/groupAssignments/{script}"), "'groupAssignments': Microsoft"),
        (format!("{scripts}/deviceManagementScripts/{script}/assign"), "'assign': Microsoft Graph knows it"),
        (format!("/v1.0/users/{script}/managedAppRegistrations/$count"), "'managedAppRegistrations': Microsoft"),
        ("/v1.0/me/deviceManagementTroubleshootingEvents('1')".into(), "Microsoft Graph knows it"),
        (format!("{scripts}/deviceHealthScripts/{script}/groupAssignments"), "the segment 'groupAssignments'."),
        (format!("{}/assignments", device_path(1)), "the segment 'assignments'."),
        (format!("{}/resetEverything", device_path(1)), "Resource not found for the segment 'resetEverything'."),
    ] {
        let (status, answer) = world.call(&token, "POST", &path, "{}").await;
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && text.contains(word), "{path}: {answer}");
        assert_eq!(answer["error"]["code"], "BadRequest");
    }
}

#[tokio::test]
async fn every_answer_says_what_it_is_about() {
    let world = World::new().await;
    let token = world.token();
    let (user, script) = (id(0xa, 1), id(0xc1, 1));
    for (path, context) in [
        (device_path(1), "deviceManagement/managedDevices/$entity".to_owned()),
        (
            format!("{}?$select=id,deviceName", device_path(1)),
            "deviceManagement/managedDevices(id,deviceName)/$entity".into(),
        ),
        ("/beta/deviceManagement/managedDevices".into(), "deviceManagement/managedDevices".into()),
        (format!("/beta/users/{user}/managedDevices"), format!("users('{user}')/managedDevices")),
        (
            format!(
                "/beta/deviceManagement/deviceManagementScripts/{script}/deviceRunStates/{}/managedDevice",
                id(0xd1, 1)
            ),
            format!(
                "deviceManagement/deviceManagementScripts('{script}')/deviceRunStates('{}')/managedDevice/$entity",
                id(0xd1, 1)
            ),
        ),
    ] {
        let (_, answer) = world.call(&token, "GET", &path, "").await;
        assert_eq!(answer["@odata.context"], format!("{BASE}/beta/$metadata#{context}"), "{path}");
    }
}

#[tokio::test]
async fn a_health_script_has_no_parameters_and_says_so() {
    let world = World::new().await;
    let token = world.token();
    let scripts = "/beta/deviceManagement/deviceHealthScripts";
    let (status, made) = world.call(&token, "POST", scripts, r#"{"displayName": "x"}"#).await;
    assert_eq!((status, &made["detectionScriptParameters"]), (201, &json!([])), "{made}");
    assert_eq!(made["remediationScriptParameters"], json!([]));
    let one = json!([{"@odata.type": "#microsoft.graph.deviceHealthScriptStringParameter", "name": "a"}]);
    let body = json!({"displayName": "x", "detectionScriptParameters": one}).to_string();
    let (status, answer) = world.call(&token, "POST", scripts, &body).await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(status == 400 && text.contains("detectionScriptParameters") && text.contains("runs none"), "{answer}");
}
