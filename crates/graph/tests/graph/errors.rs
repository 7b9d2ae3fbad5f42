//! The catalogue of errors (docs/graph-facts.md#errors), row by row as far as it is about this server: status, code, family of the
//! message, a word of it, a header.

use chaveiro_core::decisions::revocation::end_tokens;
use chaveiro_core::principal::{Principal, PrincipalKind};

use super::*;

/// Who words an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Plain text.
    Plain,
    /// A JSON document inside the message.
    Nested,
}

use Family::{Nested, Plain};

struct Row {
    what: &'static str,
    token: String,
    method: &'static str,
    path: String,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    expected: (u16, &'static str, Family, &'static str, &'static str),
}

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows(world: &World) -> Vec<Row> {
    let now = world.clock.now().as_second();
    let scopes = "DeviceManagementManagedDevices.Read.All";
    let all = world.token();
    let with = |claims: Value| world.signed(claims);
    let few = world.token_for(tenant(1), &[Permission::ManagedDevicesReadWriteAll]);
    let recover = format!("{}/recoverPasscode", device_path(1));
    let row = |what, token: &str, method, path: &str, headers, body, expected| Row {
        what,
        token: token.to_owned(),
        method,
        path: path.to_owned(),
        headers,
        body,
        expected,
    };
    let token = "InvalidAuthenticationToken";
    let scripts = "/beta/deviceManagement/deviceHealthScripts";
    vec![
        row(
            "no token",
            "",
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "Access token is empty.", "www-authenticate"),
        ),
        row("malformed", "abc", "POST", &recover, &[], "", (401, token, Plain, "IDX14100", "www-authenticate")),
        row(
            "expired",
            &with(json!({"exp": now - 4000})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "Lifetime validation failed, the token is expired.", "www-authenticate"),
        ),
        row(
            "not yet valid",
            &with(json!({"nbf": now + 4000})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "expired or is not yet valid", "www-authenticate"),
        ),
        row(
            "an ID token",
            &with(json!({"nonce": "x"})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "This is an ID token; send the access token instead.", "www-authenticate"),
        ),
        row(
            "a logout token",
            &with(json!({"events": {}})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "This is a logout token.", "www-authenticate"),
        ),
        row(
            "a refresh token",
            &with(json!({"typ": "Refresh"})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "This is not an access token.", "www-authenticate"),
        ),
        row(
            "bound to a key",
            &with(json!({"cnf": {"jkt": "x"}})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "The token is bound to a key (cnf)", "www-authenticate"),
        ),
        row(
            "of no client",
            &with(json!({"azp": null})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "The token names no client (azp, appid or client_id).", "www-authenticate"),
        ),
        row(
            "of two clients",
            &with(json!({"appid": "y"})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "name different clients.", "www-authenticate"),
        ),
        row(
            "of nobody",
            &with(json!({"idtyp": "user"})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "The token names no subject (oid or sub).", "www-authenticate"),
        ),
        row(
            "a list where a text belongs",
            &with(json!({"azp": ["x"]})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "The claim azp has the wrong type.", "www-authenticate"),
        ),
        row(
            "without a foreseeable end",
            &with(json!({"exp": 1e300})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "the claim exp is out of range.", "www-authenticate"),
        ),
        row(
            "wrong audience",
            &with(json!({"aud": "https://elsewhere.example"})),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "Invalid audience.", "www-authenticate"),
        ),
        row(
            "bad signature",
            &format!("{}x", all.trim_end_matches(|c: char| c.is_ascii_alphanumeric())),
            "POST",
            &recover,
            &[],
            "",
            (401, token, Plain, "Access token validation failure.", "www-authenticate"),
        ),
        row(
            "revoked",
            &world.signed(
                json!({"azp": "revoked", "roles": ["DeviceManagementManagedDevices.PrivilegedOperations.All"]}),
            ),
            "POST",
            &recover,
            &[],
            "",
            (
                401,
                token,
                Plain,
                "Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
                "www-authenticate",
            ),
        ),
        row(
            "the token lacks the role",
            &few,
            "POST",
            &recover,
            &[],
            "",
            (
                403,
                "Forbidden",
                Nested,
                "must have one of the following scopes: DeviceManagementManagedDevices.PrivilegedOperations.All",
                "",
            ),
        ),
        row(
            "no roles at all",
            &world.token_for(tenant(1), &[]),
            "POST",
            &recover,
            &[],
            "",
            (403, "Forbidden", Nested, "not authorized to perform this operation", ""),
        ),
        row(
            "a person without any role of Intune",
            &world.token_of_user(scopes, "o", "nobody@example.org"),
            "GET",
            &device_path(1),
            &[],
            "",
            (401, "UnknownError", Plain, "\"ErrorCode\":\"Forbidden\"", "www-authenticate"),
        ),
        row(
            "a tenant without Intune",
            &world.token_for(tenant(99), &[Permission::ManagedDevicesReadAll]),
            "GET",
            &device_path(1),
            &[],
            "",
            (400, "BadRequest", Plain, "Request not applicable to target tenant.", ""),
        ),
        row(
            "a personal account",
            &with(json!({"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"})),
            "GET",
            &device_path(1),
            &[],
            "",
            (400, "BadRequest", Plain, "not supported for MSA requests", ""),
        ),
        row(
            "me of an application",
            &all,
            "GET",
            "/beta/me",
            &[],
            "",
            (400, "BadRequest", Plain, "/me request is only valid", ""),
        ),
        row(
            "an unknown device",
            &all,
            "POST",
            &format!("{}/recoverPasscode", device_path(99)),
            &[],
            "",
            (404, "ResourceNotFound", Nested, "An error has occurred", ""),
        ),
        row(
            "a device id that is no GUID",
            &all,
            "DELETE",
            "/v1.0/deviceManagement/managedDevices/Name%3Bid",
            &[],
            "",
            (400, "InternalError", Nested, "%28%27Name%3Bid%27%29", ""),
        ),
        row(
            "the same, in words",
            &all,
            "GET",
            "/beta/deviceManagement/managedDevices/LAPTOP-1",
            &[],
            "",
            (400, "InternalError", Nested, "the id of a managed device must be a GUID, and 'LAPTOP-1' is none", ""),
        ),
        row(
            "a segment that Graph has alone",
            &all,
            "POST",
            "/beta/deviceManagement/reports/exportJobs",
            JSON,
            "{}",
            (
                400,
                "BadRequest",
                Plain,
                "segment 'reports': Microsoft Graph knows it, and this server does not offer it",
                "",
            ),
        ),
        row(
            "the same at the root, in another case",
            &all,
            "GET",
            "/v1.0/Groups/x",
            &[],
            "",
            (400, "BadRequest", Plain, "segment 'groups': Microsoft Graph knows it", ""),
        ),
        row(
            "a segment that is misspelt",
            &all,
            "GET",
            "/v1.0/deviceManagement/manageDevices",
            &[],
            "",
            (400, "BadRequest", Plain, "'manageDevices'. There are managedDevices, comanagedDevices,", ""),
        ),
        row(
            "a segment after a collection",
            &all,
            "GET",
            "/v1.0/deviceManagement/managedDevices/$top",
            &[],
            "",
            (400, "BadRequest", Plain, "'$top'. A collection is followed by a key, $count or $ref.", ""),
        ),
        row(
            "a member of a structure",
            &all,
            "GET",
            &format!("{}/hardwareInformation/models", device_path(1)),
            &[],
            "",
            (400, "BadRequest", Plain, "'models'. 'hardwareInformation' has serialNumber,", ""),
        ),
        row(
            "something after a value",
            &all,
            "GET",
            &format!("{}/deviceName/length", device_path(1)),
            &[],
            "",
            (400, "BadRequest", Plain, "'length'. A property is followed by $value or nothing.", ""),
        ),
        row(
            "something after a function",
            &all,
            "GET",
            "/beta/deviceManagement/auditEvents/getAuditCategories/$count",
            &[],
            "",
            (400, "BadRequest", Plain, "'$count'. Nothing follows a function.", ""),
        ),
        row(
            "a state that does not allow it",
            &all,
            "POST",
            &format!("{}/recoverPasscode", device_path(3)),
            &[],
            "",
            (400, "BadRequest", Nested, "microsoft.management.services.api.recoverPasscode", ""),
        ),
        row(
            "a wrong verb in Intune",
            &all,
            "GET",
            &recover,
            &[],
            "",
            (
                400,
                "No method match route template",
                Plain,
                "~/singleton/navigation/key/action with http verb GET",
                "allow",
            ),
        ),
        row(
            "POST on the collection",
            &all,
            "POST",
            "/beta/deviceManagement/managedDevices",
            JSON,
            "{}",
            (400, "No method match route template", Plain, "~/singleton/navigation with http verb POST", "allow"),
        ),
        row(
            "a wrong verb elsewhere",
            &all,
            "PUT",
            "/beta/users",
            JSON,
            "{}",
            (405, "Request_BadRequest", Plain, "It is PUT; send one of GET, POST, HEAD, OPTIONS.", "allow"),
        ),
        row(
            "an unknown segment",
            &all,
            "GET",
            "/beta/managedDevices",
            &[],
            "",
            (400, "BadRequest", Plain, "Resource not found for the segment 'manageddevices'.", ""),
        ),
        row(
            "an unknown action",
            &all,
            "POST",
            &format!("{}/explode", device_path(1)),
            &[],
            "",
            (400, "BadRequest", Plain, "the segment 'explode'. There are users, detectedApps, deviceCategory,", ""),
        ),
        row(
            "an unknown version",
            &all,
            "GET",
            "/deviceManagement/managedDevices",
            &[],
            "",
            (404, "ResourceNotFound", Plain, "Invalid version: devicemanagement", ""),
        ),
        row(
            "no body where one is needed",
            &all,
            "POST",
            scripts,
            JSON,
            "",
            (400, "BadRequest", Plain, "Empty Payload. JSON content expected.", ""),
        ),
        row(
            "a body that is no JSON",
            &all,
            "POST",
            scripts,
            JSON,
            "{",
            (400, "BadRequest", Plain, "Unable to read JSON request payload.", ""),
        ),
        row(
            "no content type",
            &all,
            "POST",
            scripts,
            &[],
            "{}",
            (400, "BadRequest", Plain, "must contain the Content-Type header declaration.", ""),
        ),
        row(
            "another content type",
            &all,
            "POST",
            scripts,
            &[("Content-Type", "text/plain")],
            "{}",
            (400, "BadRequest", Plain, "It is 'text/plain'; send application/json.", ""),
        ),
        row(
            "another encoding",
            &all,
            "POST",
            scripts,
            &[("Content-Type", "application/json"), ("Content-Encoding", "br")],
            "{}",
            (415, "UnsupportedMediaType", Plain, "gzip", "accept-encoding"),
        ),
        row(
            "a value of another type",
            &all,
            "PATCH",
            &device_path(1),
            JSON,
            r#"{"notes": [1]}"#,
            (400, "BadRequest", Plain, "The value of 'notes' must be a string, and not [1].", ""),
        ),
        row(
            "a property of beta",
            &all,
            "GET",
            "/v1.0/deviceManagement/managedDevices?$select=id,roleScopeTagIds",
            &[],
            "",
            (
                400,
                "BadRequest",
                Plain,
                "'roleScopeTagIds' on type 'microsoft.graph.managedDevice', which $select names. It is in /beta alone.",
                "",
            ),
        ),
        row(
            "a filter on nothing known",
            &all,
            "GET",
            "/beta/deviceManagement/managedDevices?$filter=nope%20eq%201",
            &[],
            "",
            (400, "BadRequest", Plain, "$filter", ""),
        ),
    ]
}

impl World {
    /// A token of the local issuer with other claims than usual.
    fn signed(&self, other: Value) -> String {
        let now = self.clock.now().as_second();
        let mut claims = json!({
            "aud": BASE, "iss": format!("{BASE}/{}/v2.0", tenant(1)), "tid": tenant(1), "iat": now, "nbf": now,
            "exp": now + 3600, "azp": "x", "idtyp": "app", "roles": ["DeviceManagementManagedDevices.Read.All"],
        });
        for (name, value) in other.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        self.sign(&claims)
    }
}

#[tokio::test]
async fn every_row_of_the_catalogue_leaves_as_clients_know_it() {
    let world = World::new().await;
    let (now, gone) = (world.clock.now(), Principal::new(PrincipalKind::Application, "revoked"));
    let revoke = world.store.write(move |unit| end_tokens(unit, tenant(1), std::slice::from_ref(&gone), now));
    revoke.await.expect("revoked");
    for row in rows(&world) {
        let mut request = Request::builder().method(row.method).uri(&row.path).header("client-request-id", "mine");
        if !row.token.is_empty() {
            request = request.header("Authorization", format!("Bearer {}", row.token));
        }
        for (name, value) in row.headers {
            request = request.header(*name, *value);
        }
        let (response, answer) = world.send(request.body(Body::from(row.body)).expect("a request")).await;
        let (status, code, family, word, header) = row.expected;
        let what = row.what;
        assert_eq!((response.status().as_u16(), &answer["error"]["code"]), (status, &json!(code)), "{what}: {answer}");
        assert_eq!(response.headers()["content-type"], "application/json", "{what}");
        assert!(header.is_empty() || response.headers().contains_key(header), "{what}: {header}");
        let message = answer["error"]["message"].as_str().expect("text");
        assert!(message.to_lowercase().contains(&word.to_lowercase()), "{what}: {word} in {message}");
        let inner = &answer["error"]["innerError"];
        assert_eq!(inner["client-request-id"], "mine", "{what}");
        assert_eq!(inner["request-id"], response.headers()["request-id"].to_str().expect("text"), "{what}");
        assert!(inner["date"].as_str().is_some_and(|date| date.len() == 19 && date.is_ascii()), "{what}: no zone");
        match family {
            Plain => assert!(!message.starts_with("{\r\n"), "{what}"),
            Nested => {
                let document: Value = serde_json::from_str(message).unwrap_or_else(|_| panic!("{what}: {message}"));
                assert!(message.starts_with("{\r\n  \"_version\": 3,\r\n"), "{what}");
                let text = document["Message"].as_str().expect("text");
                assert!(
                    text.contains("Activity ID: mine - Url: https://graph.example:8443/DeviceFE/"),
                    "{what}: {text}"
                );
                assert_eq!((&document["CustomApiErrorPhrase"], &document["HttpHeaders"]), (&json!(""), &json!("{}")));
            }
        }
    }
}
