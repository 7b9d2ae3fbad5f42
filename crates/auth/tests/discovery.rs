//! The issuer's description of itself.

use crate::support::{self, BASE, Endpoints, tenant};
use serde_json::json;

#[tokio::test]
async fn discovery_leads_to_endpoints_that_answer_and_keys_that_verify() {
    let endpoints = Endpoints::new().await;
    let id = tenant();
    for path in [format!("/{id}/v2.0"), format!("/{id}"), "/Contoso/v2.0".to_owned(), "/contoso".to_owned()] {
        let (status, document) = endpoints.json(&format!("{path}/.well-known/openid-configuration")).await;
        assert_eq!(status, 200);
        assert_eq!(document["issuer"], format!("{BASE}/{id}/v2.0"), "scheme, host and port of the authority");
        let token = document["token_endpoint"].as_str().expect("an address");
        let derived = token.strip_suffix("/token").map(|path| format!("{path}/devicecode"));
        assert_eq!(document["device_authorization_endpoint"].as_str(), derived.as_deref(), "as MSAL.js derives it");
        for endpoint in ["token_endpoint", "device_authorization_endpoint"] {
            let path = document[endpoint].as_str().and_then(|url| url.strip_prefix(BASE)).expect("ours").to_owned();
            let path: Vec<&str> = path.rsplitn(2, '/').collect();
            assert_eq!(endpoints.post(path[0], &[]).await.1["error"], "invalid_request", "{endpoint} answers");
        }
        for endpoint in ["authorization_endpoint", "end_session_endpoint"] {
            let path = document[endpoint].as_str().and_then(|url| url.strip_prefix(BASE)).expect("ours").to_owned();
            assert!(endpoints.get(&path).await.2.contains("<html lang="), "{endpoint} is a page");
        }
        let keys = document["jwks_uri"].as_str().and_then(|url| url.strip_prefix(BASE)).expect("ours").to_owned();
        let (_, set) = endpoints.json(&keys).await;
        let key = &set["keys"][0];
        assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
        assert!(key["d"].is_null(), "the private half stays here");
    }
}

#[tokio::test]
async fn names_that_stand_for_any_tenant_have_a_placeholder_and_strangers_have_nothing() {
    let endpoints = Endpoints::new().await;
    for name in ["common", "organizations"] {
        let (status, document) = endpoints.json(&format!("/{name}/v2.0/.well-known/openid-configuration")).await;
        assert_eq!((status, &document["issuer"]), (200, &json!(format!("{BASE}/{{tenantid}}/v2.0"))));
        assert_eq!(document["token_endpoint"], format!("{BASE}/{name}/oauth2/v2.0/token"));
        assert_eq!(endpoints.json(&format!("/{name}/discovery/v2.0/keys")).await.0, 200);
    }
    for (name, error) in [
        ("consumers", "invalid_request"),
        ("9188040d-6c67-4c5b-b112-36a304b66dad", "invalid_request"),
        ("nobody", "invalid_tenant"),
        ("99999999-2222-4333-8444-555555555555", "invalid_tenant"),
    ] {
        let (status, answer) = endpoints.json(&format!("/{name}/v2.0/.well-known/openid-configuration")).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(error)), "{name}");
        assert_eq!(endpoints.json(&format!("/{name}/discovery/v2.0/keys")).await.0, 400, "{name}");
    }
    let (_, instance) = endpoints.json("/common/discovery/instance?api-version=1.1").await;
    assert_eq!(instance["metadata"][0]["aliases"][0], "chaveiro.example:8443");
    assert_eq!(endpoints.json("/common/discovery/keys").await.0, 200);
    assert_eq!(endpoints.get("/common/userrealm/ana@contoso.example?api-version=1.0").await.0, 404);
}

#[tokio::test]
async fn the_address_that_a_challenge_names_explains_itself() {
    let endpoints = Endpoints::new().await;
    for name in ["common", "contoso"] {
        let (status, _, new) = endpoints.get(&format!("/{name}/oauth2/v2.0/authorize")).await;
        let (of_challenge, _, page) = endpoints.get(&format!("/{name}/oauth2/authorize?client_id=x")).await;
        assert_eq!((of_challenge, &page), (status, &new));
        assert!(page.contains("no sign-in in the browser"), "{page}");
    }
}

#[tokio::test]
async fn with_two_tenants_any_names_none() {
    let endpoints = Endpoints::new().await;
    let add = endpoints.store.write(|unit| {
        let mut other = unit.tenant(tenant())?.expect("the tenant");
        other.id = chaveiro_core::id::TenantId(uuid::Uuid::from_u128(7));
        Ok(unit.insert_tenant(&other)?)
    });
    add.await.expect("added");
    let fields = [("client_id", Endpoints::TOOL.to_string()), ("scope", support::SCOPE.to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(endpoints.post_at("common", "devicecode", &fields).await.1["error_codes"][0], 50_059);
    // Both are called Contoso: the name names neither.
    assert_eq!(endpoints.post_at("contoso", "devicecode", &fields).await.1["error_codes"][0], 90_002);
    assert_eq!(endpoints.post("devicecode", &fields).await.0, 200);
}
